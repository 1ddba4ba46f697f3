"""What others put into the notebook folder on the access point is found, and comes here without harm."""

import os
import re
import time
from pathlib import Path

import pytest

from jupyter_session.saveback import Report
from jupyter_session.saveback.access_point import AccessPoint
from jupyter_session.saveback.arrivals import Arrivals, is_within
from jupyter_session.saveback.copier import Copier
from jupyter_session.saveback.errors import ChangedError, LeftOutError
from jupyter_session.saveback.ledger import Ledger
from jupyter_session.saveback.plan import Limits
from jupyter_session.saveback.report import render_report
from jupyter_session.saveback.scan import compile_patterns
from jupyter_session.session.news_there import NewsThere
from support.fake_chirp_files import FakeChirpFiles, contents

HOUR = 3600


class Folders:
    """The notebook folder here and there: `old.ipynb` came with the job an hour ago."""

    def __init__(self, base):
        self.here, self.there = Path(base) / "here", Path(base) / "ap/notebooks"
        self.started = int(time.time()) - HOUR
        self.later = self.started
        for folder in (self.here, self.there):
            folder.mkdir(parents=True)
            (folder / "old.ipynb").write_bytes(b"old")
        self.files = FakeChirpFiles(self.there.parent)
        # A file there is as new as its mtime says.
        self.files._about = lambda about: FakeChirpFiles._about(self.files, about)._replace(ctime=int(about.st_mtime))
        os.utime(self.there / "old.ipynb", (self.started - HOUR,) * 2)
        self.copier = Copier(
            str(self.here), "5.0", Limits(1 << 30, 1 << 32), compile_patterns(["*.tmp"]),
            make_ledger=lambda scan: Ledger.open(scan, started=self.started, received_from=1 << 62),
        )  # fmt: skip
        self.arrivals = Arrivals(str(self.here), compile_patterns(["*.tmp"]), self.started)

    def access_point(self):
        return AccessPoint(self.files, "notebooks", str(self.here))

    def put_there(self, name, data=b"new"):
        path = self.there / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.later += 10
        os.utime(path, (self.later, self.later))

    def look(self, times=2):
        for _ in range(times):
            self.arrivals.look(self.access_point(), self.copier.ledger)
        return sorted(self.arrivals.found)

    def fetch(self, path):
        return list(self.arrivals.fetch(self.access_point(), self.copier.ledger, path))

    def save(self):
        there = self.access_point()
        for path in self.copier.look(time.monotonic()):
            list(self.copier.send(there, path, time.monotonic()))
        return self.copier.report(time.monotonic())


@pytest.fixture
def folders(tmp_path):
    return Folders(tmp_path)


def test_nothing_is_new_that_came_with_the_job_or_that_the_session_has_saved(folders):
    (folders.here / "mine.csv").write_bytes(b"mine")
    (folders.here / "old.ipynb").write_bytes(b"changed here")
    folders.save()
    assert folders.look() == []


def test_new_and_changed_files_are_found_once_they_stay_as_they_are(folders):
    folders.put_there("data.csv")
    folders.put_there("deep/er/more.csv")
    folders.put_there("old.ipynb", b"changed there")
    assert folders.look(times=1) == []
    assert folders.arrivals.are_unsure
    folders.put_there("data.csv", b"grows")
    assert folders.look(times=1) == ["deep/er/more.csv", "old.ipynb"]
    assert folders.look(times=1) == ["data.csv", "deep/er/more.csv", "old.ipynb"]
    assert not folders.arrivals.are_unsure


@pytest.mark.parametrize("name", [".jupyter-session/x", "half.tmp", "env/lib/x.py", "folder.tmp/x"])
def test_what_is_no_work_of_people_is_not_told(folders, name):
    (folders.there / "env").mkdir()
    (folders.there / "env/pyvenv.cfg").write_text("home = /")
    folders.put_there(name)
    assert folders.look() == []


