"""Save-back on a real folder, with another folder in place of the access point."""

import os
import shutil
import stat
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from jupyter_session.condor.chirp_errors import ChirpCode, ChirpError
from jupyter_session.saveback.access_point import AccessPoint
from jupyter_session.saveback.attempts import RESTLESS
from jupyter_session.saveback.copier import LARGE, Copier
from jupyter_session.saveback.journal import Journal
from jupyter_session.saveback.ledger import Ledger
from jupyter_session.saveback.plan import Limits
from jupyter_session.saveback.scan import compile_patterns
from support.fake_chirp_files import FakeChirpFiles, contents


class Pair:
    """The folder here and the one on the access point, and save-back between them."""

    def __init__(self, base, *, is_killed=False):
        self.is_killed = is_killed
        self.here = Path(base) / "here"
        self.there = Path(base) / "ap" / "notebooks"
        for folder in (self.here, self.there):
            folder.mkdir(parents=True)
        self.journal = Path(base) / "journal"
        self.files = FakeChirpFiles(self.there.parent)
        self.now = 0.0

    def begin(self, before=lambda: None):
        """Start the session: what is on the access point comes here, an hour ago by its clock; then call `before`."""
        shutil.copytree(self.there, self.here, dirs_exist_ok=True)
        for path in self.there.rglob("*"):
            if path.is_file() and not path.is_symlink():
                os.utime(path, (1e9, 1e9))
        before()
        time.sleep(0.02)  # a tick of the file system's clock
        arrived = int(time.time()) + 1  # the copies there, made in this very second, are known
        journal = Journal(self.journal)
        self.copier = self.make_copier(
            lambda scan: Ledger.open(scan, started=arrived, received_from=1 << 62, journal=journal)
        )
        return self

    def make_copier(self, make_ledger):
        limits, patterns = Limits(1 << 30, 1 << 32), compile_patterns(["__pycache__"])
        return Copier(str(self.here), "5.0", limits, patterns, make_ledger=make_ledger)

    def change_there(self, name, data):
        """Change a file on the access point, as its user does, so much later that the clock shows it."""
        path = self.there / name
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name("beside")
        beside.write_bytes(data)
        beside.replace(path)
        os.utime(path, (time.time() + 7, time.time() + 7))

    def turn(self, seconds=15.0):
        self.now += seconds
        there = AccessPoint(self.files, "notebooks", str(self.here))
        for path in self.copier.select_unchanged(self.copier.look(self.now), self.now):
            for _ in self.copier.send(there, path, self.now):
                pass
        if self.copier.has_closed_folders:
            self.copier.close_folders(there)
        self.copier.remove_gone(there)
        self.copier.note_if_complete(self.now)
        return self.copier.report(self.now)

    def end(self):
        """End the session, and bring the folder back as HTCondor does."""
        if self.is_killed:  # another process has its journal only
            self.copier = self.make_copier(lambda _: Ledger.recall(self.journal))
        self.copier.protect(AccessPoint(self.files, "notebooks", str(self.here)))
        shutil.copytree(self.here, self.there, symlinks=True, dirs_exist_ok=True)
        return self.copier.report(self.now)


@pytest.fixture(params=["ended in order", "killed"])
def pair(tmp_path, request):
    return Pair(tmp_path, is_killed=request.param == "killed")


def test_what_came_with_the_job_is_not_sent_and_what_changes_is(pair):
    (pair.there / "old.ipynb").write_bytes(b"old")
    pair.begin()
    assert pair.turn().saved == {}
    assert not (pair.there / ".jupyter-session").exists()
    (pair.here / "old.ipynb").write_bytes(b"changed")
    (pair.here / "deep/er").mkdir(parents=True)
    (pair.here / "deep/er/new.csv").write_bytes(b"")
    report = pair.turn()
    assert contents(pair.there) == contents(pair.here)
    assert report.saved == {"old.ipynb": 1, "deep/er/new.csv": 1}
    assert report.behind == 0
    requests = len(pair.files.calls)
    pair.turn()
    assert len(pair.files.calls) == requests, "a folder that does not change costs the access point nothing"


