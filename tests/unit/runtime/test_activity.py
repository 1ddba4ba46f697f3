"""Sources of activity: what they take for it, and that they never raise."""

import os
import socket
from contextlib import contextmanager

import pytest

from jupyter_session.activity import ActivityMonitor
from jupyter_session.activity.extension_report import ExtensionReport
from jupyter_session.activity.gpu import Gpu, find_devices, list_assigned, matches_name
from jupyter_session.activity.grouping import Role
from jupyter_session.activity.kernels import Kernels
from jupyter_session.activity.netbytes import NetBytes
from jupyter_session.activity.process_groups import Group, compute_window
from jupyter_session.activity.programs_at_work import Programs, Work
from jupyter_session.activity.requests import Proxy, Requests
from jupyter_session.activity.saving import Saving
from jupyter_session.jupyter.extension.person_requests import needs_a_person
from jupyter_session.jupyter.extension.proxy_traffic import Traffic
from jupyter_session.jupyter.lab import LabError


def kernel(state="idle", at="2026-01-01T00:00:00Z", name="a"):
    about = {"id": name, "name": "python3", "execution_state": state, "last_activity": at}
    return {**about, "at_work": state == "busy", "changes": 0}


def group(role=Role.KERNEL, key="a", *, pids=(32,), cpu=0.0, disk=0.0, label="python train.py", front="", typed=None):
    return Group(
        role=role,
        key=key,
        root_pid=pids[0],
        pids=pids,
        workers=pids,
        label=label,
        foreground=front,
        cpu=cpu,
        disk=disk,
        typed_at=typed,
    )


class Server:
    """Answers with what it was last given, or raises it."""

    answer: object = ()

    def get(self, path):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Found:
    """The processes that a test says there are."""

    def __init__(self, *groups):
        self.groups = groups

    def refresh(self, now):
        pass


class Net:
    """A network on which processes move so many bytes a second."""

    def __init__(self, rate=0.0):
        self.moved = rate

    def rate(self, pids, now):
        return self.moved


def kernels(server, *groups, net=0.0, stall=None, gpu=False):
    return Kernels(server.get, server.get, Work(Found(*groups), Net(net)), stall, lambda: gpu)


def test_a_busy_kernel_is_active_however_silent():
    server = Server()
    source = kernels(server, group())
    server.answer = [kernel("busy")]
    assert source.sample(10).active
    assert source.sample(5000).last == 5000


def test_an_idle_kernel_is_no_activity_until_a_message_comes():
    server = Server()
    source = kernels(server)
    server.answer = [kernel()]
    assert source.sample(10).last == 10
    assert source.sample(500).last == 10
    server.answer = [kernel(at="2026-01-01T00:09:00Z")]
    assert source.sample(600).last == 600


def test_a_kernel_that_is_shut_down_leaves_the_others_idle():
    server = Server()
    source = kernels(server)
    server.answer = [kernel(), kernel(name="b")]
    assert source.sample(10).last == 10
    server.answer = [kernel()]
    assert source.sample(30).last == 10


def test_an_idle_kernel_whose_threads_work_is_active():
    server = Server()
    server.answer = [kernel(), kernel(name="b")]
    seen = kernels(server, group(cpu=0.98), group(key="b")).sample(10)
    assert (seen.active, seen.detail) == (True, "1 idle but active (python3, 98 % CPU), 1 idle")


def test_a_kernel_of_another_server_counts_while_it_works():
    server = Server()
    server.answer = []
    assert kernels(server, group(cpu=1.0)).sample(10).active
    assert not kernels(server, group()).sample(10).active


@pytest.mark.parametrize(
    ("what", "stalls"),
    [
        ({}, True),
        ({"groups": [group(cpu=0.012)]}, True),
        ({"groups": [group(cpu=0.03)]}, False),
        ({"groups": [group(disk=1)]}, False),
        ({"net": 1.0}, False),
        ({"gpu": True}, False),
        ({"groups": []}, False),  # it runs where we can't see it
    ],
)
def test_a_busy_kernel_counts_up_to_the_stall_timeout_after_its_last_progress(what, stalls):
    server = Server()
    server.answer = [kernel("busy")]
    what = {"groups": [group()], **what}
    source = kernels(server, *what.pop("groups"), stall=100.0, **what)
    assert source.sample(0).active
    assert source.sample(99).active
    seen = source.sample(101)
    assert (seen.active, seen.last) == (not stalls, 99 if stalls else 101)
    assert not stalls or seen.detail == "1 busy without progress for 101 s, considered stalled"


