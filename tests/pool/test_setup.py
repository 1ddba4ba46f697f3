"""On a machine with nothing installed, `ci/demo` and `ci/test` first install what they need, also two at once."""

import os

import pytest

from support.hosts import ROOT
from testbed.artifacts import image
from testbed.host import commands
from testbed.pool import namespaces, rootfs

TWICE = """
/src/ci/setup & first=$!
/src/ci/setup & second=$!
wait $first && echo first done
wait $second && echo second done
python3 -c "import ensurepip" && mmdebstrap --version
/src/ci/setup && echo nothing left to install
"""


@pytest.mark.timeout(600)
@pytest.mark.slow
def test_two_at_once_on_a_machine_with_nothing_install_all_once(tmp_path):
    root = rootfs.bare()
    assert not (root.path / "usr/bin/mmdebstrap").exists()
    assert not (root.path / "usr/bin/python3").exists()
    log = tmp_path / "log"
    argv = namespaces.sandbox(
        "bare",
        ["sh", "-c", TWICE],
        pidfile=tmp_path / "pid",
        root=root.path,
        scratch=tmp_path / "scratch",
        binds=[(ROOT, "/src"), *((path, str(path)) for path in image.NETWORK_FILES)],
        network=False,
    )
    given = {name: os.environ[name] for name in image.PROXIES if name in os.environ}
    env = {"PATH": namespaces.PATH, "LANG": "C.UTF-8", "HOME": "/root", **given}
    commands.run(argv, doing="setting a machine up twice", log=log, timeout=500, env=env)
    os.close(root.lock)
    said = log.read_text()
    assert "first done\n" in said, said
    assert "second done\n" in said, said
    assert said.count("installing python3\n") >= 1, said
    assert said.count("mmdebstrap") == 2, f"installed once, and there: {said}"
    assert said.endswith("nothing left to install\n"), said
