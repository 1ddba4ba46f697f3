"""What HTCondor can't carry costs no orderly end, and is there again in the next session."""

import json

import pytest

from chtc_condor.codes import JobStatus
from support.waiting import wait_for

pytestmark = pytest.mark.slow

#: Every kind that puts a job on hold at its end, or comes back as something else. In the job's folder.
MAKE = """
cd notebooks
python3 -m venv --without-pip v
ln -s /usr/lib out
ln -s .. up
ln -s nothing broken
ln -s loop loop
ln -s /dev/zero zeros
mkdir data && echo far >data/far.txt && ln -s data near && ln -s near/far.txt through
echo secret >secret.txt && chmod 0 secret.txt
mkdir -p closed/inner && echo closed >closed/inner/c.txt && chmod 0 closed/inner && chmod 300 closed
mkdir fixed && echo fixed >fixed/f.txt && chmod 555 fixed
echo object >object && chmod 444 object
ln -s /var/empty/x "$(printf 'odd \\303\\251 \\377 name')"
"""
LINKS = {
    "v/lib64": "lib",
    "out": "/usr/lib",
    "up": "..",
    "broken": "nothing",
    "loop": "loop",
    "zeros": "/dev/zero",
    "near": "data",
    "through": "near/far.txt",
}
MODES = {"secret.txt": "0", "closed": "300", "closed/inner": "0", "fixed": "555", "object": "444"}
LOOK = """
import json, os, stat, sys
os.chdir("notebooks")
links, modes = json.loads(sys.argv[1])
print(json.dumps([
    {path: os.readlink(path) if os.path.islink(path) else None for path in links},
    {path: oct(stat.S_IMODE(os.lstat(path).st_mode))[2:] for path in modes if os.path.lexists(path)},
]))
"""


def make(session):
    """Start a session in which there is one of each kind."""
    session.submit().ready()
    session.inside("sh", "-ec", MAKE)
    assert look(session) == [LINKS, MODES]


def look(session):
    """Return the links and the modes that the session has in its folder."""
    return json.loads(session.python(LOOK, json.dumps([list(LINKS), list(MODES)])))


def came_back(session):
    """Assert what the access point has after the end, and that nothing stands for what it can't have."""
    assert session.file("notebooks/secret.txt") == "secret\n"
    assert session.file("notebooks/closed/inner/c.txt") == "closed\n"
    assert session.file("notebooks/fixed/f.txt") == "fixed\n"
    assert session.file("notebooks/object") == "object\n"
    assert [path for path in LINKS if session.ap("test", "-e", f"notebooks/{path}").returncode == 0] == []


def is_told(session):
    """Assert that the receipt names what was set aside."""
    told = session.receipt()["set_aside"]
    assert told["names"]["notebooks/near"] == "a link to a folder"
    assert told["names"]["notebooks/secret.txt"] == "unreadable"
    assert told["names"]["notebooks/fixed"] == "read-only"
    assert told["count"] >= len(LINKS) + 4
    assert "set aside: " in session.output()


def test_after_a_stop_the_next_session_has_it_all_again_but_for_what_its_user_removes(new_session):
    session = new_session()
    make(session)
    unread = {"secret.txt": "it can't be read (Permission denied)", "near": "a symbolic link"}
    wait_for(lambda: unread.items() <= session.status()["save"]["left_out"].items(), 60, "save-back to leave them out")
    session.inside("jupyter-session", "stop")
    assert session.wait_gone()["JobStatus"] == JobStatus.COMPLETED
    came_back(session)
    is_told(session)
    session.submit().ready()
    assert look(session) == [LINKS, MODES]
    assert session.inside("notebooks/v/bin/python", "-c", "print(6*7)").strip() == "42"
    session.inside("sh", "-c", "cd notebooks; rm out; chmod 644 secret.txt; echo changed >out; rm -f object")
    session.inside("jupyter-session", "stop")
    assert session.wait_gone()["JobStatus"] == JobStatus.COMPLETED
    assert session.file("notebooks/out") == "changed\n"
    session.submit().ready()
    links, modes = look(session)
    assert links == {**LINKS, "out": None}
    assert (modes["secret.txt"], modes["fixed"]) == ("644", "555")


