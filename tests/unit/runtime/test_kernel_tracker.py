"""What the server extension says of kernels, in a real Jupyter server, and of real ipykernels.

These tests fail, too, if jupyter_server or jupyter_client change what the extension uses of them.
"""

import asyncio
import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from queue import Empty
from types import SimpleNamespace

import pytest

from jupyter_session.jupyter.extension.kernel_tracker import KernelTracker, find_process
from support.jupyter_server import close_websocket, serve
from support.waiting import assert_never, wait_for

pytestmark = pytest.mark.xdist_group("kernel_tracker")  # one server for all

pytest.importorskip("jupyter_server")
pytest.importorskip("ipykernel")
LocalProvisioner = pytest.importorskip("jupyter_client.provisioning.local_provisioner").LocalProvisioner
BlockingKernelClient = pytest.importorskip("jupyter_client").BlockingKernelClient
LONG = "import time; time.sleep(3600)"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Start a server whose kernels are reached as those of a session are."""
    with serve(tmp_path_factory.mktemp("server"), KernelManager={"transport": "ipc"}) as server:
        yield server


class Kernel:
    """A kernel of the server, and a client of its own, as a console's."""

    client = None

    def __init__(self, server):
        self.server = server
        self.id = server.ask("/api/kernels", {})["id"]
        self.connect()
        self.wait_ready()
        wait_for(self._is_known_to_be_idle, 60, "Jupyter to read idle", every=0.5)

    def connect(self):
        if self.client:
            self.client.stop_channels()
        self.client = BlockingKernelClient(connection_file=str(self.server.connection_file(self.id)))
        self.client.load_connection_file()
        self.client.start_channels()

    def _is_known_to_be_idle(self):
        """Return whether Jupyter reads idle; what a kernel published before it listened, the kernel says again."""
        if self.jupyter_says() == "starting":
            self.wait_ready()
        return self.jupyter_says() == "idle"

    def wait_ready(self):
        """Wait until the kernel answers us; the client's own `wait_for_ready` gives up early on a slow machine."""

        def answers():
            self.client.kernel_info()
            with suppress(Empty):
                return self.client.get_shell_msg(timeout=1)

        wait_for(answers, 60, "the kernel to answer")

    def wait_followed(self):
        """Wait until a new process is listened to: what it published before is lost to Jupyter and to us."""
        before = self.told()["changes"]
        wait_for(lambda: self.run("pass") and self.told()["changes"] > before, 30, "a cell to be seen", every=0.5)
        self.wait_at_work(wanted=False)

    def jupyter_says(self):
        return self.server.ask(f"/api/kernels/{self.id}")["execution_state"]

    def wait_state(self, state):
        wait_for(lambda: self.jupyter_says() == state, 30, lambda: f"{state}, not {self.jupyter_says()}", every=0.05)

    def told(self):
        kernels = self.server.ask("/jupyter-session/activity")["kernels"]
        return next(about for about in kernels if about["id"] == self.id)

    def is_at_work(self):
        return self.told()["at_work"]

    def wait_at_work(self, *, wanted=True, seconds=30):
        wait_for(lambda: self.is_at_work() is wanted, seconds, lambda: f"{self.told()}", every=0.05)

    def run(self, code, shell=None):
        message = self.client.session.msg("execute_request", {"code": code, "silent": False, "store_history": True})
        if shell:
            message["header"]["subshell_id"] = shell
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def wait_reply(self, cell):
        """Wait until the kernel has answered a cell."""
        while self.client.get_shell_msg(timeout=60)["parent_header"].get("msg_id") != cell:
            pass

    def request_control(self, kind, **content):
        self.client.control_channel.send(self.client.session.msg(kind, content))
        reply = self.client.get_control_msg(timeout=30)["content"]
        assert reply["status"] == "ok", reply
        return reply

    def new_subshell(self):
        return self.request_control("create_subshell_request")["subshell_id"]

    def pid(self):
        """Return the process of the kernel, None while it has none."""
        return next(
            (int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if self.id in _read(path)), None
        )

    def close(self):
        self.client.stop_channels()
        self.server.ask(f"/api/kernels/{self.id}", method="DELETE")


def _read(path):
    with suppress(OSError):
        return path.read_text(errors="replace")
    return ""