def test_a_kernel_that_works_counts_for_as_long_as_jupyter_does_not_answer():
    server = Server()
    server.answer = LabError("no answer")
    monitor = ActivityMonitor([kernels(server, group(cpu=0.98))], patience=600)
    for now in (10, 5000):
        [seen] = monitor.look(now)
        assert (seen.active, seen.last, seen.error) == (True, now, "")
    assert seen.detail == "1 active (python train.py, 98 % CPU), and JupyterLab does not answer"


def test_output_is_progress_of_a_busy_kernel():
    server = Server()
    source = kernels(server, group(), stall=100.0)
    server.answer = [kernel("busy")]
    source.sample(0)
    server.answer = [kernel("busy", at="later")]
    source.sample(90)
    assert source.sample(180).active
    assert not source.sample(191).active


def test_a_stalled_kernel_that_goes_on_counts_again():
    server = Server()
    server.answer = [kernel("busy")]
    found = Found(group())
    source = Kernels(server.get, server.get, Work(found, Net()), 100.0)
    source.sample(0)
    assert not source.sample(150).active
    found.groups = [group(cpu=1.0)]
    assert source.sample(160).active


@pytest.mark.parametrize("at_work", [True, False])
def test_what_the_extension_says_of_a_kernel_counts_and_not_what_jupyter_says(at_work):
    server = Server()
    server.answer = [{**kernel("idle" if at_work else "busy"), "at_work": at_work}]
    seen = kernels(server, group()).sample(10)
    assert (seen.active, seen.detail) == (at_work, "1 busy (python3)" if at_work else "1 idle")


def test_a_cell_that_came_and_went_between_two_looks_is_activity():
    server = Server()
    source = kernels(server)
    server.answer = [kernel()]
    assert source.sample(10).last == 10
    server.answer = [{**kernel(), "changes": 2}]
    assert source.sample(20).last == 20


def test_without_the_extension_jupyters_own_word_counts_and_that_is_said():
    asked = []

    def get(path):
        asked.append(path)
        return [{"id": "a", "name": "python3", "execution_state": "busy", "last_activity": "now"}]

    def tell_use():
        raise LabError("JupyterLab answered 404")

    told = ExtensionReport(tell_use).part("kernels")
    seen = Kernels(told, get, Work(Found(), Net()), None).sample(10)
    assert asked == [Kernels.jupyters_own_path]
    assert (seen.active, seen.error) == (True, "")
    assert seen.detail == "1 busy (python3) (1 by Jupyter's word alone, which may be wrong)"


def test_what_kernels_do_is_said_in_few_words():
    server = Server()
    server.answer = [kernel("busy"), kernel(name="b"), kernel(name="c")]
    assert kernels(server, group(cpu=0.98)).sample(10).detail == "1 busy (python3, 98 % CPU), 2 idle"
    server.answer = []
    assert kernels(server).sample(10).detail == "none"


@pytest.mark.parametrize(
    ("use", "net", "active", "detail"),
    [
        ({}, 0, False, "1 open"),
        ({"front": "vim"}, 0, False, "1 open: vim"),
        ({"cpu": 2.3, "front": "bash x"}, 0, True, "1 open: python train.py (230 % CPU)"),
        ({"cpu": 0.049}, 0, False, "1 open"),
        ({"cpu": 0.05}, 0, True, "1 open: python train.py (5 % CPU)"),
        ({"disk": 65535}, 0, False, "1 open"),
        ({"disk": 2e6}, 0, True, "1 open: python train.py (2.0 MB/s of disk)"),
        ({"pids": (35, 36)}, 16383, False, "1 open"),
        ({"pids": (35, 36)}, 20000, True, "1 open: python train.py (20 kB/s of network)"),
        ({"pids": (35,)}, 20000, False, "1 open"),  # the shell alone: the network is not even asked
    ],
)
def test_a_terminal_is_active_while_a_program_in_it_works(use, net, active, detail):
    found = Found(group(Role.TERMINAL, **use), group(Role.PANE, cpu=9.0))
    seen = Programs("terminals", Role.TERMINAL, Work(found, Net(net))).sample(10)
    assert (seen.active, seen.last, seen.detail) == (active, 10 if active else None, detail)


def test_typing_is_activity_at_the_time_it_was_heard_even_after_the_terminal_has_closed():
    found = Found(group(Role.PANE, typed=40), group(Role.PANE, typed=30))
    source = Programs("tmux", Role.PANE, Work(found, Net()))
    assert source.sample(60).last == 40
    found.groups = []
    seen = source.sample(70)
    assert (seen.active, seen.last, seen.detail) == (False, 40, "none")