@pytest.mark.parametrize("command", ["condor_rm", "condor_hold"])
def test_nothing_stands_for_it_after_an_end_from_outside(new_session, command):
    session = new_session()
    make(session)
    session.ap(command, session.job, check=True)
    if command == "condor_hold":
        assert session.wait_status(JobStatus.HELD)["HoldReasonCode"] == 1  # by its user, as asked
        wait_for(lambda: session.receipt().get("state") == "stopped", 60, "the receipt")
        session.ap("condor_rm", session.job, check=True)
    session.wait_gone()
    came_back(session)
    is_told(session)
    session.submit().ready()
    assert look(session) == [LINKS, MODES]


def test_a_session_that_moves_to_another_machine_has_it_all_again_each_time(new_session):
    session = new_session()
    make(session)
    for run in (2, 3):
        session.ap("condor_vacate_job", session.job, check=True)
        wait_for(lambda run=run: session.states().count("ready") == run, 120, "the next run to be ready")
        assert look(session) == [LINKS, MODES]
    session.inside("sh", "-c", "cd notebooks; rm up; ln -s /var/tmp made-late")
    listed = "notebooks/.jupyter-session/set-aside.json"
    wait_for(lambda: "made-late" in (session.file(listed) or ""), 60, "the list to be saved while the session runs")
    session.ap("condor_vacate_job", "-fast", session.job, check=True)  # as if the machine had died
    wait_for(lambda: session.states().count("ready") == 4, 120, "the last run to be ready")
    assert look(session) == [{**LINKS, "up": None}, MODES]
    assert session.inside("readlink", "notebooks/made-late").strip() == "/var/tmp"


@pytest.mark.parametrize("arguments", ["", "--save-max-total 0"])
def test_files_that_their_owner_cannot_write_as_git_makes_them_cost_no_end(new_session, arguments):
    """HTCondor can't write over them on the access point, and puts the job on hold."""
    session = new_session()
    session.submit(arguments).ready()
    session.inside("sh", "-c", "mkdir -p notebooks/.git/o; cd notebooks/.git/o; echo 1 >a; echo 1 >b; chmod 444 a b")
    if not arguments:
        wait_for(lambda: session.file("notebooks/.git/o/b") == "1\n", 60, "the files to be saved while it runs")
    session.inside("jupyter-session", "stop")
    assert session.wait_gone()["JobStatus"] == JobStatus.COMPLETED
    session.submit(arguments).ready()
    session.inside("sh", "-c", "cd notebooks/.git/o; rm -f b; echo 2 >b; echo 1 >c; chmod 444 b c")
    session.inside("jupyter-session", "stop")
    assert session.wait_gone()["JobStatus"] == JobStatus.COMPLETED
    found = {name: session.file(f"notebooks/.git/o/{name}") for name in "abc"}
    assert found == {"a": "1\n", "b": "2\n", "c": "1\n"}
    session.submit(arguments).ready()
    assert session.inside("sh", "-c", "stat -c %a notebooks/.git/o/a").strip() == "444"


REPLACED = {
    "a link to a folder beside it": "mv notebooks data && echo new >data/new.txt && ln -s data notebooks",
    "a link by its whole path": "mv notebooks data && echo new >data/new.txt && ln -s $PWD/data notebooks",
    "its name once more": (
        "mkdir n2 && mv notebooks n2/ && echo new >n2/notebooks/new.txt && ln -s n2/notebooks notebooks"
    ),
    "a link out of the job's folder": (
        "mv notebooks /var/tmp/fast-$$ && echo new >/var/tmp/fast-$$/new.txt && ln -s /var/tmp/fast-$$ notebooks"
    ),
    "another output": (
        "cp -r notebooks/. results && echo new >results/new.txt && rm -r notebooks && ln -s results notebooks"
    ),
}


@pytest.mark.parametrize("script", REPLACED.values(), ids=REPLACED)
def test_the_notebook_folder_itself_may_become_a_link(new_session, script):
    session = new_session()
    outputs = "transfer_output_files = notebooks, results"
    session.submit("", outputs, without="transfer_output_files").ready()
    session.inside("sh", "-ec", f"mkdir results; {script}")
    session.inside("jupyter-session", "stop")
    assert session.wait_gone()["JobStatus"] == JobStatus.COMPLETED
    assert session.file("notebooks/new.txt") == "new\n"
    assert session.receipt()["state"] == "stopped"


#: An executable of the user's own, which puts the notebooks somewhere else before the session starts.
WRAPPER = """#!/bin/sh -e
mv notebooks data
ln -s {} notebooks
exec /usr/local/bin/jupyter-session run
"""


