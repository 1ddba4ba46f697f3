"""What HTCondor can't carry is taken out of its way, and put back; no list of it, whoever wrote it, does harm."""

import json
import os
import stat
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_session.condor.job_ad import Job
from jupyter_session.transfer import SetAside, own_folder
from jupyter_session.transfer.manifest import (
    DamagedError,
    Manifest,
    Mode,
    parse_manifest,
    render_manifest,
    shorten,
    write_manifest,
)
from jupyter_session.transfer.outputs import Output, list_outputs, locate_there
from jupyter_session.transfer.received import Received
from jupyter_session.transfer.roots import Roots
from jupyter_session.transfer.there import There
from support.fake_chirp_files import FakeChirpFiles

LIST = ".jupyter-session/set-aside.json"


class Machine:
    """A job's folder, and the access point's, between which `carry` moves files as HTCondor does."""

    def __init__(self, base, outputs="notebooks", *, chirp=False, spools=False):
        self.base = Path(base)
        self.there = self.base / "ap"
        (self.there / "notebooks").mkdir(parents=True)
        self.outputs = outputs
        self.spools = spools
        self.count = 0
        self.said = []
        self.files = FakeChirpFiles(self.there) if chirp else None

    def begin(self):
        """Start a session on a machine that has nothing but what the access point sends."""
        self.prepare()
        return self.start()

    def prepare(self):
        self.count += 1
        self.root = self.base / f"scratch-{self.count}"
        self.root.mkdir()
        self.carry(self.there / "notebooks", self.root / "notebooks")

    def start(self):
        self.notebooks = self.root / "notebooks"
        job = Job(f"{self.count}.0", {"transferoutput": self.outputs, "spoolonevict": self.spools}, {})
        environ = {"_CONDOR_SCRATCH_DIR": str(self.root)}
        memory = self.root / "memory"
        self.session = SetAside(job, self.notebooks, memory, say=self.said.append, environ=environ)
        self.session.put_back()
        return self.notebooks

    def end(self):
        """End the session in order, and bring the outputs back. Raises OSError where HTCondor puts the job on hold."""
        self.session.clear_way(10)
        for output in self.outputs.split(","):
            self.carry(self.root / output.strip(), self.there / Path(output.strip()).name)
        return self.session.names

    def carry(self, source, target):
        about = source.stat() if source.exists() else source.lstat()
        if stat.S_ISDIR(about.st_mode):
            assert not source.is_symlink(), f"12/21 {source}"
            assert about.st_mode & 0o700 == 0o700, f"12/13 {source}"
            target.mkdir(exist_ok=True)
            target.chmod(about.st_mode & 0o777)
            for entry in source.iterdir():
                if entry.exists():
                    self.carry(entry, target / entry.name)
        elif stat.S_ISREG(about.st_mode):
            assert about.st_mode & 0o400, f"12/13 {source}"
            assert not target.exists() or target.stat().st_mode & 0o200, f"12/13 {target}"
            target.write_bytes(source.read_bytes())
            target.chmod(about.st_mode & 0o777)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


LINKS = [
    ("..", "a link to a folder"),
    ("/", "a link to a folder"),
    ("folder", "a link to a folder"),
    ("nothing", "a link to nothing"),
    ("link", "a link to nothing"),
    ("x" * 300, "a link to nothing"),
    ("/dev/null", "a link to something that is not a file"),
    ("/etc/passwd", "a link out of the job's folder"),
    ("\udcff \n", "a link to nothing"),
]


@pytest.mark.parametrize(("text", "why"), LINKS)
def test_link_that_is_no_file_is_named_and_there_again_each_time_until_its_user_removes_it(machine, text, why):
    notebooks = machine.begin()
    (notebooks / "folder").mkdir()
    (notebooks / "link").symlink_to(text)
    for _ in range(3):
        assert machine.end() == {"notebooks/link": why}
        assert not os.path.lexists(machine.there / "notebooks/link")
        notebooks = machine.begin()
        assert str((notebooks / "link").readlink()) == text
    (notebooks / "link").unlink()
    assert machine.end() == {}
    assert not os.path.lexists(machine.begin() / "link")
    assert machine.said == []


