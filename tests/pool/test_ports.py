"""Every session has a port of its own; a port that another program takes costs a retry, and never the token."""

import json
import select

from support.hosts import background

#: Runs as root on the execution point: takes the port that a job's JupyterLab was told, before it does.
THIEF = r"""
import glob, json, os, re, socket, sys, time
theirs = re.compile(rb"jupyter-lab\0--config=(/tmp/jupyter-session-\d+-" + re.escape(sys.argv[1]).encode() + rb"/)")
def find():
    while True:
        for about in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                if match := theirs.search(open(about, "rb").read()):
                    folder = os.path.dirname(about) + "/root" + match[1].decode()
                    config = json.load(open(folder + "jupyter_config.json"))
                    return config["ServerApp"]["port"], open(folder + "token").read()
            except OSError:
                pass
        time.sleep(0.005)
port, token = find()
listener = socket.socket()
listener.bind(("127.0.0.1", port))
listener.listen()
print(json.dumps({"port": port, "token": token}), flush=True)
while True:
    caller, _ = listener.accept()
    print("heard", caller.recv(4096), flush=True)
"""
LISTEN = """
import socket, sys, time
listeners = [socket.create_server(("127.0.0.1", int(port))) for port in sys.argv[1:]]
print("listening", flush=True)
time.sleep(600)
"""


def test_four_sessions_of_two_users_on_one_machine_answer_each_with_its_own_token(new_session):
    within = ("--port-range 15010-15012", "", "", "")
    running = [
        new_session(user).submit(arguments, "request_memory = 1GB", "request_disk = 1GB")
        for user, arguments in zip(("alice", "bob", "alice", "bob"), within, strict=True)
    ]
    ports = [session.ready(90)["JupyterPort"] for session in running]
    assert ports[0] in range(15010, 15013)
    tokens = [session.token() for session in running]
    assert len(set(ports)) == len(set(tokens)) == 4
    for session in running:
        answers = [session.request("/api/status", token=token) for token in tokens]
        assert [session for session, answer in zip(running, answers, strict=True) if "started" in answer] == [session]


def test_port_taken_before_jupyter_listens_costs_a_retry_and_tells_the_thief_nothing(new_session):
    session = new_session().submit()
    with background(session.pool, "ep1", ["python3", "-uc", THIEF, session.job]) as thief:
        stolen = json.loads(thief.stdout.readline())
        ad = session.ready()
        assert ad["JupyterPort"] != stolen["port"]
        assert session.token() != stolen["token"]
        assert "started" in session.request("/api/status")
        assert not select.select([thief.stdout], [], [], 0)[0], thief.stdout.readline()
    session.remove()
    assert f"port {stolen['port']}" in session.output()


def test_full_port_range_is_one_sentence(new_session, pool):
    with background(pool, "ep1", ["python3", "-uc", LISTEN, "15001", "15002"]) as others:
        assert others.stdout.readline() == "listening\n"
        session = new_session().submit("--port-range 15001-15002")
        ad = session.wait_gone()
    assert (ad["JupyterState"], ad["ExitCode"]) == ("failed", 1)
    assert session.errors() == f"jupyter-session: {ad['JupyterReason']}\n"
    assert "15001-15002" in ad["JupyterReason"]
