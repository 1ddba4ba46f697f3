"""Copies, against both servers that take them: the one in a session, and the receiver of the access point."""

import asyncio
import contextlib
import functools
import hashlib
import random
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from chtc_jupyter.commands.copy import parse_copy
from chtc_jupyter.copying import pieces, receiver, transfer
from chtc_jupyter.copying.progress import CopyProgress
from chtc_jupyter.copying.remote import AgainError, BrokenError, Remote
from chtc_jupyter.copying.transfer import Download, Upload
from chtc_jupyter.errors import FailedError, UsageError
from jupyter_session.copying import handlers, incoming
from jupyter_session.copying import pieces as pieces_in_session
from support.jupyter_server import serve
from support.waiting import wait_for

pytestmark = pytest.mark.xdist_group("copying")  # one server for all
SIZE = 3 * pieces.PIECE + 12345


class End:
    """One of the two servers: `folder` is where relative paths lead, and `open` opens a connection."""

    def __init__(self, folder, open_connection, token):
        self.folder = folder
        self.open = open_connection
        self.token = token
        self.received = self.sent = 0
        self.relays = []

    def remote(self, *, cut_after=None):
        """Return a way that breaks once it has carried some bytes."""
        left = [float("inf") if cut_after is None else cut_after]

        async def route():
            return await asyncio.open_connection(sock=await self._relay(left))

        return Remote(route, self.token)

    async def _relay(self, left):
        near, far = socket.socketpair()
        ours, theirs = await asyncio.open_connection(sock=far), await self.open()

        async def pump(reader, writer, name):
            while data := await reader.read(1 << 16):
                setattr(self, name, getattr(self, name) + len(data))
                left[0] -= len(data)
                if left[0] < 0:
                    raise ConnectionError
                writer.write(data)
                await writer.drain()
            writer.write_eof()

        async def both():
            try:
                await asyncio.gather(pump(ours[0], theirs[1], "received"), pump(theirs[0], ours[1], "sent"))
            except OSError:
                ours[1].transport.abort()
                theirs[1].transport.abort()
            finally:
                ours[1].close()
                theirs[1].close()

        self.relays.append(asyncio.create_task(both()))
        return near


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory):
    home = tmp_path_factory.mktemp("session")
    app = {
        "jpserver_extensions": {"jupyter_session.copying.server_extension": True},
        "base_url": "/",
        "allow_root": True,
    }
    with serve(home, f"import os; os.environ['_CONDOR_SCRATCH_DIR'] = {str(home)!r}", ServerApp=app) as server:
        yield End(home, functools.partial(asyncio.open_connection, "127.0.0.1", server.port), "t")