def test_link_that_is_replaced_by_a_file_stays_a_file_here_and_there(machine):
    notebooks = machine.begin()
    (notebooks / "here").symlink_to("..")
    (notebooks / "there").symlink_to("..")
    machine.end()
    (machine.there / "notebooks/there").write_text("file")
    notebooks = machine.begin()
    (notebooks / "here").unlink()
    (notebooks / "here").write_text("file")
    assert machine.end() == {}
    notebooks = machine.begin()
    assert [(notebooks / name).read_text() for name in ("here", "there")] == ["file", "file"]


def test_links_of_a_folder_that_is_removed_go_with_it(machine):
    notebooks = machine.begin()
    (notebooks / "v").mkdir()
    (notebooks / "v/lib64").symlink_to("..")
    machine.end()
    (machine.there / "notebooks/v").rmdir()
    assert not (machine.begin() / "v").exists()


def test_link_by_a_whole_path_leads_to_the_same_place_in_the_next_jobs_folder(machine):
    notebooks = machine.begin()
    (notebooks / "data").mkdir()
    (notebooks / "run").mkdir()
    (notebooks / "run/latest").symlink_to(notebooks / "data")
    machine.end()
    notebooks = machine.begin()
    assert (notebooks / "run/latest").resolve() == notebooks / "data"


def test_link_that_leads_through_another_is_kept_too_and_one_to_a_file_is_carried(machine):
    notebooks = machine.begin()
    (notebooks / "lib").mkdir()
    (notebooks / "lib/file").write_text("1")
    (notebooks / "lib64").symlink_to("lib")
    (notebooks / "through").symlink_to("lib64/file")
    (notebooks / "twice").symlink_to("through")
    (notebooks / "carried").symlink_to("lib/file")
    assert set(machine.end()) == {"notebooks/lib64", "notebooks/through", "notebooks/twice"}
    assert (machine.there / "notebooks/carried").read_text() == "1"
    notebooks = machine.begin()
    assert (notebooks / "twice").is_symlink()
    assert (notebooks / "twice").read_text() == "1"


@pytest.mark.parametrize(
    ("name", "before", "why"),
    [
        ("file", 0o000, "unreadable"),
        ("file", 0o200, "unreadable"),
        ("file", 0o044, "unreadable"),
        ("folder", 0o000, "unreadable"),
        ("folder", 0o600, "unreadable"),
        ("folder", 0o311, "unreadable"),
        ("folder", 0o555, "read-only"),
        ("folder/inner", 0o000, "unreadable"),
    ],
)
def test_what_cannot_be_read_comes_back_and_is_as_it_was_in_the_next_session(machine, name, before, why):
    notebooks = machine.begin()
    (notebooks / "folder/inner").mkdir(parents=True)
    (notebooks / "folder/inner/x").write_text("x")
    (notebooks / "file").write_text("f")
    (notebooks / name).chmod(before)
    for _ in range(3):
        assert machine.end() == {f"notebooks/{name}": why}
        assert (machine.there / "notebooks/folder/inner/x").read_text() == "x"
        notebooks = machine.begin()
        assert mode(notebooks / name) == before
    (machine.there / "notebooks" / name).chmod(0o755)
    machine.begin()
    (machine.notebooks / name).chmod(0o700)
    assert machine.end() == {}
    assert mode(machine.begin() / name) == 0o700


def test_permissions_that_were_changed_on_the_access_point_stay(machine):
    notebooks = machine.begin()
    (notebooks / "file").write_text("f")
    (notebooks / "file").chmod(0)
    machine.end()
    (machine.there / "notebooks/file").chmod(0o700)
    assert mode(machine.begin() / "file") == 0o700


