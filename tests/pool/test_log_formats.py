"""Logs in other formats than HTCondor's usual one are followed as well (report R37)."""

from contextlib import contextmanager

import pytest

from support.laptop import laptops

pytestmark = pytest.mark.slow

OWN = """container_image = /home/alice/jupyter/{name}/jupyter.sif
transfer_input_files = notebooks
transfer_output_files = notebooks
when_to_transfer_output = ON_EXIT_OR_EVICT
My.SpoolOnEvict = false
should_transfer_files = yes
want_io_proxy = true
log = x.log
log_xml = True
My.JupyterName = "{name}"
request_memory = 1500MB
request_disk = 2GB
queue
"""


@contextmanager
def log_options(pool, options):
    """Have the access point write its users' logs with these options for the duration of the block."""
    pool.put("ap", "/etc/condor/config.d/95-format", f"DEFAULT_USERLOG_FORMAT_OPTIONS = {options}\n".encode())
    pool.exec("ap", ["condor_reconfig"], check=True)
    try:
        yield
    finally:
        pool.exec("ap", ["rm", "/etc/condor/config.d/95-format"], check=True)
        pool.exec("ap", ["condor_reconfig"], check=True)


def test_session_whose_log_is_xml_is_opened_and_its_end_is_seen(new_laptop, pool):
    laptop = new_laptop()
    laptop.on_ap("mkdir", "-p", f"{laptop.folder}/notebooks")
    laptop.on_ap("ln", "-s", "/srv/jupyter.sif", f"{laptop.folder}/jupyter.sif")
    pool.put("ap", f"{laptop.folder}/own.sub", OWN.format(name=laptop.name).encode(), "alice")
    laptop.on_ap("sh", "-c", f"cd {laptop.folder} && condor_submit own.sub")  # `start` would have it written as text
    running = laptop.run_on("connect", laptop.name, "--ap", "ap", "--no-browser")
    assert laptop.answers(running.url())
    assert laptop.on_ap("head", "-1", f"{laptop.folder}/x.log").strip() == "<c>"
    assert laptop.call("stop").returncode == 0
    assert running.wait_end() == 0, running.output
    assert laptop.queued() == []


@pytest.mark.slow
def test_session_is_opened_however_the_access_point_writes_dates(own_pool):
    with laptops(own_pool) as new:
        for options in ("LEGACY UTC SUB_SECOND", "ISO_DATE UTC SUB_SECOND"):
            with log_options(own_pool, options):
                laptop = new()
                running = laptop.start()
                assert laptop.answers(running.url())
                assert laptop.call("stop").returncode == 0
                assert running.wait_end() == 0, running.output