@pytest.mark.parametrize("target", ["data", "$PWD/data"])
def test_the_notebook_folder_may_be_a_link_from_the_start(new_session, target):
    session = new_session()
    session.pool.put("ap", f"{session.folder}/wrapper.sh", WRAPPER.format(target).encode(), session.user)
    session.ap("chmod", "755", "wrapper.sh", check=True)
    for number in range(2):
        session.submit("", "executable = wrapper.sh").ready()
        assert session.status()["save"]["off"] == ""
        if number:
            assert look(session) == [LINKS, MODES]
        else:
            session.inside("sh", "-ec", MAKE)
        session.inside("jupyter-session", "stop")
        assert session.wait_gone()["JobStatus"] == JobStatus.COMPLETED
        came_back(session)
        is_told(session)
        assert session.receipt()["job"] == session.job
    listed = json.loads(session.file("notebooks/.jupyter-session/set-aside.json"))
    assert "notebooks/near" in listed["links"]


def test_an_output_that_is_missing_at_the_end_is_made_up_and_none_on_the_access_point_is_lost(new_session):
    session = new_session()
    session.pool.put("ap", f"{session.folder}/model.txt", b"kept", session.user)
    session.pool.exec("ap", ["mkdir", f"{session.folder}/plots"], user=session.user, check=True)
    session.pool.put("ap", f"{session.folder}/plots/p.txt", b"kept", session.user)
    outputs = "transfer_output_files = notebooks, results, model.txt, plots, fifo"
    session.submit("", outputs, without="transfer_output_files").ready()
    session.inside("sh", "-c", "mkfifo fifo; rm -r notebooks")
    session.inside("jupyter-session", "stop")
    assert session.wait_gone()["JobStatus"] == JobStatus.COMPLETED
    assert session.file("model.txt") == "kept"
    assert session.file("plots/p.txt") == "kept"
    assert session.file("notebooks/welcome.ipynb")
    assert session.ap("ls", "results", check=True).stdout == ""
    told = session.receipt()["set_aside"]["names"]
    assert "missing" in told["results"]
    assert "missing" in told["model.txt"]


AS_SOMETHING_ELSE = """
import os, socket, time
os.chdir("notebooks")
os.mkfifo("pipe")
socket.socket(socket.AF_UNIX).bind("socket")
with open("large", "wb") as file:
    file.write(b"x" * 3_000_000)
os.symlink("large", "link")
with open("../outside", "wb") as file:
    file.write(b"y" * 2_000_000)
os.symlink("../outside", "link out of it")
with open("sparse", "wb") as file:
    file.truncate(5_000_000)
os.link("large", "second name")
open("old", "w").close()
os.utime("old", (1e9, 1e9))
os.makedirs("empty/folder")
os.chmod("empty", 0o750)
open("line\\nbreak", "w").close()
"""


def test_what_comes_back_as_something_else_or_not_at_all_is_what_the_documentation_says(new_session):
    session = new_session()
    session.submit("--save-max-file 1MB").ready()
    session.python(AS_SOMETHING_ELSE)
    session.inside("jupyter-session", "stop")
    assert session.wait_gone()["JobStatus"] == JobStatus.COMPLETED
    there = session.pool.path("ap", f"{session.folder}/notebooks")
    found = {path.name for path in there.iterdir()} - {".jupyter-session", "welcome.ipynb"}
    assert found == {"large", "link", "link out of it", "sparse", "second name", "old", "empty", "line\nbreak"}
    assert not (there / "link").is_symlink()
    assert (there / "link").stat().st_size == 3_000_000
    assert (there / "link out of it").read_bytes() == b"y" * 2_000_000
    assert (there / "sparse").stat().st_blocks * 512 >= 5_000_000
    assert (there / "large").stat().st_nlink == 1
    assert (there / "old").stat().st_mtime > 1.5e9
    assert oct((there / "empty").stat().st_mode)[-3:] == "750"
    assert (there / "empty/folder").is_dir()
    assert session.receipt()["set_aside"] == {"count": 0, "names": {}}


def test_a_session_that_cannot_start_with_it_puts_no_job_on_hold(new_session):
    session = new_session()
    make(session)
    session.inside("jupyter-session", "stop")
    session.wait_gone()
    session.submit("--idle-timeout soon")
    assert session.wait_gone()["JobStatus"] == JobStatus.COMPLETED
    session.submit().ready()
    assert look(session) == [LINKS, MODES]


def test_a_supervisor_that_is_killed_leaves_the_way_clear(new_session):
    session = new_session()
    make(session)
    session.kill_supervisor()
    assert session.wait_gone()["JobStatus"] == JobStatus.COMPLETED
    came_back(session)
    session.submit().ready()
    assert look(session) == [LINKS, MODES]