def test_two_looks_at_the_end_keep_what_both_have_found(machine):
    notebooks = machine.begin()
    (notebooks / "one").symlink_to("..")
    machine.session.clear_way(10)
    (notebooks / "two").symlink_to("..")
    assert set(machine.end()) == {"notebooks/one", "notebooks/two"}
    notebooks = machine.begin()
    assert (notebooks / "one").is_symlink()
    assert (notebooks / "two").is_symlink()


def test_the_list_while_the_session_runs_has_what_is_there_now_and_is_what_a_lost_machine_leaves(machine):
    notebooks = machine.begin()
    assert machine.session.list_links([]) is None
    (notebooks / "v").mkdir()
    for name in ("removed", "stays", "v/lib64"):
        (notebooks / name).symlink_to("..")
    (notebooks / "closed").mkdir(0o300)
    machine.end()
    notebooks = machine.begin()
    (notebooks / "removed").unlink()
    (notebooks / "new").symlink_to(notebooks / "v")
    text = machine.session.list_links(["stays", "new", "gone meanwhile"])
    (machine.there / "notebooks" / LIST).write_text(text)
    notebooks = machine.begin()  # the machine of the second session was lost
    found = {
        str(path.relative_to(notebooks)): str(path.readlink()) for path in notebooks.rglob("*") if path.is_symlink()
    }
    assert found == {"stays": "..", "new": "v", "v/lib64": ".."}
    for path in found:
        (notebooks / path).unlink()
    assert machine.session.list_links([]) == render_manifest(Manifest({}, {"notebooks/closed": Mode(0o300, 0o700)}))
    assert mode(notebooks / "closed") == 0o300


def test_another_process_ends_the_session_as_the_first_one_would(machine):
    (machine.there / "notebooks/object").write_text("1")
    (machine.there / "notebooks/object").chmod(0o444)
    machine.begin()
    first = machine.session
    machine.session = SetAside(
        first._job, machine.notebooks, first._memory, say=print, environ={"_CONDOR_SCRATCH_DIR": str(machine.root)}
    )
    machine.session.recall()
    machine.end()
    assert (machine.there / "notebooks/object").read_text() == "1"


# Files over which HTCondor can't write


@pytest.mark.parametrize("spools", [True, False])
@pytest.mark.parametrize("chirp", [True, False])
def test_files_that_their_owner_cannot_write_are_no_obstacle(tmp_path, monkeypatch, chirp, spools):
    machine = Machine(tmp_path, chirp=chirp, spools=spools)
    if chirp:
        monkeypatch.setattr("jupyter_session.transfer.set_aside.ChirpClient.connect", lambda _: machine.files)
    notebooks = machine.begin()
    for name in ("same", "changed", "removed", "link"):
        (notebooks / name).write_text("1")
        (notebooks / name).chmod(0o444)
    machine.session._can_ask = chirp
    assert machine.end() == {}
    notebooks = machine.begin()
    machine.session._can_ask = chirp
    for name in ("changed", "removed", "link"):
        (notebooks / name).unlink()
    (notebooks / "changed").write_text("2")
    (notebooks / "changed").chmod(0o444)
    (notebooks / "link").symlink_to("changed")
    machine.end()
    there = machine.there / "notebooks"
    assert (notebooks / "same").exists() == (chirp and spools)
    assert (there / "same").read_text() == "1"
    assert mode(there / "same") == 0o444
    assert (there / ("changed" if chirp else "changed (from job 2.0)")).read_text() == "2"


def test_a_file_where_a_folder_was_gets_a_name_of_its_own(machine):
    (machine.there / "notebooks/data").mkdir()
    notebooks = machine.begin()
    (notebooks / "data").rmdir()
    (notebooks / "data").write_text("now a file")
    assert machine.end() == {"notebooks/data": "a file where the access point has a folder"}
    assert (machine.there / "notebooks/data (from job 1.0)").read_text() == "now a file"


def test_a_folder_in_too_many_folders_is_left_out(machine):
    notebooks = machine.begin()
    (notebooks / "/".join("d" * 130)).mkdir(parents=True)
    (name,) = machine.end().values()
    assert name == "a folder in too many folders, left out"


