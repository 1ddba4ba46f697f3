"""The chirp client, and a starter that answers what the test says."""

import contextlib
import socket
import threading

import pytest

from jupyter_session.condor.chirp import LONGEST_LINE, ChirpClient, explain_unsendable, quote_string
from jupyter_session.condor.chirp_errors import AnswerError, ChirpError, ChirpRefusedError
from jupyter_session.condor.file_stat import FileStat

STAT = b"1 77 33152 1 0 0 0 5 4096 8 1 1000 1001\n"


class Starter:
    """Answers one conversation, a request after the other, and remembers the lines that it got."""

    def __init__(self, *answers):
        self.requests = []
        self._answers = [b"0\n", *answers]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        with self._listener, contextlib.suppress(OSError):
            connection = self._listener.accept()[0]
            with connection, connection.makefile("rb") as lines:
                for answer in self._answers:
                    line = lines.readline()
                    self.requests.append(line)
                    if line.startswith(b"write "):
                        lines.read(int(line.split()[2]))
                    connection.sendall(answer)

    def end(self):
        self._thread.join(10)
        return self.requests[1:]


@pytest.fixture
def talk(tmp_path, monkeypatch):
    """Return a function that connects a client to a starter with these answers."""
    with contextlib.ExitStack() as stack:

        def connect(*answers):
            starter = Starter(*answers)
            (tmp_path / "chirp").write_text(f"127.0.0.1 {starter.port} cookie\n")
            monkeypatch.setenv("_CONDOR_CHIRP_CONFIG", str(tmp_path / "chirp"))
            return starter, stack.enter_context(ChirpClient.connect(10))

        yield connect


def test_attributes_are_set_one_by_one_in_their_order(talk):
    starter, chirp = talk(b"0\n", b"0\n", b"0\n")
    chirp.set_attributes({"JupyterURL": 'a "b" c…', "JupyterPort": 5, "JupyterEnd": None})
    assert starter.end() == [
        'set_job_attr JupyterURL "a\\ \\\\"b\\\\"\\ c…"\n'.encode(),
        b"set_job_attr JupyterPort 5\n",
        b"set_job_attr JupyterEnd undefined\n",
    ]


def test_an_event_is_one_request(talk):
    starter, chirp = talk(b"0\n")
    chirp.log_event('jupyter-session {"state": "ready"}')
    assert starter.end() == [b'ulog jupyter-session\\ {"state":\\ "ready"}\n']


@pytest.mark.parametrize("answer", [b"-2\n", b"-8\n"])
def test_attributes_and_files_that_the_job_may_not_write_are_refused(talk, answer):
    _, chirp = talk(answer, answer, answer)
    with pytest.raises(ChirpRefusedError):
        chirp.set_attributes({"A": 1})
    with pytest.raises(ChirpRefusedError):
        chirp.remove("a")
    with pytest.raises(ChirpRefusedError):
        chirp.put_private("a.json", "{}")


def test_a_folder_without_write_permission_is_an_error_that_may_pass(talk):
    _, chirp = talk(b"-3\n", b"-2\n")
    with pytest.raises(AnswerError) as caught:
        chirp.put_private("a.json", "{}")
    assert not isinstance(caught.value, ChirpRefusedError)
    assert str(caught.value) == "no permission there"


def test_a_private_file_is_opened_only_after_another_request_and_then_renamed(talk):
    starter, chirp = talk(b"-3\n", b"7\n" + STAT, b"2\n", b"0\n", b"0\n")
    chirp.put_private("a.json", "{}")
    assert starter.end() == [
        b"unlink .a.json.new\n",
        b"open .a.json.new wcx 384\n",
        b"write 7 2\n",
        b"close 7\n",
        b"rename .a.json.new a.json\n",
    ]


def test_what_chirp_can_not_carry_is_refused_before_it_is_sent(talk):
    starter, chirp = talk(b"0\n")
    for text in ("a\nb", "x" * LONGEST_LINE):
        with pytest.raises(AnswerError) as caught:
            chirp.log_event(text)
        assert caught.value.is_invalid_request
    chirp.log_event("x" * (LONGEST_LINE - len("ulog \n")))
    assert [len(request) for request in starter.end()] == [LONGEST_LINE]


@pytest.mark.parametrize("answers", [(), (b"nonsense\n",), (b"-1\n",), (b"-17\n",)])
def test_a_conversation_that_breaks_off_is_no_answer(talk, answers):
    _, chirp = talk(*answers)
    with pytest.raises(ChirpError) as caught:
        chirp.lstat("a")
    assert not isinstance(caught.value, AnswerError)


def test_a_missing_configuration_or_a_closed_port_is_a_chirp_error(tmp_path, monkeypatch):
    monkeypatch.delenv("_CONDOR_CHIRP_CONFIG", raising=False)
    with pytest.raises(ChirpError):
        ChirpClient.connect()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    (tmp_path / "chirp").write_text(f"127.0.0.1 {port} cookie\n")
    monkeypatch.setenv("_CONDOR_CHIRP_CONFIG", str(tmp_path / "chirp"))
    with pytest.raises(ChirpError, match="chirp does not answer"):
        ChirpClient.connect()


def test_files_are_looked_at_and_listed(talk):
    listing = b"one\n" + STAT + b"t\xffo\n" + STAT
    starter, chirp = talk(b"0\n" + STAT, b"-3\n", str(len(listing)).encode() + b"\n" + listing)
    about = FileStat(mode=0o100600, size=5, inode=77, mtime=1000, ctime=1001)
    assert about.is_file
    assert chirp.lstat("a b") == about
    assert chirp.stat("none") is None
    assert chirp.list_folder("f\udcff") == {"one": about, "t\udcffo": about}
    assert starter.end() == [b"lstat a\\ b\n", b"stat none\n", b"getlongdir f\xff\n"]


def test_a_write_that_did_not_fit_is_an_error(talk):
    _, chirp = talk(b"1\n")
    with pytest.raises(AnswerError, match="no space left"):
        chirp.write(3, b"ab")


def test_a_path_must_fit_twice_into_a_request():
    assert explain_unsendable("a b") == ""
    assert "line break" in explain_unsendable("a\nb")
    assert "too long" in explain_unsendable("ab " * 1000)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [('say "hi"', r'"say \"hi\""'), ("a\\ b", '"a\\ b"'), ("end\\", '"end/"'), ('\\"', r'"/\""'), ("\\\\", '"\\/"')],
)
def test_job_ads_quote_only_quotes(text, quoted):
    assert quote_string(text) == quoted
