"""On a slow line, JupyterLab's page is a third of the bytes, and the next session of the same name finds it cached."""

import re

from support.laptop import ADDRESS
from support.waiting import wait_for

_SIZE = ("-o", "/dev/null", "-w", "%{size_download} %{http_code}")


def open_lab(laptop):
    """Start the session, and sign in; return the launcher and where the largest part of the page is."""
    running = laptop.start()
    url = running.url()
    page = laptop.fetch(url, "-H", "Accept: text/html", "-L")
    scripts = re.findall(r'src="(/static/lab/main\.[^"]+)"', page)
    assert scripts, page[:2000]
    return running, ADDRESS.match(url)[1], scripts[0]


def measure(laptop, path, *more):
    size, status = laptop.fetch(laptop.at(path), *_SIZE, *more).split()[-2:]
    return int(size), status


def test_page_is_compressed_and_the_next_session_of_the_name_is_at_the_same_address(new_laptop):
    laptop = new_laptop()
    laptop.keep_address()
    running, address, script = open_lab(laptop)
    plain, compressed = (measure(laptop, script, *more)[0] for more in ((), ("-H", "Accept-Encoding: gzip")))
    assert 0 < compressed < 0.45 * plain
    notebook = "/api/contents?content=0"
    assert measure(laptop, notebook)[0] == measure(laptop, notebook, "-H", "Accept-Encoding: gzip")[0]
    headers = laptop.fetch(laptop.at(script), "-o", "/dev/null", "-D", "-")
    assert "immutable" in headers, "the browser would ask again"
    assert laptop.call("stop").returncode == 0
    assert running.wait_end() == 0
    wait_for(lambda: not laptop.queued(), 60, "the first session to end")
    _, again, same_script = open_lab(laptop)
    assert (again, same_script) == (address, script)
