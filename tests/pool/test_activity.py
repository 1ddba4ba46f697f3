"""What keeps a session alive and what does not, as the documentation says; each in a session of its own."""

import json
import subprocess
import time

import pytest

from support.hosts import background
from support.idleness import TIMEOUT, ends, keeps_alive, seen
from support.waiting import wait_for

#: Works on a share of a core, as training on a GPU does, for ever; and leaves the rest of the machine to other tests.
WORK = 'all(sum(range(10**5)) and not __import__("time").sleep(.01) for _ in iter(int, 1))'
SPIN = f"import threading; threading.Thread(target=exec, args=[{WORK!r}]).start()"
LOOP = f"python3 -c '{WORK}'"
#: Runs in the job: types a line into a new terminal of Jupyter's.
TYPE = """
import asyncio, glob, json, sys
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect
port, name, line = sys.argv[1:]
token = open(glob.glob("/tmp/jupyter-session-*/token")[0]).read()
async def main():
    url = f"ws://127.0.0.1:{port}/terminals/websocket/{name}"
    terminal = await websocket_connect(HTTPRequest(url, headers={"Authorization": f"token {token}"}))
    await terminal.write_message(json.dumps(["stdin", line + "\\r"]))
    while True:
        kind, text, *_ = json.loads(await terminal.read_message())
        if kind == "stdout" and line[:10] in text:
            return
asyncio.run(main())
"""
#: Runs in the job: a server with a WebSocket, as an editor's.
EDITOR = """
import asyncio, sys, tornado.web, tornado.websocket
class Socket(tornado.websocket.WebSocketHandler):
    def on_message(self, message):
        pass
async def main():
    tornado.web.Application([("/", Socket)]).listen(int(sys.argv[1]), "127.0.0.1")
    print("listening")
    await asyncio.Event().wait()
asyncio.run(main())
"""
#: Runs beside the job, as a browser: sends messages of SIZE bytes, one each second, through the proxy.
PAGE = """
import os, random, socket, sys, time
port, path, token, size = sys.stdin.readline().split()
page = socket.create_connection(("127.0.0.1", int(port)))
asked = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade"]
asked += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {'A' * 22}==", f"Authorization: token {token}"]
page.sendall("\\r\\n".join([*asked, "", ""]).encode())
print(page.recv(4096).splitlines()[0].decode(), flush=True)
while True:
    size = int(size)
    page.sendall(bytes([0x82, 0x80 | 126, size >> 8, size & 255]) + bytes(4) + os.urandom(size))
    time.sleep(1 if size < 100 else random.expovariate(1))  # a timer keeps its rhythm, and people don't
"""
#: Runs beside the job, as a browser with a page of Dash: its timer sends a counter, as long as nobody does anything.
DASH = """
import http.client, itertools, json, sys, time
port, token = sys.stdin.readline().split()
for number in itertools.count():
    page = http.client.HTTPConnection("127.0.0.1", int(port))
    inputs = [{"id": "interval", "property": "n_intervals", "value": number}]
    body = {"output": "graph.figure", "inputs": inputs, "changedPropIds": ["interval.n_intervals"]}
    headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
    page.request("POST", "/proxy/16050/_dash-update-component", json.dumps(body), headers)
    print(page.getresponse().status, flush=True)
    time.sleep(0.5)
"""
#: Runs in the job: what is behind that page.
ANSWERING = """
import asyncio, tornado.web
class Answer(tornado.web.RequestHandler):
    def get(self):
        self.finish("a page")
    def post(self):
        self.finish({"response": {}})
async def main():
    tornado.web.Application([("/.*", Answer)]).listen(16050, "127.0.0.1")
    await asyncio.Event().wait()
asyncio.run(main())
"""


def open_terminal(session, line):
    name = json.loads(session.request("/api/terminals", "POST"))["name"]
    session.python(TYPE, str(session.ad()["JupyterPort"]), name, line)


def type_in_tmux(session, line):
    session.inside("tmux", "send-keys", "-t", "jupyter:shell", line, "Enter")


def run_cell(session, code):
    session.execute(session.start_kernel(), code)


def up_for(session):
    return time.time() - session.events()[0].at.timestamp()


@pytest.fixture
def session(new_session):
    session = new_session().submit(f"--idle-timeout {TIMEOUT}s --stall-timeout 10s")
    session.ready()
    return session


@pytest.mark.parametrize(
    ("work", "source", "words"),
    [
        (lambda session: open_terminal(session, LOOP), "terminals", "1 open: python ("),
        pytest.param(lambda session: type_in_tmux(session, LOOP), "tmux", "1 open: python (", marks=pytest.mark.slow),
        pytest.param(
            lambda session: run_cell(session, SPIN), "kernels", "1 idle but active (python3, ", marks=pytest.mark.slow
        ),
    ],
    ids=["terminal", "tmux", "thread of an idle kernel"],
)
def test_training_keeps_the_session_alive_wherever_it_runs(session, work, source, words):
    work(session)
    keeps_alive(session, source, words)


def test_a_cell_that_sleeps_keeps_the_session_alive(new_session):
    session = new_session().submit(f"--idle-timeout {TIMEOUT}s")
    session.ready()
    run_cell(session, "import time; time.sleep(3600)")
    keeps_alive(session, "kernels", "1 busy (python3)")


@pytest.mark.slow
def test_input_left_waiting_keeps_the_session_alive_for_the_stall_timeout_only(session):
    run_cell(session, "input()")
    ends(session, "kernels: 1 busy without progress for", "considered stalled")


@pytest.mark.slow
def test_a_monitor_left_running_in_a_terminal_keeps_nothing_alive(session):
    open_terminal(session, "watch -n1 date")
    ends(session, "terminals: 1 open: watch")


