"""What another user of the pool can see and do: nothing that opens a session."""

import json

from support.idleness import seen
from support.other_users import as_user, files_with
from support.waiting import wait_for

#: Prints the type of the ZeroMQ socket at an address, by the greeting of ZMTP 3.
ZMQ_TYPE = r"""
import re, socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10) as peer:
    peer.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32))
    said = b""
    while not (match := re.search(rb"Socket-Type\0\0\0(.)(?P<type>[A-Z]+)", said, re.DOTALL)):
        said += peer.recv(4096) or sys.exit("it hung up")
        if len(said) == 64:
            peer.sendall(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x04PUSH")
print(match["type"].decode())
"""


def assert_token_is_found_nowhere(session, token, public):
    pool, log = session.pool, f"jupyter-{session.cluster}"
    ad = "".join(pool.exec("ap", [ask, "-l", session.job], user="bob").stdout for ask in ("condor_q", "condor_history"))
    assert public in ad
    assert token not in ad
    assert f"{session.folder}/{log}.log" in files_with(pool, "ap", "bob", public)  # the search does find
    for host, user in (("ap", "bob"), ("ep1", "slot1_32"), ("ep1", "nobody"), ("laptop", "bob")):
        assert files_with(pool, host, user, token) == [], f"by {user} on {host}"
        for words in (["ps", "axeww", "-o", "args"], ["ps", "axww", "-o", "args"]):
            assert token not in as_user(pool, host, user, words, check=True).stdout
        assert token not in pool.exec(host, ["ps", "axww", "-o", "args"], check=True).stdout
    for name in ("log", "out", "err"):
        assert token not in (session.file(f"{log}.{name}") or "")


def test_token_is_nowhere_that_another_user_can_read(new_session):
    session = new_session().submit()
    public = session.ready()["JupyterURL"]
    tunnel = session.tunnel()
    tunnel.url()
    session.start_kernel()
    session.save_notebook("a.ipynb", "a")
    token = session.token()
    assert_token_is_found_nowhere(session, token, public)
    session.ap("condor_rm", session.job, check=True)
    session.wait_gone()
    assert_token_is_found_nowhere(session, token, public)
    for host in ("ap", "ep1"):
        left = files_with(session.pool, host, "root", token)
        assert left == [], f"left on {host}"


def test_another_user_of_the_machine_reads_nothing_of_the_jobs_folder(ready_session):
    scratch = ready_session.inside("sh", "-c", "echo $_CONDOR_SCRATCH_DIR; stat -c %a $_CONDOR_SCRATCH_DIR").split()
    assert scratch[1] == "700"
    ready_session.python("open('notebooks/draft.txt', 'w').write('draft of alice')")
    owner = ready_session.inside("id", "-un").strip()
    folders = ready_session.pool.exec("ep1", ["sh", "-c", "ls -d /var/lib/condor/execute/dir_*/scratch"]).stdout.split()
    folder = next(name for name in folders if read(ready_session.pool, owner, f"{name}/notebooks/draft.txt"))
    for user in {"slot1_32", "nobody"} - {owner}:
        for name in ("notebooks/draft.txt", ".job.ad", "_condor_stdout", "notebooks", "."):
            assert not read(ready_session.pool, user, f"{folder}/{name}"), f"{name} by {user}"


def read(pool, user, path):
    """Return what a slot user reads of a file or a folder on the execution point."""
    return as_user(pool, "ep1", user, ["sh", "-c", f"cat {path} || ls -A {path}"]).stdout


def test_who_asks_without_the_token_is_nobody_at_work(ready_session):
    port = ready_session.ready()["JupyterPort"]
    before = seen(ready_session, "requests"), seen(ready_session, "proxy")
    paths = ("/lab", "/lab/tree/a", "/files/a", "/login", "/static/favicon.ico", "/proxy/80/a")
    for path in (*paths, "/api/contents/a?type=file"):
        for header in ("X-None: 1", "Authorization: token wrong"):
            for method in ("GET", "POST", "HEAD"):
                words = ["curl", "-sS", "-o", "/dev/null", "-m", "5", "-H", header]
                words += ["-I"] if method == "HEAD" else ["-X", method]
                as_user(ready_session.pool, "ep1", "slot1_32", [*words, f"http://127.0.0.1:{port}{path}"])
    marker = seen(ready_session, "requests"), seen(ready_session, "proxy")
    assert [one["detail"] for one in marker] == [one["detail"] for one in before]


def test_another_user_of_the_machine_gets_nothing_from_the_port(ready_session):
    port = ready_session.ready()["JupyterPort"]
    for header in ("X-None: 1", "Authorization: token wrong"):
        for path in ("/api/kernels", "/api/contents", "/api/terminals", "/jupyter-session/activity", "/lab"):
            words = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", "-H", header]
            answer = as_user(ready_session.pool, "ep1", "slot1_32", [*words, f"http://127.0.0.1:{port}{path}"]).stdout
            assert answer.startswith(("401", "403")) or (answer.startswith("302") and "/login" in answer), (
                path,
                answer,
            )
    assert ready_session.ad()["JupyterState"] == "ready"


def test_another_user_of_the_pool_cannot_enter_the_job(ready_session):
    assert ready_session.inside("id", "-u")
    words = ["condor_ssh_to_job", ready_session.job, "jupyter-session url"]
    tried = ready_session.pool.exec("ap", words, user="bob")
    assert ready_session.token() not in tried.stdout + tried.stderr
    assert "not authorized" in tried.stderr


def test_kernel_gives_nothing_by_tcp(ready_session):
    """The channels of a kernel are Unix sockets. ipykernel itself opens one TCP port, where its children print."""
    port = ready_session.ready()["JupyterPort"]
    kernel = ready_session.start_kernel()
    ready_session.execute(kernel, "1")
    user = ready_session.inside("id", "-u").strip()
    theirs = ready_session.pool.exec("ep1", ["ps", "-o", "pid=", "-u", user]).stdout.split()
    assert str(ready_session.pid_of(f"kernel-{kernel}.json")) in theirs
    listening = [line.split() for line in ready_session.pool.exec("ep1", ["ss", "-Hltnp"]).stdout.splitlines()]
    addresses = [words[3] for words in listening if any(f"pid={pid}," in words[-1] for pid in theirs)]
    assert f"127.0.0.1:{port}" in addresses
    for address in set(addresses) - {f"127.0.0.1:{port}"}:
        ask = ["python3", "-c", ZMQ_TYPE, *address.split(":")]
        told = wait_for(lambda ask=ask: ready_session.pool.exec("ep1", ask).stdout, 90, f"{address} to say what it is")
        assert told == "PULL\n"


def test_connection_file_is_its_owners_alone(ready_session):
    name = f"{ready_session.folder}/jupyter-{ready_session.job}.json"
    assert ready_session.ap("stat", "-c", "%a %U", name).stdout == "600 alice\n"
    assert json.loads(ready_session.ap("cat", name).stdout)["token"]
    assert ready_session.pool.exec("ap", ["cat", name], user="bob").returncode