@pytest.fixture
def kernel(server):
    kernel = Kernel(server)
    yield kernel
    kernel.close()


def test_a_new_kernel_is_not_at_work_and_a_cell_is_from_its_start_to_its_end(kernel):
    assert kernel.is_at_work() is False
    before = kernel.told()["changes"]
    kernel.run("import time; time.sleep(1.5)")
    kernel.wait_at_work()
    kernel.wait_at_work(wanted=False)
    assert kernel.told()["changes"] == before + 2


def test_a_cell_runs_though_jupyter_reads_idle_because_a_subshell_was_made(kernel):
    kernel.run("import time; time.sleep(6)")
    kernel.wait_state("busy")
    began = time.monotonic()
    kernel.new_subshell()
    kernel.wait_state("idle")
    while time.monotonic() < began + 4:
        assert kernel.is_at_work() is True
        assert kernel.jupyter_says() == "idle"
        time.sleep(0.1)
    kernel.wait_at_work(wanted=False)


def test_each_cell_of_a_run_all_counts_and_what_an_error_aborts_does_not(kernel):
    for code in ("import time; time.sleep(1)", "time.sleep(1)", "1/0", LONG):
        kernel.run(code)
    kernel.wait_at_work()
    kernel.wait_at_work(wanted=False)


def test_cells_in_two_subshells_at_once_are_told_apart(kernel):
    one, two = kernel.new_subshell(), kernel.new_subshell()
    events = "import threading; first, last, begun = threading.Event(), threading.Event(), threading.Barrier(3)"
    kernel.wait_reply(kernel.run(events))
    kernel.wait_at_work(wanted=False)
    kernel.run("begun.wait(60); first.wait(3600)", one)
    kernel.run("begun.wait(60); last.wait(3600)", two)
    kernel.wait_reply(kernel.run("begun.wait(60); first.set()"))
    kernel.wait_at_work()
    assert_never(lambda: not kernel.is_at_work(), 3, "the other is at work")
    kernel.run("last.set()")
    kernel.wait_at_work(wanted=False)


def flood(server, kernel):
    """Print so much that the last `idle` is lost to Jupyter, most times: the server stands still meanwhile."""
    server.process.send_signal(signal.SIGSTOP)
    try:
        kernel.run("for n in range(20_000):\n    print(n, flush=True)")
        while kernel.client.get_shell_msg(timeout=120)["msg_type"] != "execute_reply":
            pass
    finally:
        server.process.send_signal(signal.SIGCONT)
    kernel.wait_at_work(wanted=False, seconds=20)


def test_a_kernel_that_is_done_is_not_at_work_though_jupyter_reads_busy_after_a_flood(server, kernel):
    for _ in range(4):
        flood(server, kernel)
        assert_never(kernel.is_at_work, 5, "the kernel is done")
        if kernel.jupyter_says() == "busy":
            break
    kernel.run("import time; time.sleep(3)")
    kernel.wait_at_work()
    kernel.wait_at_work(wanted=False)


def test_an_interrupted_cell_has_ended(kernel):
    kernel.run(LONG)
    kernel.wait_at_work()
    kernel.server.ask(f"/api/kernels/{kernel.id}/interrupt", {})
    kernel.wait_at_work(wanted=False)


def test_a_restart_voids_the_cell_and_the_new_process_is_followed(kernel):
    kernel.run(LONG)
    kernel.wait_at_work()
    kernel.server.ask(f"/api/kernels/{kernel.id}/restart", {})
    kernel.wait_at_work(wanted=False, seconds=10)
    kernel.wait_ready()
    kernel.wait_followed()
    kernel.run(LONG)
    kernel.wait_at_work()


def test_a_killed_kernel_is_not_at_work_and_its_successor_is_followed(kernel):
    kernel.run(LONG)
    kernel.wait_at_work()
    killed = kernel.pid()
    os.kill(killed, signal.SIGKILL)
    kernel.wait_at_work(wanted=False, seconds=5)
    wait_for(lambda: kernel.pid() not in (None, killed), 30, "the restart")
    assert kernel.is_at_work() is False
    kernel.wait_ready()
    kernel.wait_followed()
    kernel.run(LONG)
    kernel.wait_at_work()