@pytest.mark.slow
def test_a_session_that_nobody_ever_opened_ends(session):
    ends(session, "Idle for", "kernels: none", "requests: none yet")


@pytest.mark.slow
def test_a_server_left_running_with_a_tab_that_polls_it_keeps_nothing_alive(session):
    type_in_tmux(session, "python3 -m http.server --bind 127.0.0.1 16006")
    url = f"http://127.0.0.1:{session.ad()['JupyterPort']}/proxy/16006/"
    loop = f"while curl -sS -o /dev/null -w '%{{http_code}}\\n' -K /tmp/poll {url}; do sleep 1; done"
    secret = f'header = "Authorization: token {session.token()}"\n'.encode()
    session.pool.put("ep1", "/tmp/poll", secret, mode=0o600)
    wait_for(lambda: "Directory listing" in session.request("/proxy/16006/"), 60, "the server")
    with background(session.pool, "ep1", ["sh", "-c", loop]) as tab:
        assert "200" in tab.stdout.readline()
        ends(session, "tmux: 1 open: python -m http.server", "proxy: GET /proxy/16006/")


@pytest.mark.slow
def test_a_page_whose_timer_sends_something_new_each_time_keeps_nothing_alive(session):
    session.inside("sh", "-c", f"cat >answering.py <<'END'\n{ANSWERING}\nEND")
    type_in_tmux(session, "/opt/jupyter/bin/python ../answering.py || /opt/jupyter/bin/python answering.py")
    wait_for(lambda: "a page" in session.request("/proxy/16050/"), 60, "the server")
    with background(session.pool, "ep1", ["python3", "-c", DASH], stdin=subprocess.PIPE) as page:
        page.stdin.write(f"{session.ad()['JupyterPort']} {session.token()}\n")
        page.stdin.flush()
        assert "200" in page.stdout.readline()
        ends(session, "proxy: POST /proxy/16050/_dash-update-component")


@pytest.mark.slow
def test_typing_over_ssh_or_in_tmux_counts_and_a_mere_connection_does_not(new_session, tmp_path):
    session = new_session().submit("--idle-timeout 10m")
    session.ready()
    login = ["condor_ssh_to_job", "-auto-retry", session.job]
    screen = tmp_path / "screen"
    with (
        screen.open("wb") as out,
        background(session.pool, "ap", login, session.user, stdin=subprocess.PIPE, stdout=out, tty=True) as shell,
    ):
        # Before any other: HTCondor misses the end of a login during which another began.
        wait_for(lambda: b"$ " in screen.read_bytes(), 60, "the prompt")

        def types(text, source):
            shell.stdin.write(text)  # again and again: the kernel notes it in steps of eight seconds
            shell.stdin.flush()
            return (about := seen(session, source))["idle_for"] is not None and about["idle_for"] < 8

        wait_for(lambda: seen(session, "ssh")["detail"] == "1 open", 60, "the shell")
        assert seen(session, "ssh")["idle_for"] is None
        wait_for(lambda: types("\n", "ssh"), 60, "typing in the shell to be heard")
        shell.stdin.write("tmux attach\n")
        shell.stdin.flush()
        wait_for(lambda: session.inside("tmux", "list-clients").strip(), 60, "tmux to be attached")

        def answers():
            types("\x1b[8;24;80t", "ssh")  # what a terminal says of its size when tmux, or we, ask it
            return seen(session, "ssh")["idle_for"] > 40

        wait_for(answers, 120, "nothing to be heard from a terminal that only answers", every=1)
        assert seen(session, "tmux")["idle_for"] is None
        session.inside("tmux", "select-window", "-t", "jupyter:shell")
        wait_for(lambda: types("\n", "tmux"), 60, "typing in tmux to be heard")


def test_gpus_without_a_driver_are_no_source_and_no_error(session_with_gpu):
    told = session_with_gpu.status()["sources"]
    assert "GPU-" in session_with_gpu.inside("sh", "-c", "echo $CUDA_VISIBLE_DEVICES")
    names = ["kernels", "terminals", "tmux", "ssh", "processes", "requests", "proxy", "saving"]
    assert [(seen["source"], seen["error"]) for seen in told] == [(name, "") for name in names]


@pytest.mark.slow
@pytest.mark.parametrize(("size", "typed"), [(13, False), (300, True)], ids=["keepalives", "typing"])
def test_an_editor_behind_the_proxy_keeps_the_session_alive_while_someone_types(new_session, size, typed):
    session = new_session()
    session.pool.put("ap", f"{session.folder}/notebooks/editor.py", EDITOR.encode(), session.user)
    port = session.submit(f"--idle-timeout {TIMEOUT}s").ready()["JupyterPort"]
    behind = 16010 + typed
    type_in_tmux(session, f"/opt/jupyter/bin/python editor.py {behind}")
    wait_for(lambda: "WebSocket" in session.request(f"/proxy/{behind}/"), 60, "the editor")  # it wants an upgrade
    with background(session.pool, "ep1", ["python3", "-c", PAGE], stdin=subprocess.PIPE) as page:
        page.stdin.write(f"{port} /proxy/{behind}/ {session.token()} {size}\n")
        page.stdin.flush()
        assert "101" in page.stdout.readline()
        if typed:
            wait_for(lambda: up_for(session) > 2 * TIMEOUT, 120, "the session to be older than twice the timeout")
            assert session.states()[-1] == "ready"
            assert "WebSocket" in seen(session, "proxy")["detail"]
        else:
            ends(session, "tmux: 1 open: python editor.py", "proxy: no traffic")