def test_permissions_are_those_of_the_access_points_file_or_else_those_here(pair):
    (pair.there / "shared").write_bytes(b"1")
    (pair.there / "shared").chmod(0o660)
    pair.begin()
    (pair.here / "shared").write_bytes(b"2")
    (pair.here / "secret").write_bytes(b"3")
    (pair.here / "secret").chmod(0o600)
    pair.turn()
    assert stat.S_IMODE((pair.there / "shared").stat().st_mode) == 0o660
    assert stat.S_IMODE((pair.there / "secret").stat().st_mode) == 0o600


def test_a_folder_that_is_closed_later_is_closed_on_the_access_point_too(pair):
    (pair.there / "theirs").mkdir()
    pair.begin()
    for name in ("private", "theirs", "gone"):
        (pair.here / name).mkdir(exist_ok=True)
        (pair.here / name / "secret.txt").write_text("my password")
    pair.turn()
    assert stat.S_IMODE((pair.there / "private").stat().st_mode) == 0o755
    for name in ("private", "theirs"):
        (pair.here / name).chmod(0o700)
    shutil.rmtree(pair.here / "gone")
    pair.turn()
    pair.turn()
    modes = {name: stat.S_IMODE((pair.there / name).stat().st_mode) for name in ("private", "theirs")}
    assert modes == {"private": 0o700, "theirs": 0o755}
    assert not (pair.there / "gone").exists()
    requests = len(pair.files.calls)
    (pair.here / "private").chmod(0o755)
    pair.turn()
    assert len(pair.files.calls) == requests, "a folder is opened by its user only"


@pytest.mark.parametrize(("here", "there"), [(0o700, 0o700), (0o755, 0o755), (0o750, 0o750), (0o500, 0o700)])
def test_new_folders_are_as_private_as_those_here(pair, here, there):
    pair.begin()
    for name in ("private/er", "own"):
        (pair.here / name).mkdir(parents=True)
        (pair.here / name / "secret.txt").write_text("my password")
        (pair.here / name.partition("/")[0]).chmod(here)
    pair.turn()
    modes = {name: stat.S_IMODE((pair.there / name).stat().st_mode) for name in ("private", "own")}
    assert modes == {"private": there, "own": there}
    assert (pair.there / "private/er/secret.txt").exists()
    for name in modes:
        (pair.here / name).chmod(0o755)


def test_file_changed_on_both_sides_gets_a_name_of_its_own_and_keeps_it_to_the_end(pair):
    (pair.there / "a.ipynb").write_bytes(b"0")
    pair.begin()
    pair.change_there("a.ipynb", b"theirs")
    (pair.here / "a.ipynb").write_bytes(b"ours 1")
    report = pair.turn()
    assert report.conflicts == {"a.ipynb": "a (from job 5.0).ipynb"}
    (pair.here / "a.ipynb").write_bytes(b"ours 22")
    pair.turn()
    wanted = {"a.ipynb": b"theirs", "a (from job 5.0).ipynb": b"ours 22"}
    assert contents(pair.there) == wanted
    (pair.here / "a.ipynb").write_bytes(b"ours 333")
    pair.end()
    assert contents(pair.there) == wanted | {"a (from job 5.0).ipynb": b"ours 333"}


def test_own_copy_that_was_changed_too_is_not_overwritten_either(pair):
    pair.begin()
    pair.change_there("a.txt", b"theirs")
    (pair.here / "a.txt").write_bytes(b"ours 1")
    pair.turn()
    pair.change_there("a (from job 5.0).txt", b"edited")
    (pair.here / "a.txt").write_bytes(b"ours 22")
    pair.end()
    assert contents(pair.there) == {
        "a.txt": b"theirs",
        "a (from job 5.0).txt": b"edited",
        "a (from job 5.0, 2).txt": b"ours 22",
    }


def test_file_changed_on_the_access_point_alone_outlives_the_end(pair):
    (pair.there / "sub").mkdir()
    for name in ("sub/a", "sub/b", "sub/c", "sub/d"):
        (pair.there / name).write_bytes(b"0")
    pair.begin()
    pair.change_there("sub/b", b"theirs")
    report = pair.end()
    assert contents(pair.there)["sub/b"] == b"theirs"
    assert contents(pair.there)["sub/a"] == b"0"
    assert report.left_out == {"sub/b": "newer on the access point"}