def test_the_extension_is_asked_once_a_look_also_if_it_does_not_answer():
    asked = []

    def tell_use():
        asked.append("once")
        if len(asked) == 2:
            raise LabError("JupyterLab does not answer")
        return {"requests": len(asked), "proxy": "none"}

    report = ExtensionReport(tell_use)
    requests, proxy = report.part("requests"), report.part("proxy")
    assert (requests(10), proxy(10)) == (1, "none")
    for part in (requests, proxy):
        with pytest.raises(LabError, match="does not answer"):
            part(20)
    assert requests(30) == 3
    assert len(asked) == 3


@pytest.mark.parametrize("source", [Requests, Proxy])
def test_what_a_person_asked_for_counts_when_it_changes(source):
    server = Server()
    source = source(server.get)
    server.answer = {"at": None, "what": None}
    assert source.sample(10).last is None
    server.answer = {"at": 1.5, "what": "PUT /api/contents/a.ipynb"}
    assert source.sample(20).last == 20
    assert source.sample(30).last == 20


def test_what_the_proxy_lacks_is_said():
    server = Server()
    server.answer = {"at": None, "what": None, "lacks": "no websockets"}
    assert Proxy(server.get).sample(10).error == "no websockets"


class Card:
    """A GPU that is used as a test says."""

    def __init__(self, *uses):
        self.uses = list(uses)

    def use(self):
        return self.uses.pop(0)


def test_a_gpu_works_from_five_percent_and_its_use_is_summed_up():
    source = Gpu([Card(100.0, 50.0, 4.0), Card(0.0, 0.0, 4.0)])
    seen = source.sample(0)
    assert (seen.active, seen.last, seen.detail) == (True, 0, "100 %, 0 %")
    assert source.sample(10).active
    assert source.busy_seconds == pytest.approx(5)
    seen = source.sample(20)
    assert (seen.active, seen.last) == (False, 10)
    assert source.busy_seconds == pytest.approx(5.8)


def test_a_gpu_without_a_known_use_is_no_activity_and_no_error():
    seen = Gpu([Card(None)]).sample(0)
    assert (seen.active, seen.error, seen.detail) == (False, "", "1 (MIG) without a known use")


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({}, []),
        ({"_CONDOR_AssignedGPUs": "10000", "CUDA_VISIBLE_DEVICES": "10000"}, []),
        ({"CUDA_VISIBLE_DEVICES": "none"}, []),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, []),
        ({"CUDA_VISIBLE_DEVICES": "0, 3"}, ["0", "3"]),
        ({"_CONDOR_AssignedGPUs": "GPU-1a2b3c4d,GPU-5e6f7a8b", "CUDA_VISIBLE_DEVICES": "0"},
         ["GPU-1a2b3c4d", "GPU-5e6f7a8b"]),
        ({"CUDA_VISIBLE_DEVICES": "MIG-1a2b3c4d-0000-1111-2222-333344445555"},
         ["MIG-1a2b3c4d-0000-1111-2222-333344445555"]),
        ({"_CONDOR_AssignedGPUs": "CUDA0,CUDA1"}, ["CUDA0", "CUDA1"]),
    ],
)  # fmt: skip
def test_the_jobs_own_gpus_are_read_from_what_htcondor_sets(environ, names):
    assert list_assigned(environ) == names


@pytest.mark.parametrize(
    ("name", "matching"),
    [("GPU-1a2b3c4d", True), ("GPU-1a2b3c4e", False), ("1", True), ("0", False), ("CUDA1", True), ("11", False)],
)
def test_a_gpu_is_known_by_a_part_of_its_uuid_or_by_its_number(name, matching):
    assert matches_name(name, 1, "GPU-1a2b3c4d-0000-1111-2222-333344445555") is matching


def test_without_a_driver_there_is_no_gpu():
    assert find_devices(["GPU-1a2b3c4d"]) == []


@contextmanager
def connected(address):
    with (
        socket.create_server((address, 0)) as server,
        socket.create_connection(server.getsockname()) as client,
        server.accept()[0] as accepted,
    ):
        yield client, accepted


def test_bytes_that_a_process_moves_by_tcp_are_seen_but_not_those_that_stay_on_the_machine():
    net = NetBytes()
    with connected("127.0.0.1") as (client, accepted):
        assert net.rate([os.getpid()], 1.0) == 0
        client.sendall(b"x" * 50_000)
        assert accepted.recv(1 << 20)
        assert net.rate([os.getpid()], 2.0) == 0


def test_bytes_to_another_address_are_seen():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but its own")
        own = probe.getsockname()[0]
    net = NetBytes()
    with connected(own) as (client, accepted):
        assert net.rate([os.getpid()], 1.0) == 0
        client.sendall(b"x" * 50_000)
        got = 0
        while got < 50_000:
            got += len(accepted.recv(1 << 20))
        assert net.rate([os.getpid()], 2.0) >= 50_000
        assert net.rate([], 2.0) == 0