@pytest.fixture(scope="module")
def access_point(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    path = str(home / "s")
    code = "import sys; exec(sys.stdin.read())"
    with (
        Path(receiver.__file__).open("rb") as source,
        subprocess.Popen(
            [sys.executable, "-IS", "-c", code, path], stdin=source, env={"HOME": str(home)}, cwd=home
        ) as process,
    ):
        try:
            wait_for(Path(path).exists, 30, "the receiver")
            yield End(home, functools.partial(asyncio.open_unix_connection, path), "")
        finally:
            process.terminate()


@pytest.fixture(params=["jupyter", "access_point"])
def end(request):
    """Return either server, with an empty folder."""
    found = request.getfixturevalue(request.param)
    found.received = found.sent = 0
    return found


@pytest.fixture
def file(tmp_path):
    """Return a file here of some pieces."""
    path = tmp_path / "data.h5"
    path.write_bytes(make_bytes(1, SIZE))
    path.chmod(0o640)
    return path


@functools.cache
def make_bytes(seed, size):
    return random.Random(seed).randbytes(size)  # noqa: S311 - no secret


def run(work):
    return asyncio.run(work)


def sha(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def partials(folder):
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and (path.suffix == ".copying" or incoming.FOLDER in path.parts)
    ]


def test_a_file_is_the_same_at_the_other_end_with_its_mode_and_time(end, file):
    size = run(Upload(file, "whole.h5", CopyProgress("x")).run(end.remote()))
    to = end.folder / "whole.h5"
    assert (size, sha(to), to.stat().st_mode & 0o777) == (SIZE, sha(file), 0o640)
    assert abs(to.stat().st_mtime - file.stat().st_mtime) < 1
    assert partials(end.folder) == []


@pytest.mark.parametrize("size", [0, 1, pieces.PIECE, pieces.PIECE + 1])
def test_files_of_odd_sizes_go_there_and_back(end, tmp_path, size):
    path, back = tmp_path / "odd", tmp_path / "back"
    path.write_bytes(make_bytes(size, size))

    async def there_and_back():
        await Upload(path, "odd name ü&?#%", CopyProgress("x")).run(end.remote())
        if end.token:
            await Download("odd name ü&?#%", back, CopyProgress("x")).run(end.remote())

    run(there_and_back())
    assert (end.folder / "odd name ü&?#%").read_bytes() == path.read_bytes()
    if end.token:
        assert back.read_bytes() == path.read_bytes()
        assert not (tmp_path / ".back.copying").exists()


def test_a_copy_that_breaks_goes_on_where_it_was_also_as_another_command(end, file):
    upload = Upload(file, "broken.h5", CopyProgress("x"))
    with pytest.raises(BrokenError):
        run(upload.run(end.remote(cut_after=pieces.PIECE + 99)))
    assert not (end.folder / "broken.h5").exists()
    with pytest.raises(BrokenError):
        run(upload.run(end.remote(cut_after=pieces.PIECE)))
    end.received = 0
    run(Upload(file, "broken.h5", CopyProgress("x")).run(end.remote()))
    assert sha(end.folder / "broken.h5") == sha(file)
    assert end.received < SIZE - 1.5 * pieces.PIECE


def test_many_breaks_are_no_reason_to_give_up(end, file):
    upload, breaks = Upload(file, "often.h5", CopyProgress("x")), 0
    while True:
        try:
            run(upload.run(end.remote(cut_after=pieces.PIECE // 3)))
            break
        except BrokenError:
            breaks += 1
    assert breaks > 6
    assert sha(end.folder / "often.h5") == sha(file)


def test_a_break_before_the_name_is_given_costs_nothing_again(end, file):
    class Cut(Remote):
        async def finish(self, *_):
            raise BrokenError("cut")

    upload = Upload(file, "named.h5", CopyProgress("x"))
    whole = end.remote()
    with pytest.raises(BrokenError):
        run(upload.run(Cut(whole._route, whole._token)))
    end.received = 0
    run(upload.run(end.remote()))
    assert sha(end.folder / "named.h5") == sha(file)
    assert end.received < 5000


def test_what_is_there_of_another_file_is_not_taken_for_a_part_of_this_one(end, file, tmp_path):
    other = tmp_path / "other"
    other.write_bytes(file.read_bytes()[: pieces.PIECE] + make_bytes(2, SIZE))
    with pytest.raises(BrokenError):
        run(Upload(other, "mixed.h5", CopyProgress("x")).run(end.remote(cut_after=2 * pieces.PIECE)))
    run(Upload(file, "mixed.h5", CopyProgress("x")).run(end.remote()))
    assert sha(end.folder / "mixed.h5") == sha(file)


def test_what_arrives_damaged_is_found_and_sent_again(end, file):
    class Damaging(Remote):
        broke = False

        async def write(self, path, at, total, length, blocks):
            def damage():
                for block in blocks:
                    yield block if Damaging.broke else bytes(len(block))
                    Damaging.broke = True

            await super().write(path, at, total, length, damage())

    whole = end.remote()
    run(Upload(file, "damaged.h5", CopyProgress("x")).run(Damaging(whole._route, whole._token)))
    assert Damaging.broke
    assert sha(end.folder / "damaged.h5") == sha(file)


def test_a_file_that_changes_meanwhile_is_not_copied(end, file):
    class Changing(Remote):
        async def finish(self, *_):
            pytest.fail("it was given its name")

        async def write(self, path, at, total, length, blocks):
            await super().write(path, at, total, length, blocks)
            with file.open("ab") as more:
                more.write(b"more")

    whole = end.remote()
    with pytest.raises(FailedError, match="changed while it was copied"):
        run(Upload(file, "changed.h5", CopyProgress("x")).run(Changing(whole._route, whole._token)))
    assert not (end.folder / "changed.h5").exists()


def test_of_two_copies_to_one_file_the_later_one_counts(end, file, tmp_path):
    """The first may be one over a connection that is dead without knowing it."""
    first = tmp_path / "first"
    first.write_bytes(make_bytes(3, SIZE))

    async def both():
        stuck = asyncio.Event()

        async def slowly():
            def blocks():
                yield first.read_bytes()[:1000]
                yield b"x" * 1000

            remote = end.remote()
            send = remote.write("two.h5", 0, SIZE, SIZE, blocks())
            stuck.set()
            with contextlib.suppress(BrokenError, FailedError, AgainError):
                await asyncio.wait_for(send, 3)

        slow = asyncio.create_task(slowly())
        await stuck.wait()
        await Upload(file, "two.h5", CopyProgress("x")).run(end.remote())
        await asyncio.gather(slow, return_exceptions=True)

    run(both())
    assert sha(end.folder / "two.h5") == sha(file)


def test_errors_of_the_other_end_are_one_sentence(end, file):
    for to, words in (("no/such/folder.h5", "folder"), (".", "folder")):
        with pytest.raises(FailedError, match=words):
            run(Upload(file, to, CopyProgress("x")).run(end.remote()))


def test_a_file_that_does_not_fit_is_refused_before_it_is_sent(end, tmp_path):
    huge = tmp_path / "huge"
    with huge.open("wb") as sparse:
        sparse.truncate(1 << 42)
    with pytest.raises(FailedError, match="room"):
        run(Upload(huge, "huge", CopyProgress("x")).run(end.remote()))


def test_a_download_goes_on_where_it_broke(jupyter, tmp_path):
    source, to = jupyter.folder / "results.bin", tmp_path / "results.bin"
    source.write_bytes(make_bytes(4, SIZE))
    source.chmod(0o600)
    with pytest.raises(BrokenError):
        run(Download("results.bin", to, CopyProgress("x")).run(jupyter.remote(cut_after=2 * pieces.PIECE)))
    assert not to.exists()
    jupyter.sent = 0
    run(Download("results.bin", to, CopyProgress("x")).run(jupyter.remote()))
    assert sha(to) == sha(source)
    assert jupyter.sent < SIZE - 1.5 * pieces.PIECE


def test_a_download_of_what_changes_is_one_version(jupyter, tmp_path):
    source, to = jupyter.folder / "log", tmp_path / "log"
    source.write_bytes(make_bytes(5, SIZE))

    class Changing(Remote):
        changed = False

        async def read(self, *arguments):
            async for data in super().read(*arguments):
                yield data
                if not Changing.changed:
                    Changing.changed = True
                    source.write_bytes(make_bytes(6, SIZE))

    whole = jupyter.remote()
    run(Download("log", to, CopyProgress("x")).run(Changing(whole._route, whole._token)))
    assert sha(to) == sha(source)


@pytest.mark.parametrize(("what", "words"), [("nothing-there", "There is no"), (".", "is no file")])
def test_a_download_of_no_file_is_refused(jupyter, tmp_path, what, words):
    with pytest.raises(FailedError, match=words):
        run(Download(what, tmp_path / "x", CopyProgress("x")).run(jupyter.remote()))
    assert list(tmp_path.iterdir()) == []


def test_a_file_goes_through_a_link_and_not_in_its_place(jupyter, file):
    (jupyter.folder / "link").symlink_to("behind")
    run(Upload(file, "link", CopyProgress("x")).run(jupyter.remote()))
    assert (jupyter.folder / "link").is_symlink()
    assert sha(jupyter.folder / "behind") == sha(file)


@pytest.mark.parametrize("verb", ["look?path=a", "sums?path=a&at=0&upto=1", "data?path=a&at=0&length=1&version="])
def test_without_the_token_nothing_is_said(jupyter, verb):
    async def ask():
        reader, writer = await jupyter.open()
        with contextlib.closing(writer):
            writer.write(f"GET /jupyter-session/copy/{verb} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            return await reader.readline()

    assert b" 403 " in run(ask())


def test_without_the_token_nothing_is_written(jupyter, file):
    stranger = Remote(jupyter.open, "wrong")
    with pytest.raises(FailedError):
        run(stranger.write("stolen", 0, 10, 10, [b"0123456789"]))
    assert not any(path.read_bytes() == b"0123456789" for path in partials(jupyter.folder))


def test_all_three_have_the_same_pieces():
    assert pieces.PIECE == pieces_in_session.PIECE == receiver.PIECE
    assert transfer.STRETCH <= handlers.LONGEST_STRETCH


@pytest.mark.parametrize(
    ("words", "session", "into"),
    [
        (["data.h5", "lab:"], "lab", True),
        (["a", "b", "lab:sub/"], "lab", True),
        (["a", ":"], None, True),
        (["lab:a", "."], "lab", False),
        (["lab:a", "lab:b", "here"], "lab", False),
        (["./a:b", "lab:"], "lab", True),
    ],
)
def test_the_session_is_the_end_with_a_colon(words, session, into):
    found = parse_copy(words[:-1], words[-1])
    assert (found.session, found.into) == (session, into)


@pytest.mark.parametrize("words", [["a", "b"], ["lab:a", "lab:b"], ["lab:a", "b", "lab:"], ["lab:a", "two:b", "."]])
def test_a_copy_that_is_not_between_here_and_one_session_is_refused(words):
    with pytest.raises(UsageError):
        parse_copy(words[:-1], words[-1])


def test_progress_says_how_far_it_is_and_why_it_stands_still():
    now = [100.0]
    progress = CopyProgress("data.h5", clock=lambda: now[0])
    assert progress.describe() == "data.h5: connecting"
    for second in range(5):
        now[0] = 100.0 + second
        progress.copy(second << 20, 10 << 20)
    assert progress.describe() == "data.h5: 4.0 MB of 10 MB copied, 1.0 MB/s, 6 s left"
    now[0] += 12
    assert progress.describe() == "data.h5: 4.0 MB of 10 MB; nothing has arrived for 12 s"
    progress.wait("ap can't be reached.")
    assert (
        progress.describe() == "data.h5: 4.0 MB of 10 MB; it goes on once there is a connection (ap can't be reached)"
    )