# The list


HOSTILE = [
    "/etc/evil",
    "../evil",
    "notebooks/../../evil",
    "notebooks/./evil",
    "notebooks//evil",
    "evil",
    "notebooks/way/evil",
    "notebooks/.jupyter-session/evil",
    ".job.ad",
    "notebooks/\0evil",
    "",
    ".",
    "notebooks/taken",
    "notebooks/taken/evil",
    "notebooks/missing/evil",
    "notebooks/" + "x" * 5000,
    "notebooks/\ud800",
]


@pytest.mark.parametrize("path", HOSTILE)
@pytest.mark.parametrize("kind", ["links", "modes"])
def test_hostile_list_does_nothing(machine, path, kind):
    outside = machine.base / "outside"
    outside.mkdir()
    there = machine.there / "notebooks"
    (there / "taken").write_text("taken")
    (there / ".jupyter-session").mkdir()
    entry = {path: "/tmp" if kind == "links" else [0o777, 0o600]}
    (there / LIST).write_text(json.dumps({"version": 1, "links": {}, "modes": {}, kind: entry}))
    machine.begin()
    (machine.notebooks / "way").symlink_to(outside)
    before = sorted(path for path in machine.base.rglob("*") if "memory" not in path.name)
    machine.start()
    assert sorted(path for path in machine.base.rglob("*") if "memory" not in path.name) == before
    assert (machine.notebooks / "taken").read_text() == "taken"
    assert mode(machine.notebooks / "taken") == 0o644


DAMAGED = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'{"links": [], "modes": 3}',
    b'{"links": {}}',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"links": {"notebooks/x": 5, "notebooks/y": ""}, "modes": {"notebooks/z": [1], "notebooks/w": ["7", 0]}}',
    b'{"links": {}, "modes": {"notebooks/w": [true, 5], "notebooks/v": [-1, 0], "notebooks/u": [4095, 0]}}',
]


@pytest.mark.parametrize("text", DAMAGED)
def test_damaged_list_is_no_reason_not_to_start(machine, text):
    (machine.there / "notebooks/.jupyter-session").mkdir()
    (machine.there / "notebooks" / LIST).write_bytes(text)
    machine.begin()
    assert [path.name for path in machine.notebooks.iterdir()] == [".jupyter-session"]
    (machine.notebooks / "link").symlink_to("..")
    machine.end()
    assert str((machine.begin() / "link").readlink()) == ".."


def test_too_long_a_list_is_not_used():
    with pytest.raises(DamagedError):
        parse_manifest(json.dumps({"links": {f"a/{n}": "x" for n in range(100_001)}, "modes": {}}).encode())


@pytest.mark.parametrize(("count", "length"), [(100_500, 5), (20_000, 4000)])
def test_more_than_a_list_can_have_is_left_out_of_it_and_the_rest_is_read_again(count, length):
    manifest = Manifest({f"a/{number:0{length}}": "x" for number in range(count)}, {"a": Mode(0, 0o700)})
    short = shorten(manifest)
    assert 5000 < len(short.links) < count
    assert parse_manifest(render_manifest(short).encode()) == short
    assert shorten(short) == short


@given(
    st.dictionaries(
        st.text(min_size=1).map(lambda text: f"a/{text.replace(chr(0), '').replace('/', '')}b"), st.integers(0, 0o777)
    )
)
def test_a_list_that_is_written_is_read_again(modes):
    def can_be_named(name):
        try:
            return bool(os.fsencode(name))
        except UnicodeEncodeError:
            return False

    manifest = Manifest({}, {path: Mode(number, 0o777) for path, number in modes.items() if can_be_named(path)})
    assert parse_manifest(render_manifest(manifest).encode()) == manifest


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=50)
def test_no_list_breaks_the_reader(found):
    for whole in (found, {"links": found, "modes": found}):
        try:
            manifest = parse_manifest(json.dumps(whole).encode())
        except DamagedError:
            continue
        assert all(isinstance(text, str) for text in manifest.links.values())