def test_links_to_folders_are_not_followed(folders, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (folders.there / "link").symlink_to(tmp_path)
    folders.put_there("data.csv")
    assert "data.csv" in folders.look()
    assert not any(path.startswith("link/") for path in folders.arrivals.found)


def test_a_file_that_is_fetched_is_here_and_is_saved_when_it_changes(folders):
    folders.put_there("deep/data.csv", b"a" * 200_000)
    folders.look()
    assert folders.fetch("deep/data.csv")[-1] == 200_000
    assert (folders.here / "deep/data.csv").read_bytes() == b"a" * 200_000
    assert folders.look() == []
    assert folders.save().saved == {}
    (folders.here / "deep/data.csv").write_bytes(b"changed here")
    report = folders.save()
    assert (report.saved, report.conflicts) == ({"deep/data.csv": 1}, {})
    assert (folders.there / "deep/data.csv").read_bytes() == b"changed here"
    assert folders.look() == []


def test_a_file_that_has_changed_there_replaces_one_that_has_not_changed_here(folders):
    folders.put_there("old.ipynb", b"changed there")
    folders.look()
    folders.fetch("old.ipynb")
    assert contents(folders.here) == {"old.ipynb": b"changed there"}


def test_a_file_that_has_changed_on_both_sides_comes_beside(folders):
    (folders.here / "old.ipynb").write_bytes(b"changed here")
    folders.put_there("old.ipynb", b"changed there")
    folders.look()
    folders.fetch("old.ipynb")
    assert contents(folders.here) == {
        "old.ipynb": b"changed here",
        "old (from the access point).ipynb": b"changed there",
    }
    assert folders.look() == []


def test_a_file_of_the_users_is_never_replaced_by_a_new_one(folders):
    (folders.here / "data.csv").symlink_to("old.ipynb")
    folders.put_there("data.csv", b"there")
    folders.look()
    folders.fetch("data.csv")
    assert (folders.here / "data.csv").is_symlink()
    assert (folders.here / "data (from the access point).csv").read_bytes() == b"there"


def test_a_file_that_changes_while_it_comes_is_not_taken(folders):
    folders.put_there("data.csv", b"a" * 200_000)
    folders.look()
    coming = folders.arrivals.fetch(folders.access_point(), folders.copier.ledger, "data.csv")
    next(coming)
    folders.put_there("data.csv", b"b" * 200_000)
    with pytest.raises(ChangedError):
        list(coming)
    assert sorted(contents(folders.here)) == ["old.ipynb"]
    assert list((folders.here / ".jupyter-session").iterdir()) == []
    assert folders.look() == ["data.csv"]


def test_a_file_that_is_gone_is_said(folders):
    folders.put_there("data.csv")
    folders.look()
    (folders.there / "data.csv").unlink()
    with pytest.raises(LeftOutError):
        folders.fetch("data.csv")


@pytest.mark.parametrize(
    ("path", "given", "is_in"), [("a/b", "a", True), ("a/b", "a/", True), ("ab", "a", False), ("a", "./a", True)]
)
def test_a_folder_stands_for_what_is_in_it(path, given, is_in):
    assert is_within(path, given) is is_in


def test_each_file_is_told_once_and_again_when_it_is_another(folders):
    news = NewsThere()
    assert news.update(Report(arrived={"data.csv": "1 KB"})) == [
        "data.csv is new on the access point. `jupyter-session fetch` brings it here."
    ]
    assert news.update(Report(arrived={"data.csv": "1 KB"})) == []
    (sentence,) = news.update(Report(arrived={"data.csv": "2 KB", "a" * 200: "1 KB"}))
    assert sentence.startswith("2 files are new")
    assert len(sentence) <= 140
    assert news.update(Report()) == []


def test_the_report_names_what_is_new_and_how_it_comes():
    lines = render_report(Report(arrived={"data.csv": "1.2 GB"}, arrived_count=1, behind=1.0).as_dict())
    assert "  data.csv is new on the access point: 1.2 GB" in lines
    assert re.search("jupyter-session fetch", lines[-1])