def test_file_that_changed_here_before_the_session_looked_comes_back(pair):
    (pair.there / "data.csv").write_bytes(b"0")
    pair.begin(before=lambda: (pair.here / "data.csv").write_bytes(b"of a script before the session"))
    report = pair.end()
    assert b"of a script before the session" in contents(pair.there).values()
    assert report.left_out == {}


def test_links_and_special_files_are_left_out_and_said(pair, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    pair.begin()
    (pair.there / "link").symlink_to(outside)
    (pair.there / "file").symlink_to(outside / "target")
    (pair.here / "link").mkdir()
    (pair.here / "link/x").write_bytes(b"x")
    (pair.here / "file").write_bytes(b"y")
    (pair.here / "here").symlink_to("/etc/passwd")
    os.mkfifo(pair.here / "pipe")
    (pair.here / "good").write_bytes(b"z")
    report = pair.turn()
    assert list(outside.iterdir()) == []
    assert (pair.there / "good").read_bytes() == b"z"
    assert {name: why.split(" on ")[0] for name, why in report.left_out.items()} == {
        "link/x": "link is a symbolic link",
        "file": "a symbolic link",
        "here": "a symbolic link",
        "pipe": "not a regular file",
    }
    assert report.problem == ""


def test_folder_that_becomes_a_link_on_the_access_point_is_written_no_more(pair, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    pair.begin()
    (pair.here / "sub").mkdir()
    (pair.here / "sub/x").write_bytes(b"1")
    pair.turn()
    (pair.there / "sub").rename(tmp_path / "moved")
    (pair.there / "sub").symlink_to(outside)
    (pair.here / "sub/x").write_bytes(b"22")
    pair.turn()
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("folder", ["", "sub"])
def test_whole_folder_behind_a_link_on_the_access_point_is_left_out(pair, tmp_path, folder):
    pair.begin()
    outside = tmp_path / "outside"
    outside.mkdir()
    link = pair.there / folder
    if not folder:
        link.rmdir()
    link.symlink_to(outside)
    (pair.here / folder / "x").parent.mkdir(exist_ok=True)
    (pair.here / folder / "x").write_bytes(b"1")
    report = pair.turn()
    pair.copier.protect(AccessPoint(pair.files, "notebooks", str(pair.here)))
    assert list(outside.iterdir()) == []
    assert report.left_out_count == 1


def test_odd_names_arrive_as_they_are(pair):
    names = [
        b"a b",
        b"tab\there",
        b'it\'s "quoted"',
        b"back\\slash",
        b"-rf",
        b"\xff\xfe.txt",
        b"a\rb\vc\fd",
        b"\xc3\xa9" * 120,
    ]
    pair.begin()
    for name in names:
        Path(os.fsdecode(os.fsencode(pair.here) + b"/" + name)).write_bytes(name)
    report = pair.turn()
    assert contents(pair.there) == contents(pair.here)
    assert all(name.isprintable() for name in report.saved)


def test_environments_and_excluded_names_are_left_out(pair):
    pair.begin()
    for name in ("venv/pyvenv.cfg", "venv/lib/x.py", "env/conda-meta/history", "sub/__pycache__/x.pyc", "sub/y.py"):
        (pair.here / name).parent.mkdir(parents=True, exist_ok=True)
        (pair.here / name).write_bytes(b"1")
    report = pair.turn()
    assert contents(pair.there) == {"sub": None, "sub/y.py": b"1"}
    assert report.left_out.keys() == {"venv", "env"}


def test_packages_and_settings_of_jupyterlab_are_sent_and_nothing_else_of_the_own_folder(pair):
    pair.begin()
    kept = {f".jupyter-session/{name}" for name in ("packages-3.tar.zst", "packages.txt", "lab/user-settings/a/b.json")}
    for name in (*kept, ".jupyter-session/set-aside.json", ".jupyter-session/other/lab"):
        (pair.here / name).parent.mkdir(parents=True, exist_ok=True)
        (pair.here / name).write_bytes(b"1")
    pair.turn()
    assert {str(path.relative_to(pair.there)) for path in pair.there.rglob("*") if path.is_file()} == kept


def test_renamed_file_leaves_no_twin_and_what_was_there_before_the_session_stays(pair):
    (pair.there / "old").write_bytes(b"1")
    pair.begin()
    (pair.here / "new folder").mkdir()
    (pair.here / "new folder/Untitled.ipynb").write_bytes(b"2")
    pair.turn()
    (pair.here / "new folder").rename(pair.here / "results")
    (pair.here / "old").unlink()
    pair.turn()
    assert (pair.there / "new folder/Untitled.ipynb").exists()
    report = pair.turn()
    assert contents(pair.there) == {"old": b"1", "results": None, "results/Untitled.ipynb": b"2"}
    assert report.removed == ("new folder/Untitled.ipynb",)


def test_file_of_ours_that_was_changed_on_the_access_point_is_not_removed(pair):
    pair.begin()
    (pair.here / "a").write_bytes(b"1")
    pair.turn()
    pair.change_there("a", b"theirs")
    (pair.here / "a").unlink()
    pair.turn()
    report = pair.turn()
    assert contents(pair.there) == {"a": b"theirs"}
    assert report.removed == ()


def test_full_disk_leaves_the_old_version_whole_and_is_over_by_itself(pair):
    (pair.there / "a").write_bytes(b"old")
    pair.begin()
    pair.files.room = 10
    (pair.here / "a").write_bytes(b"x" * 100)
    (pair.here / "b").write_bytes(b"small")
    report = pair.turn()
    assert contents(pair.there) == {"a": b"old", "b": b"small"}
    assert "a can't be saved on the access point: no space left there" in report.problem
    assert list((pair.there / ".jupyter-session").iterdir()) == []
    pair.files.room = 1000
    report = pair.turn(60)
    assert contents(pair.there) == contents(pair.here)
    assert report.problem == ""


def test_a_list_of_the_sessions_own_is_written_whole_whatever_is_there(pair):
    pair.begin()
    there = AccessPoint(pair.files, "notebooks", str(pair.here))
    own = pair.there / ".jupyter-session"
    for text in ("1", "x" * 600_000, "3"):
        assert pair.copier.send_list(there, "list.json", text)
        assert {path.name: path.read_text() for path in own.iterdir()} == {"list.json": text}
    pair.files.room = 0
    assert not pair.copier.send_list(there, "list.json", "4")
    assert {path.name: path.read_text() for path in own.iterdir()} == {"list.json": "3"}
    pair.files.room = 1000
    (own / "list.json").unlink()
    (own / "list.json").symlink_to(pair.there / "outside")
    assert pair.copier.send_list(there, "list.json", "5")
    assert not (pair.there / "outside").exists()
    (own / "folder").mkdir()
    assert not pair.copier.send_list(there, "folder", "6")


QUOTA = "a quota there is full, of space or of the number of files"
UNNAMED = "an error there that chirp does not name (-127)"


@pytest.mark.parametrize(
    ("full", "limits", "name", "why"),
    [
        (ChirpCode.NO_SPACE, {"room": 10}, "a", "no space left there"),
        (ChirpCode.NO_SPACE, {"more_files": 0}, "a", "no space left there"),
        (ChirpCode.UNKNOWN, {"room": 10}, "a", QUOTA),
        (ChirpCode.UNKNOWN, {"room": 90_000}, "a", QUOTA),  # room for a probe, but not for the file
        (ChirpCode.UNKNOWN, {"more_files": 0}, "a", QUOTA),
        (ChirpCode.UNKNOWN, {"more_files": 0}, "folder/a", QUOTA),
        (ChirpCode.UNKNOWN, {"is_broken": True}, "a", UNNAMED),
        (ChirpCode.UNKNOWN, {"is_broken": True}, "folder/a", UNNAMED),
        (ChirpCode.UNKNOWN, {"longest_name": 100}, "n" * 120, UNNAMED),
    ],
)
def test_what_is_full_is_named_and_what_chirp_cannot_name_for_another_reason_is_not_called_a_quota(
    pair, full, limits, name, why
):
    pair.begin()
    (pair.here / "before").write_bytes(b"1")
    pair.turn()
    pair.files.full = full
    for limit, value in limits.items():
        setattr(pair.files, limit, value)
    (pair.here / name).parent.mkdir(exist_ok=True)
    (pair.here / name).write_bytes(b"x" * 100_000)
    report = pair.turn()
    assert report.left_out == {name: why}
    assert report.refused_count == 1
    assert why in report.problem
    assert [path.name for path in (pair.there / ".jupyter-session").iterdir()] == []
    pair.files.room = pair.files.more_files = pair.files.longest_name = 1 << 40
    pair.files.is_broken = False
    report = pair.turn(60)
    assert contents(pair.there) == contents(pair.here)
    assert (report.left_out, report.problem, report.refused_count) == ({}, "", 0)


def test_a_file_that_its_owner_cannot_write_stays_writable_for_htcondor_which_brings_it_back(pair):
    (pair.there / "old").write_bytes(b"1")
    pair.begin()
    (pair.there / "old").chmod(0o444)
    for name in ("old", "new"):
        (pair.here / name).write_bytes(b"22")
        (pair.here / name).chmod(0o444)
    pair.turn()
    modes = {name: stat.S_IMODE((pair.there / name).stat().st_mode) for name in ("old", "new")}
    assert modes == {"old": 0o644, "new": 0o644}


def test_cut_at_any_request_leaves_the_old_version_or_the_new_one_and_no_twin(tmp_path):
    data = b"n" * 600_000
    cuts = 0
    was_cut = True
    while was_cut:
        pair = Pair(tmp_path / str(cuts))
        (pair.there / "a").write_bytes(b"old")
        pair.begin()
        (pair.here / "a").write_bytes(data)
        pair.files.cut_after(cuts)
        was_cut = False
        try:
            pair.turn()
        except ChirpError:
            was_cut = True
        assert contents(pair.there)["a"] in (b"old", data)
        pair.files.cut_after(None)
        pair.turn()
        assert contents(pair.there) == {"a": data}
        cuts += 1
    assert cuts > 10


def test_file_that_grows_all_the_time_is_saved_as_it_was_at_one_moment(pair):
    pair.begin()
    log = pair.here / "log"
    log.write_bytes(b"")
    whole = b""
    reports = []
    for number in range(6):
        pair.now += 15
        todo = pair.copier.look(pair.now)
        whole += b"line %d\n" % number
        log.write_bytes(whole)
        ready = pair.copier.select_unchanged(todo, pair.now)
        assert bool(ready) == (15 * number >= RESTLESS)
        for path in ready:
            for _ in pair.copier.send(AccessPoint(pair.files, "notebooks", str(pair.here)), path, pair.now):
                with log.open("ab") as file:
                    file.write(b"more\n")
                    whole += b"more\n"
        reports.append(contents(pair.there).get("log"))
    assert reports[:3] == [None] * 3
    assert reports[5]
    assert whole.startswith(reports[5])


def test_file_that_is_rewritten_all_the_time_never_replaces_a_whole_one(pair):
    (pair.there / "a").write_bytes(b"whole")
    pair.begin()
    for number in range(6):
        (pair.here / "a").write_bytes(b"%d" % number * 100)
        pair.now += 15
        todo = pair.copier.look(pair.now)
        (pair.here / "a").write_bytes(b"%d" % number * 101)
        for path in pair.copier.select_unchanged(todo, pair.now):
            for _ in pair.copier.send(AccessPoint(pair.files, "notebooks", str(pair.here)), path, pair.now):
                (pair.here / "a").write_bytes(b"x" * (200 + number))
    assert contents(pair.there) == {"a": b"whole"}
    assert pair.copier.report(pair.now).left_out == {"a": "it changes all the time"}


def test_large_file_can_wait_half_sent_while_others_are_saved(pair):
    pair.begin()
    (pair.here / "large").write_bytes(b"L" * (LARGE + 1))
    (todo,) = pair.copier.look(0)
    assert pair.copier.is_large(todo)
    there = AccessPoint(pair.files, "notebooks", str(pair.here))
    sending = pair.copier.send(there, todo, 0)
    for _ in range(3):
        next(sending)
    (pair.here / "small").write_bytes(b"s")
    for _ in pair.copier.send(there, pair.copier.look(1)[0], 1):
        pass
    assert contents(pair.there) == {"small": b"s"}
    for _ in sending:
        pass
    assert contents(pair.there) == contents(pair.here)
    assert list((pair.there / ".jupyter-session").iterdir()) == []


def test_a_journal_that_is_cut_off_costs_a_name_and_no_file(pair):
    """As if the disk was full, or the process was killed while it wrote."""
    (pair.there / "old").write_bytes(b"0")
    pair.begin()
    for text in (b"ours 1", b"ours 22"):
        (pair.here / "old").write_bytes(text)
        (pair.here / "new").write_bytes(text)
        pair.turn()
    (pair.here / "old").write_bytes(b"ours 333")
    whole = pair.journal.read_bytes()
    pair.is_killed = True
    for length in range(0, len(whole), 7):
        pair.journal.write_bytes(whole[:length])
        pair.copier = pair.make_copier(lambda _: Ledger.recall(pair.journal))
        pair.copier.protect(AccessPoint(pair.files, "notebooks", str(pair.here)))
        assert b"ours 333" in contents(pair.here).values()
        assert contents(pair.there)["old"] == b"ours 22"
        for path in list(pair.here.iterdir()):
            if path.is_file() and path.read_bytes() == b"ours 333":
                path.replace(pair.here / "old")


NAMES = st.sampled_from(["a", "b.ipynb", "sub/c", "sub/d e", "sub/deep/f", "g\n"])


class Sessions(RuleBasedStateMachine):
    """Both sides change at random. `theirs` is what the access point's user wrote last, under which name."""

    @initialize(before=st.sets(NAMES), is_killed=st.booleans())
    def begin(self, before, is_killed):
        self.base = Path(os.environ["SAVEBACK_TEST"]) / str(next(COUNT))
        self.pair = Pair(self.base, is_killed=is_killed)
        for name in before:
            (self.pair.there / name).parent.mkdir(parents=True, exist_ok=True)
            (self.pair.there / name).write_bytes(b"before " + name.encode())
        self.before = set(before)
        self.pair.begin()
        self.outside = Counter(path for path in self.base.iterdir())
        self.theirs = {}
        self.replaced = {}
        self.serial = 0

    @rule(name=NAMES)
    def write_here(self, name):
        self.serial += 1
        path = self.pair.here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"ours %03d" % self.serial)

    @rule(name=NAMES)
    def remove_here(self, name):
        (self.pair.here / name).unlink(missing_ok=True)

    @rule(name=NAMES, to=NAMES)
    def rename_here(self, name, to):
        if (self.pair.here / name).exists():
            (self.pair.here / to).parent.mkdir(parents=True, exist_ok=True)
            (self.pair.here / name).replace(self.pair.here / to)

    @rule(name=NAMES.filter(lambda name: "\n" not in name))
    def write_there(self, name):
        self.serial += 1
        if (self.pair.there / name).exists():
            self.replaced.setdefault(name, set()).add((self.pair.there / name).read_bytes())
        self.theirs[name] = b"theirs %03d" % self.serial
        self.pair.change_there(name, self.theirs[name])

    @rule()
    def turn(self):
        self.pair.turn(120)

    @rule()
    def broken_turn(self):
        self.pair.files.room = 2
        self.pair.turn(120)
        self.pair.files.room = 1 << 40

    @invariant()
    def what_they_wrote_is_there(self):
        for name, data in getattr(self, "theirs", {}).items():
            assert (self.pair.there / name).read_bytes() == data

    @invariant()
    def what_was_there_before_is_there(self):
        if hasattr(self, "pair"):
            assert all((self.pair.there / name).exists() for name in self.before)
            assert Counter(path for path in self.base.iterdir()) == self.outside

    @precondition(lambda self: hasattr(self, "pair"))
    @rule()
    def what_is_here_is_there_after_a_turn(self):
        self.pair.turn(120)
        report = self.pair.turn(120)
        there = contents(self.pair.there)
        for name, data in contents(self.pair.here).items():
            if data is not None and "\n" not in name:
                own = report.conflicts.get(name, name)
                assert there.get(own) == data or self.was_replaced(name, data)

    def was_replaced(self, name, data):
        """Return True if the user replaced just this on the access point, and it no longer changed here."""
        return data in self.replaced.get(name, ())

    def teardown(self):
        if hasattr(self, "pair"):
            here = contents(self.pair.here)
            self.pair.end()
            there = contents(self.pair.there)
            for name, data in self.theirs.items():
                assert there[name] == data
            for name, data in here.items():
                if data is not None and "\n" not in name:
                    assert data in there.values() or self.was_replaced(name, data)
            shutil.rmtree(self.base)


COUNT = iter(range(1 << 30))


def test_whatever_both_sides_do_theirs_is_never_overwritten_and_ours_is_never_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("SAVEBACK_TEST", str(tmp_path))
    options = settings(max_examples=80, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Sessions, settings=options)