@pytest.mark.parametrize("what", ["file", "link to a folder", "link to nothing", "list is a folder", "list is a link"])
def test_odd_own_folder_is_put_aside(machine, what):
    own = machine.begin() / ".jupyter-session"
    outside = machine.base / "outside"
    outside.mkdir()
    (outside / "set-aside.json").write_text('{"links": {"notebooks/evil": "/"}, "modes": {}}')
    if what == "file":
        own.write_text("mine")
    elif what.startswith("link"):
        own.symlink_to(outside if "folder" in what else "nothing")
    else:
        own.mkdir()
        (own / "set-aside.json").mkdir() if "folder" in what else (own / "set-aside.json").symlink_to(
            outside / "set-aside.json"
        )
    machine.start()
    assert not os.path.lexists(machine.notebooks / "evil")
    (machine.notebooks / "link").symlink_to("..")
    machine.end()
    assert sorted(path.name for path in outside.iterdir()) == ["set-aside.json"]
    assert "evil" in (outside / "set-aside.json").read_text()
    assert str((machine.begin() / "link").readlink()) == ".."
    if what == "file":
        assert (machine.notebooks / ".jupyter-session-1").read_text() == "mine"


def test_own_folder_is_made_where_it_and_the_notebooks_are_missing(tmp_path):
    assert own_folder.ensure(tmp_path / "notebooks") == tmp_path / "notebooks/.jupyter-session"
    assert own_folder.ensure(tmp_path / "notebooks").is_dir()


# The outputs


@pytest.mark.parametrize(
    ("attributes", "outputs"),
    [
        ({"transferoutput": "notebooks"}, {"notebooks": "notebooks"}),
        ({"transferoutput": " notebooks/ , a/b,,"}, {"notebooks": ".", "a/b": "b"}),
        ({"transferoutput": "x/, x, y/."}, {"x": "x", "y": "."}),
        ({"transferoutput": "x/", "preserverelativepaths": True}, {"x": "x"}),
        ({"transferoutput": "x", "transferoutputremaps": "x=x/"}, {"x": None}),
        ({"transferoutput": "x", "transferoutputremaps": "x=y; y=z/"}, {"x": "z"}),
        ({"transferoutput": "a/b", "transferoutputremaps": "b=c"}, {"a/b": "c"}),
        ({"transferoutput": "a/b", "preserverelativepaths": True}, {"a/b": "a/b"}),
        ({"transferoutput": "x", "transferoutputremaps": "x = two/y; z=q"}, {"x": "two/y"}),
        ({"transferoutput": "x", "transferoutputremaps": "x=s3://bucket/y"}, {"x": None}),
        ({"transferoutput": "x", "transferoutputremaps": "x/inner=elsewhere"}, {"x": None}),
        ({"transferoutput": "x", "outputdestination": "https://a/b"}, {"x": None}),
        ({"transferoutput": "x", "outputdirectory": "results"}, {"x": None}),
        ({"transferoutput": ""}, {}),
    ],
)
def test_outputs_are_what_the_job_ad_says(attributes, outputs):
    assert {output.path: output.there for output in list_outputs(attributes)} == outputs


def test_without_a_word_of_the_job_ad_there_is_no_list_of_outputs():
    assert list_outputs({}) is None
    assert locate_there((Output("a", "b"), Output("c", None)), "a/x/y") == "b/x/y"
    assert locate_there((Output("a", "b"), Output("c", None)), "c/x") is None
    assert locate_there((Output("a", "b"),), "ab") is None
    assert locate_there((Output("a", ".", spread=True),), "a/x") == "x"
    assert locate_there((Output(".", "."),), "a/x") == "a/x"


