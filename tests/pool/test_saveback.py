"""Notebooks are on the access point while the job runs, so that nothing is lost when its machine dies."""

import os

import pytest

from support.waiting import wait_for

#: Seconds within which a file is on the access point, on a busy machine.
SAVED = 60
REFUSE = (
    "nft add table ip refuse && nft add chain ip refuse out '{{ type filter hook output priority 0; }}' && "
    "nft add rule ip refuse out ip daddr 127.0.0.1 tcp dport {} reject with tcp reset"
)


def saving(session):
    """Return what `jupyter-session status` says of save-back."""
    return session.status()["save"]


def write(session, name, text):
    """Write a file in the job's notebook folder."""
    session.python("import sys; open('notebooks/' + sys.argv[1], 'w').write(sys.argv[2])", name, text)


def test_notebook_outlives_a_job_that_is_killed_without_warning(new_session):
    session = new_session().submit()
    session.ready()
    session.save_notebook("work.ipynb", "precious")
    wait_for(lambda: session.has_notebook("work.ipynb", "precious"), SAVED, "the notebook on the access point")
    session.ap("condor_vacate_job", "-fast", session.job, check=True)
    wait_for(lambda: session.states() == ["starting", "ready"] * 2, 90, "the second run to be ready")
    assert "work.ipynb" in session.request("/api/contents")
    session.save_notebook("work.ipynb", "changed")
    wait_for(lambda: session.has_notebook("work.ipynb", "changed"), SAVED, "the changed notebook, under its name")
    assert saving(session)["conflicts"] == {}


@pytest.mark.slow
def test_new_folders_on_the_access_point_are_as_private_as_in_the_session(new_session):
    session = new_session().submit()
    session.ready()
    session.inside("sh", "-c", "mkdir -m 700 notebooks/private notebooks/private/er && mkdir -m 755 notebooks/open")
    for name in ("private/er/secret.txt", "open/a.txt"):
        write(session, name, "my password")
        wait_for(lambda name=name: session.file(f"notebooks/{name}"), SAVED, name)
    modes = session.ap("stat", "-c", "%a", *(f"notebooks/{name}" for name in ("private", "private/er", "open"))).stdout
    assert modes.split() == ["700", "700", "755"]
    session.inside("chmod", "700", "notebooks/open")
    there = session.pool.path("ap", f"{session.folder}/notebooks/open")
    wait_for(lambda: there.stat().st_mode & 0o777 == 0o700, SAVED, "the folder to be closed there, too")
    path = f"{session.folder}/notebooks/private/er/secret.txt"
    assert session.pool.exec("ap", ["cat", path], user="bob").stdout == ""
    session.remove()
    assert session.file("notebooks/private/er/secret.txt") == "my password"


def test_what_changed_on_the_access_point_is_overwritten_neither_meanwhile_nor_at_the_end(new_session):
    session = new_session()
    for name in ("both.txt", "theirs.txt", "late.txt"):
        session.pool.put("ap", f"{session.folder}/notebooks/{name}", b"before", session.user)
    session.pool.exec("ap", ["mkdir", f"{session.folder}/outside"], user=session.user, check=True)
    session.submit("--save-max-file 1MB")
    session.ready()
    for name in ("both.txt", "theirs.txt"):
        session.pool.put("ap", f"{session.folder}/notebooks/{name}", b"edited there", session.user)
    session.ap("ln", "-s", "../outside", "notebooks/link", check=True)
    session.python("import os; os.mkdir('notebooks/link'); open('notebooks/large', 'wb').write(b'x' * 3_000_000)")
    write(session, "link/x", "must not get out")
    write(session, "both.txt", "edited here")
    own = f"notebooks/both (from job {session.job}).txt"
    wait_for(lambda: session.file(own) == "edited here", SAVED, "our copy under its own name")
    said = session.inside("jupyter-session", "status")
    assert f"both.txt has changed on the access point: saved as both (from job {session.job}).txt" in said
    assert "large is left out: 2.9 MB is more than --save-max-file" in said
    assert "link is a symbolic link on the access point" in said
    assert session.file("notebooks/large") is None
    session.python("import shutil; shutil.rmtree('notebooks/link')")
    session.pool.put("ap", f"{session.folder}/notebooks/late.txt", b"edited late", session.user)
    write(session, "late.txt", "edited here late")
    session.ap("condor_rm", session.job, check=True)
    session.wait_gone()
    found = {name: session.file(f"notebooks/{name}") for name in ("both.txt", "theirs.txt", "late.txt")}
    assert found == {"both.txt": "edited there", "theirs.txt": "edited there", "late.txt": "edited late"}
    assert session.file(own) == "edited here"
    assert session.file(f"notebooks/late (from job {session.job}).txt") == "edited here late"
    assert len(session.file("notebooks/large")) == 3_000_000
    assert session.ap("ls", "-A", "outside").stdout == ""
    assert session.ap("find", "notebooks/.jupyter-session", "-name", "saving*").stdout == ""


ODD = [b"a b", b"tab\there", b'it\'s "quoted" $HOME `id`', b"back\\slash\\", b"-rf", b"\xff\xfe.bin", b"\xc3\xa9" * 120]
WRITE_ODD = """
import os, sys
for name in sys.argv[1:]:
    with open(b"notebooks/odd/" + bytes.fromhex(name), "wb") as file:
        file.write(bytes.fromhex(name) * 10)
"""


@pytest.mark.slow
def test_odd_names_are_saved_and_a_chirp_that_is_refused_for_a_while_is_waited_for(new_session):
    session = new_session()
    session.pool.exec("ap", ["mkdir", f"{session.folder}/notebooks/odd"], user=session.user, check=True)
    session.submit()
    session.ready()
    config = session.inside("sh", "-c", "echo $_CONDOR_CHIRP_CONFIG").strip()
    port = session.pool.exec("ep1", ["cat", config], check=True).stdout.split()[1]
    session.python(WRITE_ODD, *(name.hex() for name in ODD), b"line\nbreak".hex())
    there = session.pool.path("ap", f"{session.folder}/notebooks/odd")
    wait_for(
        lambda: {os.fsencode(path.name): path.read_bytes() for path in there.iterdir()} == {n: n * 10 for n in ODD},
        SAVED,
        "all of the odd names",
    )
    wait_for(lambda: "line break" in saving(session)["left_out"].get("odd/line\\nbreak", ""), 30, "the one left out")
    try:
        session.pool.exec("ep1", ["sh", "-c", REFUSE.format(port)], check=True)
        write(session, "meanwhile.txt", "1")
        wait_for(lambda: "can't be saved" in saving(session)["problem"], SAVED, "the problem to be told")
        assert session.file("notebooks/meanwhile.txt") is None
    finally:
        session.pool.exec("ep1", ["nft", "delete", "table", "ip", "refuse"], check=True)
    wait_for(lambda: session.file("notebooks/meanwhile.txt") == "1", 90, "the file, once chirp answers again")
    wait_for(lambda: saving(session)["problem"] == "", 30, "the problem to be over")
    session.inside("rm", "notebooks/meanwhile.txt")
    wait_for(lambda: session.file("notebooks/meanwhile.txt") is None, 90, "what we put there to go, too")
    session.inside("jupyter-session", "stop")
    session.wait_gone()
    assert session.errors().count("can't be saved") == 1
    assert session.file("notebooks/meanwhile.txt") is None
