"""What pip installs in one session is there in the next: packed into one file of the notebook folder."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from jupyter_session.jupyter.packages import Environment
from jupyter_session.packages import archive, messages, store
from jupyter_session.packages.errors import ArchiveError, InterruptedArchivingError
from jupyter_session.packages.installed import (
    Installed,
    list_installed,
    list_requirements,
    put_folder_in,
    read_lost,
    read_requirements,
)
from jupyter_session.packages.installers import Installer, InstallerWatch, find_places, is_installer
from jupyter_session.packages.keeper import Keeper
from jupyter_session.packages.names import name_archive
from support.hosts import ROOT
from support.waiting import wait_for
from support.wheels import ANSWER, BULKY, NAME, make_bulky_wheel, make_wheel

USE = ("python", "-c", "import tiny_thing; print(tiny_thing.answer())")


class OneSession:
    """A session in a folder of its own, for a notebook folder that several have."""

    def __init__(self, folder, notebooks):
        self.environment = Environment(folder / "python")
        self.environment.make()
        self.environ = {"PATH": os.defpath, "PYTHONPATH": str(ROOT / "runtime/src")}
        self.environment.activate(self.environ)
        self.folder = folder
        self.state = SimpleNamespace(root=folder, id=f"session {folder}")
        self.environ |= {"JUPYTER_SESSION_ID": self.state.id, "JUPYTER_NOTEBOOKS": str(notebooks)}
        self.keeper = Keeper(self.state, notebooks, interval=0.02, settle=0.05)
        (folder / NAME).write_bytes(make_wheel())

    def start(self):
        self.keeper.start(self.environment)
        wait_for(lambda: not self.environment.unpacking.exists(), 20, "the packages to be there")
        return self

    def run(self, *argv):
        found = subprocess.run(argv, env=self.environ, cwd=self.folder, capture_output=True, text=True, check=False)
        return SimpleNamespace(code=found.returncode, out=found.stdout.strip(), err=found.stderr)

    def install(self, *options, wheel=f"./{NAME}"):
        done = self.run("pip", "install", "--no-index", *options, wheel)
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


@pytest.mark.parametrize("is_quiet", [False, True], ids=["used", "quiet"])
@pytest.mark.parametrize("options", [(), ("--user",)], ids=["", "--user"])
def test_what_is_installed_is_there_in_the_next_session_with_its_commands(new, notebooks, options, is_quiet):
    first = new().start()
    first.keeper.is_quiet = is_quiet
    first.install(*options)
    wait_for((notebooks / ".jupyter-session" / name_archive()).exists, 20, "the archive")
    first.end()
    assert files_of(notebooks) == [name_archive(), "packages.txt"]
    (lost,) = read_lost((notebooks / ".jupyter-session/packages.txt").read_text())
    assert lost == f"tiny-thing==1.0, from file://{first.folder}/{NAME}"
    second = new().start()
    assert second.run(*USE).out == str(ANSWER)
    assert second.run("tiny-thing").out == str(ANSWER)
    assert str(first.folder) not in next(second.environment.root.glob("**/bin/tiny-thing")).read_text()
    second.end()
    assert second.keeper.take_news() == []


@pytest.mark.slow
def test_what_comes_back_unchanged_is_not_packed_again(new, notebooks):
    first = new().start()
    first.install()
    first.end()
    kept = notebooks / ".jupyter-session" / name_archive()
    before = (kept.stat().st_ino, kept.stat().st_mtime_ns)
    second = new().start()
    assert second.run(*USE).out == str(ANSWER)
    second.end()
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == before


@pytest.mark.slow
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


@pytest.mark.slow
def test_what_is_uninstalled_does_not_come_back(new, notebooks):
    first = new().start()
    first.install()
    first.end()
    second = new().start()
    assert second.run("pip", "uninstall", "-y", "tiny-thing").code == 0
    second.end()
    assert "No module" in new().start().run(*USE).err
    assert read_requirements((notebooks / ".jupyter-session/packages.txt").read_text()) == []


def put_wheel(notebooks):
    """Put the wheel into the notebook folder, where the next session has it, too; return its path."""
    wheel = notebooks / "wheels of mine" / NAME
    wheel.parent.mkdir(exist_ok=True)
    wheel.write_bytes(make_wheel())
    return str(wheel)


def damage(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def replace_by_text(path):
    path.write_text("not an archive")


@pytest.mark.slow
def test_other_python_installs_what_was_asked_for(new, notebooks):
    first = new().start()
    first.install(wheel=put_wheel(notebooks))
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
    first.install(wheel=put_wheel(notebooks))
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


@pytest.mark.slow
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
    assert lines == ["not-there==7"]


def fail(reason, *, is_full=True):
    def run(*_, **__):
        raise ArchiveError(reason, is_full=is_full)

    return run


@pytest.mark.slow
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
    *_, news = second.keeper.take_news()
    assert "could not be packed for the next session (the disk is full). What was packed before is kept." in news


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


@pytest.mark.slow
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


@pytest.mark.slow
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
    assert list_requirements(found, Path("/n"), ["b==1", "d[extra]>=2"]) == [
        "a==1",
        "c @ git+https://x@1",
        "d[extra]>=2",
    ]


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
    assert is_installer(tuple(line.split())) == is_one


def test_installer_of_this_session_alone_counts(tmp_path):
    script = tmp_path / "pip"
    script.write_text("import sys; sys.stdin.read()")
    environ = {**os.environ, "JUPYTER_SESSION_ID": "mine"}
    words = [sys.executable, str(script), "install"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, env=environ) as running:
        mine = InstallerWatch("mine")
        (found,) = wait_for(lambda: mine.find(thoroughly=False), 20, "the installer to be seen")
        assert found.words[1:3] == (str(script), "install")
        assert found.folder == Path.cwd()
        assert InstallerWatch("another").find(thoroughly=True) == []
        running.stdin.close()
    assert mine.find(thoroughly=True) == []
    for _ in range(10):  # until it has looked at all that there is often enough
        mine.find(thoroughly=False)
    with subprocess.Popen(words, stdin=subprocess.PIPE, env=environ) as running:
        wait_for(lambda: mine.find(thoroughly=False), 20, "the next installer to be seen")
        running.stdin.close()


def test_python_waits_for_the_packages_that_are_being_unpacked(new):
    session = new()
    session.environment.unpacking.touch()
    words = [session.environment.python, "-c", "print('started', flush=True)"]
    with subprocess.Popen(words, env=session.environ, stdout=subprocess.PIPE) as waiting:
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(1)
        session.environment.unpacking.unlink()
        assert waiting.stdout.readline() == b"started\n"


@pytest.mark.slow
def test_what_is_written_while_packages_are_unpacked_is_packed(new, monkeypatch):
    first = new().start()
    first.install()
    first.end()
    second = new()
    unpack = archive.unpack

    def meanwhile(*argv, **options):
        unpack(*argv, **options)
        (second.environment.package_folders[0] / "by_uv.py").write_text("")

    with monkeypatch.context() as patch:
        patch.setattr(archive, "unpack", meanwhile)
        second.start()
    second.end()
    assert new().start().run("python", "-c", "import by_uv").code == 0


def bulky_wheel(folder):
    """Write the wheel of a package that takes pip a while; return its path."""
    path = folder / BULKY
    path.write_bytes(make_bulky_wheel())
    return path


def kill_pip(session, tmp_path, meanwhile=lambda: None):
    """Kill pip while it installs a package."""
    folder = session.environment.package_folders[0] / "bulky"
    words = [session.environment.python, "-m", "pip", "install", "--no-index", "--no-compile", bulky_wheel(tmp_path)]

    def is_at_work():
        meanwhile()
        return folder.exists() and any(folder.iterdir())

    with subprocess.Popen(words, env=session.environ, stdout=subprocess.DEVNULL) as pip:
        wait_for(is_at_work, 20, "pip to be at work", 0.01)
        pip.kill()
    assert not list(folder.parent.glob("bulky-*/RECORD")), "pip was faster than the test"


@pytest.fixture
def killed(new, tmp_path):
    """Return a session with a package, in which pip was killed while it installed another."""
    session = new().start()
    session.install()
    wait_for(session.keeper._store.archive.exists, 20, "the archive")
    kill_pip(session, tmp_path)
    return session


@pytest.mark.slow
def test_half_of_a_package_is_seen_although_pip_came_and_went_while_another_was_packed(new, tmp_path, monkeypatch):
    session = new()
    pack, times = archive.pack, []

    def slowly(*argv, give_up, **options):
        pack(*argv, give_up=give_up, **options)
        times.append(1)
        if len(times) == 1:
            kill_pip(session, tmp_path, give_up)

    monkeypatch.setattr(archive, "pack", slowly)
    session.start()
    session.install()
    wait_for(lambda: session.keeper.problem, 20, "the sentence")
    assert "before it had finished with bulky. Nothing has been kept so far." in session.keeper.problem


@pytest.mark.slow
def test_half_of_a_package_is_not_packed(killed, new):
    wait_for(lambda: killed.keeper.problem, 20, "the sentence")
    assert killed.keeper.problem == (
        "An installer was stopped before it had finished with bulky. What was packed before is kept. "
        "Install it again, or uninstall it."
    )
    killed.end()
    following = new().start()
    assert following.run(*USE).out == str(ANSWER)
    assert "No module" in following.run("python", "-c", "import bulky").err


@pytest.mark.slow
def test_what_is_installed_again_is_packed_after_all(killed, new, tmp_path):
    wait_for(lambda: killed.keeper.problem, 20, "the sentence")
    assert killed.run("pip", "install", "--no-index", str(bulky_wheel(tmp_path))).code == 0
    wait_for(lambda: not killed.keeper.problem, 20, "it to be packed")
    killed.end()
    assert new().start().run("python", "-c", "import bulky.m2999").code == 0


@pytest.mark.slow
def test_second_pip_while_the_first_is_packed_is_no_problem(new, monkeypatch):
    session = new()
    pack, times = archive.pack, []

    def meanwhile(*argv, **options):
        pack(*argv, **options)
        times.append(1)
        if len(times) == 1:
            (session.environment.package_folders[0] / "second.py").write_text("")

    monkeypatch.setattr(archive, "pack", meanwhile)
    session.start()
    session.install()
    wait_for(session.keeper._store.archive.exists, 20, "the archive")
    session.end()
    assert session.keeper.take_news() == []
    assert new().start().run("python", "-c", "import second, tiny_thing").code == 0


def test_change_of_what_python_compiles_while_it_is_packed_is_harmless(tmp_path):
    folder = tmp_path / "from/package"
    folder.mkdir(parents=True)
    for number in range(200):
        (folder / f"{number}.py").write_bytes(os.urandom(200_000))
    going = iter(range(10_000))

    def write():
        compiled = folder / "__pycache__"
        compiled.mkdir(exist_ok=True)
        (compiled / f"{next(going)}.pyc").touch()
        return False

    archive.pack(tmp_path / "from", tmp_path / "to", leave_out=(), give_up=write)
    (tmp_path / "there").mkdir()
    archive.unpack(tmp_path / "to", tmp_path / "there", give_up=lambda: False)
    assert len(list((tmp_path / "there/package").glob("*.py"))) == 200


def test_pip_that_does_not_end_with_the_session_is_said(new):
    session = new().start()
    script = session.folder / "pip"
    script.write_text("import sys; sys.stdin.read()")
    words = [sys.executable, str(script), "install"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, env=os.environ | session.environ) as running:
        (session.environment.package_folders[0] / "half").mkdir()
        session.end(1)
        assert session.keeper.take_news() == [
            messages.AT_WORK.format(messages.NOTHING_KEPT),
        ]
        running.stdin.close()


def reset(session):
    before = session.keeper.as_dict()["resets"]
    session.keeper.reset()
    wait_for(lambda: session.keeper.as_dict()["resets"] > before, 20, "the reset")


@pytest.mark.slow
def test_what_is_reset_is_gone_for_every_python_and_machine(new, notebooks):
    first = new().start()
    first.install()
    wait_for(first.keeper._store.archive.exists, 20, "the archive")
    other = notebooks / ".jupyter-session/packages-other.tar.zst"
    other.write_bytes(first.keeper._store.archive.read_bytes())
    reset(first)
    assert "No module" in first.run(*USE).err
    first.install()  # it works after that, too
    assert first.run(*USE).out == str(ANSWER)
    reset(first)
    first.end()
    assert read_lost((notebooks / ".jupyter-session/packages.txt").read_text()) == []
    assert other.read_bytes() == first.keeper._store.archive.read_bytes()
    second = new().start()
    assert "No module" in second.run(*USE).err
    second.end()
    assert second.keeper.take_news() == []


@pytest.mark.slow
def test_reset_lasts_when_there_was_no_room_to_unpack(new, monkeypatch):
    first = new().start()
    first.install()
    first.end()
    with monkeypatch.context() as patch:
        patch.setattr(archive, "unpack", fail("the disk is full"))
        second = new().start()
        wait_for(lambda: second.keeper.problem, 20, "the sentence")
    reset(second)
    assert second.keeper.problem == ""
    second.end()
    assert "No module" in new().start().run(*USE).err


def test_reset_ends_what_is_being_installed_anew(new, notebooks, monkeypatch):
    folder = notebooks / ".jupyter-session"
    folder.mkdir()
    (folder / "packages.txt").write_text("--extra-index-url https://10.255.255.1/simple\nnot-there==7\n")
    session = new().start()
    wait_for(lambda: session.keeper._changes and (session.folder / "packages.log").exists(), 20, "pip to be at work")
    reset(session)
    session.end()
    assert read_requirements((folder / "packages.txt").read_text()) == []
    assert "not-there" not in (folder / "packages.txt").read_text()


def test_session_killed_while_it_packed_is_said_in_the_next(new, notebooks):
    (notebooks / ".jupyter-session").mkdir()
    (notebooks / ".jupyter-session/packages.unfinished").write_text("half")
    session = new().start()
    wait_for(lambda: files_of(notebooks) == [], 20, "it to go")
    session.end()
    (news,) = session.keeper.take_news()
    assert news.startswith("The last session ended while it packed its packages")


@pytest.mark.parametrize(
    ("words", "places"),
    [
        ("pip install -i https://one/simple torch", ["--extra-index-url https://one/simple"]),
        ("pip install torch --index-url=https://me:secret@one:80/x?y", ["--extra-index-url https://one:80/x"]),
        (
            "pip install torch --extra-index-url https://one -f https://two",
            ["--extra-index-url https://one", "--find-links https://two"],
        ),
        ("pip install -f ./wheels --no-index torch", []),
        ("pip install torch --index-url", []),
        ("pip install torch -i https://[one", []),
        ("pip install -r wanted.txt", ["--extra-index-url https://three/simple"]),
        ("pip install -r not-there.txt", []),
    ],
)
def test_where_packages_come_from_is_kept_without_passwords(words, places, tmp_path):
    (tmp_path / "wanted.txt").write_text("# a\n--index-url https://three/simple\ntorch\n")
    assert find_places(Installer(tuple(words.split()), tmp_path)) == places


@pytest.mark.slow
def test_index_of_a_package_is_on_the_list_and_stays_there(new, notebooks):
    first = new().start()
    script = first.folder / "pip"
    script.write_text("import sys; sys.stdin.read()")
    words = [sys.executable, str(script), "install", "--index-url", "https://one/simple", "torch"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, env=os.environ | first.environ) as running:
        wait_for(lambda: first.keeper.as_dict()["places"], 20, "the installer to be seen")
        running.stdin.close()
    first.install()
    first.end()
    second = new().start()
    assert second.run("pip", "uninstall", "-y", "tiny-thing").code == 0
    second.end()
    lines = (notebooks / ".jupyter-session/packages.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["--extra-index-url https://one/simple"]


@pytest.mark.slow
def test_what_came_from_a_file_that_is_gone_is_said_to_another_python(new, notebooks):
    first = new().start()
    first.install()
    first.end()
    first.keeper._store.archive.unlink()
    second = new().start()
    wait_for(lambda: second.keeper._news, 20, "the sentence")
    second.end()
    lost = f"tiny-thing==1.0, from file://{first.folder}/{NAME}"
    assert second.keeper.take_news() == [messages.LOST.format(lost)]


def test_code_in_the_notebook_folder_is_there_again(new, notebooks, tmp_path):
    found = [Installed("mine", "1", True, f"file://{notebooks}/my%20code", is_editable=True)]
    (line,) = list_requirements(found, notebooks)
    assert line == "-e file://${JUPYTER_NOTEBOOKS}/my%20code#egg=mine"
    assert list_requirements(found, notebooks, [line]) == [line]
    assert read_requirements(line) == [line]
    assert put_folder_in(line, str(notebooks)) == f"-e file://{notebooks}/my%20code#egg=mine"


def test_half_removed_package_is_not_listed(tmp_path):
    for name in ("~umpy-1.0.dist-info", "scikit_learn-1.2.dist-info"):
        (tmp_path / name).mkdir()
    assert list_installed([tmp_path]) == [Installed("scikit-learn", "1.2")]