@pytest.mark.parametrize(
    ("there", "received", "says", "is_folder"),
    [
        (None, False, "it comes back as an empty folder", True),
        ("folder", False, "it comes back as an empty folder", True),
        ("file", False, "the access point's file is kept", False),
        ("huge", False, "HTCondor will put the job on hold", None),
        ("silent", False, "HTCondor will put the job on hold", None),
        ("silent", True, "it comes back as an empty folder", True),
    ],
)
def test_missing_output_is_made_up_and_never_replaces_a_file(tmp_path, there, received, says, is_folder):
    root, ap = tmp_path / "root", tmp_path / "ap"
    root.mkdir()
    ap.mkdir()
    if there == "folder":
        (ap / "x").mkdir()
    elif there in ("file", "huge"):
        (ap / "x").write_text("kept")
    if there == "huge":
        os.truncate(ap / "x", 1 << 30)
    known = Received({}, {"x"} if received else set())
    with There(None if there == "silent" else lambda _: FakeChirpFiles(ap), time.monotonic() + 10) as asked:
        output = Output("x", "x")
        assert says in Roots(str(root), (output,), known).complete(output, asked)
    if is_folder is None:
        assert not (root / "x").exists()
    elif is_folder:
        assert list((root / "x").iterdir()) == []
    else:
        assert (root / "x").read_text() == "kept"


def test_missing_output_in_which_a_remap_names_a_file_is_a_folder(tmp_path):
    outputs = list_outputs({"transferoutput": "x", "transferoutputremaps": "x/r = r"})
    with There(None, time.monotonic() + 10) as asked:
        assert "as an empty folder" in Roots(str(tmp_path), outputs, Received({}, set())).complete(outputs[0], asked)
    assert list((tmp_path / "x").iterdir()) == []


def make_folder(parent):
    """Return a new folder outside of the job's."""
    (parent / "elsewhere").mkdir()
    return parent / "elsewhere"


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda root: (root / "data").mkdir() or (root / "notebooks").symlink_to("data"), "it is that folder now"),
        (lambda root: (root / "data").mkdir() or (root / "notebooks").symlink_to(root / "data"), "it is that folder"),
        (lambda root: (root / "results").mkdir() or (root / "notebooks").symlink_to("results"), "in both"),
        (lambda root: (root / "notebooks").symlink_to("."), "only what was saved"),
        (
            lambda root: (root / "notebooks").symlink_to(make_folder(root.parent)),
            "what changed in that folder was copied",
        ),
        (lambda root: (root / "notebooks").symlink_to("notebooks"), "missing"),
        (lambda root: (root / "notebooks").symlink_to("nothing"), "missing"),
        (lambda root: (root / "notebooks").write_text("file"), "a file where a folder was"),
        (lambda root: os.mkfifo(root / "notebooks"), "missing"),
    ],
)
def test_the_notebook_folder_is_a_folder_at_the_end_whatever_it_has_become(tmp_path, make, expected):
    machine = Machine(tmp_path, "notebooks, results")
    (machine.begin()).rmdir()
    make(machine.root)
    for folder in ("data", "results"):
        if (machine.root / folder).exists():
            (machine.root / folder / "new").write_text("new")
    (machine.root / "results").mkdir(exist_ok=True)
    assert expected in machine.end()["notebooks"]
    assert machine.notebooks.is_dir()
    assert not machine.notebooks.is_symlink()
    if "folder now" in expected or expected == "in both":
        assert (machine.there / "notebooks/new").read_text() == "new"


@pytest.mark.parametrize(("began", "copied"), [(-60, {"sub", "last"}), (60, set())])
def test_a_link_out_of_the_jobs_folder_has_a_copy_of_what_changed_there_since_the_job_began(machine, began, copied):
    """As after `mv notebooks /tmp/fast` and `ln -s /tmp/fast notebooks` in a cell."""
    fast, place = machine.base / "fast", machine.begin()
    (fast / "sub").mkdir(parents=True)
    (fast / "sub/new").write_text("new")
    (fast / "sub/link").symlink_to("..")
    (fast / "last").write_text("last")
    os.mkfifo(fast / "pipe")
    place.rmdir()
    place.symlink_to(fast)
    machine.session._began = time.time() + began
    assert "what changed in that folder was copied" in machine.end()["notebooks"]
    assert {path.name for path in (machine.there / "notebooks").iterdir()} - {".jupyter-session"} == copied
    if copied:
        assert (machine.there / "notebooks/sub/new").read_text() == "new"
        assert str((machine.begin() / "sub/link").readlink()) == ".."
    assert (fast / "last").read_text() == "last"