def test_a_request_behind_the_proxy_counts_unless_it_was_made_before_within_the_hour():
    traffic = Traffic()
    traffic.note_request("GET", "/proxy/6006/data/runs", b"", 0)
    assert (traffic.at, traffic.what) == (0, "GET /proxy/6006/data/runs")
    for at in range(0, 36000, 30):
        traffic.note_request("GET", "/proxy/6006/data/runs", b"", at)
        traffic.note_request("POST", "/rstudio/events/get_events", b'{"params": [-1]}', at)
    assert traffic.at == 0
    traffic.note_request("POST", "/rstudio/rpc/console_input", b'{"params": ["x"]}', 36000)
    assert traffic.at == 36000
    traffic.note_request("POST", "/rstudio/rpc/console_input", b'{"params": ["y"]}', 36005)
    assert traffic.at == 36005
    traffic.note_request("GET", "/proxy/6006/data/runs", b"", 40000)
    assert traffic.at == 40000


def test_keepalives_of_an_editor_are_no_activity_but_typing_is():
    traffic = Traffic()
    for at in range(0, 3600, 5):
        traffic.note_message("/vscode/", 13, at)
    assert traffic.at is None
    for at in range(3600, 3610):
        traffic.note_message("/vscode/", 300, at)
    assert (traffic.at, traffic.what) == (3609, "WebSocket /vscode/")


@pytest.mark.parametrize(("timeout", "seconds"), [(None, 60), (1800, 60), (30, 10)])
def test_the_window_is_well_below_the_idle_timeout(timeout, seconds):
    assert compute_window(timeout) == seconds


@pytest.mark.parametrize("answer", [LabError("no answer"), [{}], {"x": 1}, 7, None])
def test_a_server_that_fails_or_talks_nonsense_leaves_the_last_word_standing_for_a_while(answer):
    server = Server()
    monitor = ActivityMonitor([kernels(server)], patience=600)
    server.answer = [kernel("busy")]
    assert not monitor.look(10)[0].error
    server.answer = answer
    [seen] = monitor.look(20)
    assert (seen.active, seen.last, seen.since) == (True, 20, 10)
    assert seen.error
    [seen] = monitor.look(621)
    assert (seen.active, seen.last, seen.since) == (False, 20, 621)


@pytest.mark.parametrize(
    ("method", "uri", "person"),
    [
        ("GET", "/lab?token=x", True),
        ("GET", "/lab/tree/a.ipynb", True),
        ("GET", "/api/contents/a.ipynb?type=notebook&content=1", True),
        ("PUT", "/api/contents/a.ipynb", True),
        ("POST", "/api/sessions", True),
        ("DELETE", "/api/contents/a.ipynb", True),
        ("GET", "/api/contents?content=1&hash=0", False),
        ("GET", "/api/contents/folder?content=1", False),
        ("GET", "/api/kernels?123", False),
        ("GET", "/api/kernels/1/channels?session_id=2", False),
        ("GET", "/api/sessions", False),
        ("GET", "/api/terminals", False),
        ("GET", "/api/status", False),
        ("POST", "/api/shutdown", False),
        ("PUT", "/lab/api/workspaces/default", False),
        ("POST", "/git/status", False),
        ("PUT", "/lab/api/settings/@jupyterlab/apputils-extension:themes", True),
        ("GET", "/jupyter-session/status?no_track_activity=1", False),
        ("GET", "/jupyter-session", False),
        ("POST", "/jupyter-session/notice", False),
        ("POST", "/jupyter-session/extend", True),
    ],
)
def test_only_what_needs_a_person_counts_as_a_request(method, uri, person):
    assert needs_a_person(method, uri) is person


def test_files_that_the_access_point_refuses_keep_it_alive_for_the_patience_and_no_longer():
    refused = 0
    saving = Saving(lambda: refused, patience=100)
    assert not saving.sample(1000).active
    refused = 2
    seen = [saving.sample(now) for now in (1010, 1100, 1110, 1150)]
    assert [sample.active for sample in seen] == [True, True, False, False]
    assert [sample.last for sample in seen] == [1010, 1100, 1100, 1100]
    assert seen[1].detail == "2 files are refused by the access point for 90 s"


def test_files_that_were_accepted_after_all_count_no_longer_and_the_next_refusal_counts_again():
    answers = iter([1, 0, 1, 1])
    saving = Saving(lambda: next(answers), patience=100)
    seen = [saving.sample(now) for now in (0, 50, 400, 450)]
    assert [sample.active for sample in seen] == [True, False, True, True]
    assert [sample.last for sample in seen] == [0, 0, 400, 450]


def test_without_a_patience_refused_files_count_for_as_long_as_they_are_refused():
    saving = Saving(lambda: 1, patience=None)
    assert all(saving.sample(now).active for now in (0, 1e6))
