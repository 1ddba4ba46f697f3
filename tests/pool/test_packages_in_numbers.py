"""Large packages with compiled parts: as one file from session to session, in seconds."""

import base64
import re
import subprocess

import pytest

from support import kernels
from support.waiting import patience, wait_for
from testbed.artifacts.wheels import SCIENTIFIC

NAMES = " ".join(package.partition("==")[0] for package in SCIENTIFIC.packages)
USE = """
import matplotlib, numpy, pandas, scipy.linalg, sklearn.linear_model
print(numpy.__file__, round(float(scipy.linalg.det(numpy.eye(3)))))
"""
COUNT = "find {} -type f -printf '%s\\n' | awk '{{ files += 1; bytes += $1 }} END {{ print files, bytes }}'"
#: Seconds to unpack the packages, on a machine that does nothing else.
LONGEST = 3


def count(run, folder):
    """Return the number of files below a folder, and their bytes."""
    files, size = run("sh", "-c", COUNT.format(folder)).split()
    return int(files), int(size)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_scientific_packages_are_there_in_the_next_session_within_seconds(new_session):
    session = new_session().submit()
    session.ready()
    packed = subprocess.run(["tar", "-c", "-C", SCIENTIFIC.build().path, "."], capture_output=True, check=True).stdout
    session.pool.exec(
        "ap",
        ["condor_ssh_to_job", "-auto-retry", session.job, "mkdir wheels; base64 -d | tar -x -C wheels"],
        user=session.user,
        input=base64.b64encode(packed).decode(),
        timeout=240,
        check=True,
    )
    folder = session.inside("pwd").strip()
    one, other = session.start_kernel(), session.start_kernel()
    cell = f"%pip install --no-index --find-links {folder}/wheels {NAMES}"
    assert "Successfully installed" in kernels.ask(session, one, cell, 240).text
    for kernel in (one, other):
        assert f"{folder}/.python-" in kernels.ask(session, kernel, USE, 60).text
    wait_for(
        lambda: "packages-" in session.ap("ls", "notebooks/.jupyter-session").stdout, 120, "the archive to be there"
    )
    files, size = count(session.inside, ".python-*")  # what an environment in the notebook folder would have
    sent, sent_bytes = count(lambda *argv: session.ap(*argv).stdout, "notebooks/.jupyter-session")
    print(f"{files} files of {size} bytes travel as {sent} of {sent_bytes}")
    assert size > 300e6
    assert sent <= files / 100
    assert sent_bytes <= size / 3
    # An ext4 without a journal, as test machines may have, gives inodes out again only a minute after their files were
    # removed, and seeks the others one by one: the time of the next session would be that of removing this one.
    session.pool.exec("ep1", ["cp", "-al", folder, f"/var/lib/kept-{session.cluster}"], check=True)
    session.remove()

    session.submit()
    session.ready()
    assert " 1" in kernels.ask(session, session.start_kernel(), USE, 60).text
    log = session.inside("jupyter-session", "logs", "--supervisor", "--lines", "1000")
    seconds = float(re.search(r"packages were unpacked in ([\d.]+) s", log)[1])
    print(f"they were unpacked in {seconds} s")
    assert seconds <= LONGEST * patience()