def test_what_is_too_large_to_copy_is_told(machine, monkeypatch):
    monkeypatch.setattr("jupyter_session.transfer.linked_folder._LARGEST_COPY", 10)
    fast, place = machine.base / "fast", machine.begin()
    fast.mkdir()
    (fast / "large").write_text("x" * 10)
    (fast / "small").write_text("x")
    place.rmdir()
    place.symlink_to(fast)
    assert "only what was saved while the session ran, or copied in time" in machine.end()["notebooks"]
    assert (machine.there / "notebooks/small").exists()
    assert not (machine.there / "notebooks/large").exists()


def move_aside(machine, text="data"):
    """Do what a script may do before the session starts: put the notebooks elsewhere, and a link in their place."""
    machine.notebooks = machine.root / "notebooks"
    machine.notebooks.rename(machine.root / "data")
    machine.notebooks.symlink_to(text.format(machine.root))


@pytest.mark.parametrize("text", ["data", "./data/", "{}/data"])
def test_what_was_set_aside_is_put_back_though_the_notebook_folder_has_become_a_link(machine, text):
    notebooks = machine.begin()
    (notebooks / "v").mkdir()
    (notebooks / "v/lib64").symlink_to("lib")
    (notebooks / "closed").mkdir(0o300)
    (notebooks / "object").write_text("1")
    (notebooks / "object").chmod(0o444)
    for _ in range(3):
        names = machine.end()
        assert names["notebooks/v/lib64"] == "a link to nothing"
        machine.prepare()
        move_aside(machine, text)
        notebooks = machine.start()
        assert str((notebooks / "v/lib64").readlink()) == "lib"
        assert mode(notebooks / "closed") == 0o300
        write_manifest(notebooks, Manifest({"notebooks/gone": "x"}))  # where the session writes is what comes back
    assert "it is that folder now" in machine.end()["notebooks"]
    assert (machine.there / "notebooks/object").read_text() == "1"
    assert (machine.there / "notebooks" / LIST).exists()
    assert not (machine.root / "data").exists()


def test_output_that_is_a_link_to_a_file_elsewhere_comes_back_as_that_file(tmp_path):
    machine = Machine(tmp_path, "notebooks, notebooks/in, model")
    (tmp_path / "elsewhere").write_text("model")
    notebooks = machine.begin()
    (notebooks / "in").mkdir()
    (notebooks / "in/link").symlink_to("..")
    (machine.root / "model").symlink_to(tmp_path / "elsewhere")
    names = machine.end()
    assert "it is a copy of that file now" in names["model"]
    assert names["notebooks/in/link"] == "a link to a folder"
    assert (machine.there / "model").read_text() == "model"
    assert (tmp_path / "elsewhere").read_text() == "model"


def test_outside_a_job_nothing_is_touched(tmp_path):
    (tmp_path / "link").symlink_to("..")
    session = SetAside(None, tmp_path, None, say=print, environ={})
    session.put_back()
    session.clear_way(10)
    assert (tmp_path / "link").is_symlink()
    assert session.names == {}


def test_a_job_that_names_no_outputs_gets_its_unreadable_files_carried(tmp_path):
    (tmp_path / "own").write_text("x")
    (tmp_path / "own").chmod(0)
    (tmp_path / "folder").symlink_to("/")
    session = SetAside(
        Job("1.0", {}, {}), tmp_path / "notebooks", None, say=print, environ={"_CONDOR_SCRATCH_DIR": str(tmp_path)}
    )
    session.clear_way(10)
    assert mode(tmp_path / "own") == 0o600
    assert (tmp_path / "folder").is_symlink()
