"""A file that is put into the notebook folder on the access point while the session runs: told of, and fetched."""

import hashlib
import os

import pytest

from support.waiting import wait_for


@pytest.mark.timeout(400)
def test_what_is_put_into_the_folder_is_told_of_and_fetched_by_one_command(new_session, pool):
    session = new_session().submit()
    session.ready()
    data = os.urandom(20_000_000)
    pool.put("ap", f"{session.folder}/notebooks/sub/data.h5", data, "alice")
    pool.put("ap", f"{session.folder}/notebooks/welcome.ipynb", b"{}", "alice")
    wait_for(lambda: any("jupyter-session fetch" in each for each in session.warnings()), 150, "a warning")
    assert session.inside("jupyter-session", "fetch", "nothing.csv").strip() == (
        "There is no new nothing.csv on the access point."
    )
    assert session.inside("jupyter-session", "fetch").splitlines()[-1] == "Fetched sub/data.h5, welcome.ipynb."
    found = session.inside("sha256sum", "notebooks/sub/data.h5", "notebooks/welcome.ipynb").split()
    assert [found[0], found[2]] == [hashlib.sha256(each).hexdigest() for each in (data, b"{}")]
    assert session.inside("jupyter-session", "fetch").strip() == "Nothing is new on the access point."
    session.inside("sh", "-c", "echo '{ }' >notebooks/welcome.ipynb")
    wait_for(lambda: session.file("notebooks/welcome.ipynb") == "{ }\n", 90, "it to be saved")
    session.inside("jupyter-session", "stop")
    session.wait_gone()
    kept = pool.path("ap", f"{session.folder}/notebooks/sub/data.h5").read_bytes()
    assert kept == data
    names = session.ap("ls", "notebooks").stdout
    assert "from" not in names
