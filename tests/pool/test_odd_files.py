"""Files as people have them come through a session as they are; what isn't a file doesn't stop it."""

import hashlib

from support import odd_notebooks
from support.hosts import ROOT
from support.waiting import wait_for


def test_notebooks_of_every_kind_come_back_byte_for_byte(new_session):
    made = dict(odd_notebooks.make())
    assert len(made) >= 33
    session = new_session().submit()
    session.ready()
    script = (ROOT / "tests/support/odd_notebooks.py").read_text()
    session.pool.exec(
        "ap",
        ["condor_ssh_to_job", "-auto-retry", session.job, "cat >odd.py; python3 odd.py notebooks"],
        user=session.user,
        input=script,
        check=True,
    )
    wait_for(
        lambda: session.status()["save"]["saved_count"] >= len(made), 60, lambda: f"all to be saved: {session.status()}"
    )
    session.inside("jupyter-session", "stop")
    assert session.wait_gone()["JupyterState"] == "stopped"
    notebooks = session.pool.path("ap", f"{session.folder}/notebooks")
    wrong = [
        name
        for name, data in made.items()
        if not (file := notebooks / name).is_file()
        or hashlib.md5(file.read_bytes()).digest() != hashlib.md5(data).digest()  # noqa: S324 - no attacker here
    ]
    assert wrong == []


def test_pipe_in_the_notebook_folder_is_left_out_and_the_session_starts(new_session):
    session = new_session()
    session.ap("mkfifo", "notebooks/pipe", "notebooks/another pipe", check=True)
    session.ap("sh", "-c", "echo kept >notebooks/kept.txt", check=True)
    session.submit().ready(90)
    assert session.inside("ls", "notebooks").split() == ["kept.txt", "welcome.ipynb"]
    session.inside("sh", "-c", "mkfifo notebooks/inside; echo new >notebooks/new.txt")
    session.inside("jupyter-session", "stop")
    assert session.wait_gone()["JupyterState"] == "stopped"
    assert session.file("notebooks/new.txt") == "new\n"
    assert session.file("notebooks/kept.txt") == "kept\n"
