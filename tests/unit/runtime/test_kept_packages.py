"""What pip installs in one session is there in the next: packed into one file of the notebook folder."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from jupyter_session.jupyter.packages import Environment
from jupyter_session.packages import archive, store
from jupyter_session.packages.errors import ArchiveError, InterruptedArchivingError
from jupyter_session.packages.installed import Installed, list_installed, list_requirements, read_requirements
from jupyter_session.packages.installing import is_installer, is_installing
from jupyter_session.packages.keeper import Keeper
from jupyter_session.packages.names import name_archive
from support.hosts import ROOT
from support.waiting import wait_for
from support.wheels import ANSWER, NAME, make_wheel

USE = ("python", "-c", "import tiny_thing; print(tiny_thing.answer())")


class OneSession:
    """A session in a folder of its own, for a notebook folder that several have."""

    def __init__(self, folder, notebooks):
        self.environment = Environment(folder / "python")
        self.environment.make()
        self.environ = {"PATH": os.defpath, "PYTHONPATH": str(ROOT / "runtime/src")}
        self.environment.activate(self.environ)
        self.folder = folder
        self.state = SimpleNamespace(root=folder, id="no such session")
        self.keeper = Keeper(self.state, notebooks, interval=0.02, settle=0.05)
        (folder / NAME).write_bytes(make_wheel())

    def start(self):
        self.keeper.start(self.environment)
        wait_for(lambda: not self.environment.unpacking.exists(), 20, "the packages to be there")
        return self

    def run(self, *argv):
        found = subprocess.run(argv, env=self.environ, cwd=self.folder, capture_output=True, text=True, check=False)
        return SimpleNamespace(code=found.returncode, out=found.stdout.strip(), err=found.stderr)

    def install(self, *options):
        done = self.run("pip", "install", "--no-index", *options, f"./{NAME}")
        assert done.code == 0, done

    def end(self, seconds=20):
        self.keeper.close()
        self.keeper.finish(seconds)


@pytest.fixture
def notebooks(tmp_path):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    return folder


@pytest.fixture
def new(tmp_path, notebooks):
    started = []

    def make():
        folder = tmp_path / f"session-{'x' * len(started)}{len(started)}"
        folder.mkdir()
        started.append(OneSession(folder, notebooks))
        return started[-1]

    yield make
    for session in started:
        session.keeper.finish(0)


def files_of(notebooks):
    return sorted(path.name for path in (notebooks / ".jupyter-session").iterdir())


@pytest.mark.parametrize("options", [(), ("--user",)], ids=["", "--user"])
def test_what_is_installed_is_there_in_the_next_session_with_its_commands(new, notebooks, options):
    first = new().start()
    first.install(*options)
    wait_for((notebooks / ".jupyter-session" / name_archive()).exists, 20, "the archive")
    first.end()
    assert files_of(notebooks) == [name_archive(), "packages.txt"]
    assert read_requirements((notebooks / ".jupyter-session/packages.txt").read_text()) == [
        f"tiny-thing @ file://{first.folder}/{NAME}"
    ]
    second = new().start()
    assert second.run(*USE).out == str(ANSWER)
    assert second.run("tiny-thing").out == str(ANSWER)
    assert str(first.folder) not in next(second.environment.root.glob("**/bin/tiny-thing")).read_text()
    second.end()
    assert second.keeper.take_news() == []


def test_what_was_not_packed_yet_is_packed_at_the_end(new):
    first = new()
    first.keeper = Keeper(first.state, first.keeper._notebooks, interval=0.02, settle=100)
    first.start()
    first.install()
    first.end()
    assert new().start().run(*USE).out == str(ANSWER)


def test_session_in_which_nothing_was_installed_leaves_nothing(new, notebooks):
    new().start().end()
    assert list(notebooks.iterdir()) == []


def test_what_is_uninstalled_does_not_come_back(new, notebooks):
    first = new().start()
    first.install()
    first.end()
    second = new().start()
    assert second.run("pip", "uninstall", "-y", "tiny-thing").code == 0
    second.end()
    assert "No module" in new().start().run(*USE).err
    assert read_requirements((notebooks / ".jupyter-session/packages.txt").read_text()) == []


def damage(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def replace_by_text(path):
    path.write_text("not an archive")


def test_other_python_installs_what_was_asked_for(new, notebooks):
    first = new().start()
    first.install()
    first.end()
    (notebooks / ".jupyter-session" / name_archive()).rename(notebooks / ".jupyter-session/packages-other.tar.zst")
    second = new().start()
    wait_for(lambda: second.run(*USE).out == str(ANSWER), 30, "pip to have installed it")
    wait_for((notebooks / ".jupyter-session" / name_archive()).exists, 20, "an archive of its own")
    assert second.keeper.take_news() == [
        "What packages.txt lists is being installed for this Python, in the background."
    ]


@pytest.mark.parametrize("harm", [damage, cut, replace_by_text])
def test_broken_archive_is_said_and_made_anew(new, notebooks, harm):
    first = new().start()
    first.install()
    first.end()
    kept = notebooks / ".jupyter-session" / name_archive()
    harm(kept)
    broken = kept.read_bytes()
    second = new().start()
    wait_for(lambda: second.run(*USE).out == str(ANSWER), 30, "pip to have installed it")
    (news,) = second.keeper.take_news()
    assert news.startswith(f"The archive {name_archive()} can't be unpacked (")
    wait_for(lambda: kept.read_bytes() != broken, 20, "a new archive")
    second.end()
    assert new().start().run(*USE).out == str(ANSWER)


def test_what_cant_be_installed_anew_is_said_and_stays_on_the_list(new, notebooks):
    folder = notebooks / ".jupyter-session"
    folder.mkdir()
    (folder / "packages.txt").write_text("--no-index\nnot-there==7\n")
    session = new()
    session.environ["PIP_NO_INDEX"] = "1"
    os.environ["PIP_NO_INDEX"] = "1"
    try:
        session.start()
        wait_for(lambda: "could not be" in session.keeper.problem, 30, "the sentence")
    finally:
        del os.environ["PIP_NO_INDEX"]
    assert "No matching distribution found for not-there" in session.keeper.problem
    session.install()
    session.end()
    lines = read_requirements((folder / "packages.txt").read_text())
    assert lines[-1] == "not-there==7"
    assert len(lines) == 2


def fail(reason, *, is_full=True):
    def run(*_, **__):
        raise ArchiveError(reason, is_full=is_full)

    return run


def test_full_disk_at_the_start_leaves_the_archive_as_it_is(new, notebooks, monkeypatch):
    first = new().start()
    first.install()
    first.end()
    kept = notebooks / ".jupyter-session" / name_archive()
    before = kept.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(archive, "unpack", fail("the disk is full"))
        second = new().start()
    second.install()
    second.end()
    assert kept.read_bytes() == before
    (news,) = second.keeper.take_news()
    assert "could not be unpacked (the disk is full)" in news
    assert new().start().run(*USE).out == str(ANSWER)


def test_full_disk_while_packing_keeps_the_last_archive(new, notebooks, monkeypatch):
    first = new().start()
    first.install()
    first.end()
    kept = notebooks / ".jupyter-session" / name_archive()
    before = kept.read_bytes()
    second = new().start()
    with monkeypatch.context() as patch:
        patch.setattr(archive, "pack", fail("the disk is full"))
        second.run("pip", "uninstall", "-y", "tiny-thing")
        second.end()
    assert kept.read_bytes() == before
    assert files_of(notebooks) == [name_archive(), "packages.txt"]
    (news,) = second.keeper.take_news()
    assert "can't be packed for the next session (the disk is full)" in news


def test_real_full_disk_is_named(tmp_path):
    (tmp_path / "from").mkdir()
    (tmp_path / "from/file").write_bytes(os.urandom(100_000))
    with pytest.raises(ArchiveError, match="the disk is full") as found:
        archive.pack(tmp_path / "from", _link_to_full(tmp_path), leave_out=(), give_up=lambda: False)
    assert found.value.is_full


def _link_to_full(folder):
    (folder / "full").symlink_to("/dev/full")
    return folder / "full"


def test_packing_that_has_no_time_leaves_no_file(tmp_path):
    (tmp_path / "from").mkdir()
    for number in range(50):
        (tmp_path / f"from/{number}").write_bytes(os.urandom(1_000_000))
    with pytest.raises(InterruptedArchivingError):
        archive.pack(tmp_path / "from", tmp_path / "to", leave_out=(), give_up=lambda: True)
    assert not (tmp_path / "to").exists()


def test_unfinished_archive_of_a_killed_session_is_removed(new, notebooks):
    (notebooks / ".jupyter-session").mkdir()
    (notebooks / ".jupyter-session/packages.unfinished").write_text("half")
    session = new().start()
    wait_for(lambda: files_of(notebooks) == [], 20, "it to go")
    session.end()


def test_link_in_an_archive_leads_no_rewriting_out_of_the_environment(new, notebooks, tmp_path, monkeypatch):
    outside = tmp_path / "outside"
    outside.mkdir()
    first = new().start()
    first.install()
    (outside / "text").write_text(str(first.environment.root))
    (first.environment.root / "lib/way").symlink_to(outside)
    monkeypatch.setattr(store.relocation, "_find_files", lambda *_: ["lib/way/text", "../../outside/text"])
    first.end()
    new().start().end()
    assert (outside / "text").read_text() == str(first.environment.root)


def test_script_with_a_long_path_starts_by_way_of_the_shell(new, tmp_path, notebooks):
    first = new().start()
    first.install()
    first.end()
    folder = tmp_path / ("long" * 20) / ("long" * 20)
    folder.mkdir(parents=True)
    second = OneSession(folder, notebooks).start()
    assert (second.environment.root / "bin/tiny-thing").read_text().startswith("#!/bin/sh\n")
    assert second.run("tiny-thing").out == str(ANSWER)
    second.end()


def test_requirements_are_those_asked_for():
    found = [Installed("a", "1", was_requested=True), Installed("b", "2"), Installed("c", "3", True, "git+https://x@1")]
    assert list_requirements(found, ["b==1", "d[extra]>=2"]) == ["a==1", "c @ git+https://x@1", "d[extra]>=2"]


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("/s/bin/python -m pip install numpy", True),
        ("/s/bin/python /s/bin/pip3 -v install numpy", True),
        ("uv pip install numpy", True),
        ("conda install numpy", True),
        ("pip download numpy", False),
        ("uv run train.py", False),
        ("python -m ipykernel_launcher -f pip", False),
    ],
)
def test_programs_that_install_are_known_by_their_words(line, is_one):
    assert is_installer(line.split()) == is_one


def test_installer_of_this_session_alone_counts(tmp_path):
    script = tmp_path / "pip"
    script.write_text("import sys; sys.stdin.read()")
    environ = {**os.environ, "JUPYTER_SESSION_ID": "mine"}
    words = [sys.executable, str(script), "install"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, env=environ) as running:
        wait_for(lambda: is_installing("mine"), 20, "the installer to be seen")
        assert not is_installing("another")
        running.stdin.close()
    assert not is_installing("mine")


def test_half_removed_package_is_not_listed(tmp_path):
    for name in ("~umpy-1.0.dist-info", "scikit_learn-1.2.dist-info"):
        (tmp_path / name).mkdir()
    assert list_installed([tmp_path]) == [Installed("scikit-learn", "1.2")]