async def _send_by_websocket(server, kernel, code):
    """Send a cell as a browser's page does, through Jupyter."""
    from tornado.httpclient import HTTPRequest  # noqa: PLC0415 - it may not be installed
    from tornado.websocket import websocket_connect  # noqa: PLC0415

    url = f"ws://127.0.0.1:{server.port}/base/api/kernels/{kernel.id}/channels"
    page = await websocket_connect(HTTPRequest(url, headers={"Authorization": "token t"}))
    message = kernel.client.session.msg("execute_request", {"code": code, "silent": False, "store_history": True})
    message = {**message, "channel": "shell", "buffers": []}
    await page.write_message(json.dumps(message, default=str))
    return page


@pytest.mark.parametrize("way", ["restart", "kill"])
def test_a_cell_that_runs_before_a_new_process_is_listened_to_is_work_though_nobody_heard_it_begin(server, kernel, way):
    """The server stands still until the cell runs, as it may on a busy machine."""
    killed = kernel.pid()
    if way == "restart":
        kernel.server.ask(f"/api/kernels/{kernel.id}/restart", {})
    else:
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: kernel.pid() not in (None, killed), 30, "the restart", every=0.01)
    server.process.send_signal(signal.SIGSTOP)
    try:
        kernel.connect()
        kernel.run(f"open({str(server.home / 'begun')!r}, 'w').close(); {LONG}")
        wait_for((server.home / "begun").exists, 60, "the cell to begin")
    finally:
        server.process.send_signal(signal.SIGCONT)
        (server.home / "begun").unlink(missing_ok=True)
    kernel.wait_at_work(seconds=10)
    assert_never(lambda: not kernel.is_at_work(), 5, "the cell still runs")
    kernel.server.ask(f"/api/kernels/{kernel.id}/interrupt", {})
    kernel.wait_at_work(wanted=False)


def test_restart_and_run_all_is_work_from_soon_after_its_first_cell_to_the_end_of_its_last(server, kernel):
    async def restart_and_run():
        for _ in range(2):
            await asyncio.to_thread(server.ask, f"/api/kernels/{kernel.id}/restart", {})
            page = await _send_by_websocket(server, kernel, LONG)
            await asyncio.to_thread(kernel.wait_at_work, seconds=20)
            await asyncio.to_thread(assert_never, lambda: not kernel.is_at_work(), 2, "the cell still runs")
            await close_websocket(page)

    asyncio.run(restart_and_run())

    def is_interrupted():
        server.ask(f"/api/kernels/{kernel.id}/interrupt", {})  # one that comes before the cell runs is lost
        return not kernel.is_at_work()

    wait_for(is_interrupted, 30, lambda: f"its end; {kernel.told()}", every=0.5)


class Manager:
    """A manager of one kernel that can't be reached as jupyter_server's own are."""

    def __init__(self, kernel):
        self.kernel = kernel

    def list_kernel_ids(self):
        return ["a"]

    def list_kernels(self):
        return [self.kernel_model("a")]

    def kernel_model(self, name):
        return {"id": name, "execution_state": "busy", "last_activity": "now"}

    def get_kernel(self, name):
        if self.kernel is None:
            raise KeyError(name)
        return self.kernel


class Remote:
    """A kernel of another kind, whose provisioner knows no process."""

    provisioner = None
    session = SimpleNamespace(config=None, key=b"")

    def connect_iopub(self):
        return object()


@pytest.mark.parametrize("kernel", [None, object(), Remote()])
def test_a_kernel_that_can_not_be_followed_is_told_as_not_known_and_disturbs_nobody(kernel):
    tracker = KernelTracker(Manager(kernel))
    for _ in range(3):
        [told] = tracker.report()
        assert (told["at_work"], told["execution_state"]) == (None, "busy")


def test_the_process_of_a_kernel_is_known_only_if_it_is_of_this_machine():
    assert find_process(Remote()) is None
    local = LocalProvisioner()
    assert find_process(SimpleNamespace(provisioner=local)) is None
    local.pid = os.getpid()
    pid, started = find_process(SimpleNamespace(provisioner=local))
    assert (pid, started > 0) == (os.getpid(), True)
    local.pid = 1 << 30
    assert find_process(SimpleNamespace(provisioner=local)) == (0, 0)
