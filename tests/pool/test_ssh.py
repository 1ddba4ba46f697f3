"""`ssh jupyter-JOB` from the laptop, by plain OpenSSH and submit/ssh_config: all that ssh is used for."""

import re
import secrets

import pytest

from support.session import sessions
from support.ssh import SecureShell, own_lines
from support.waiting import wait_for


@pytest.fixture(scope="module")
def shell(pool):
    """Yield the way into one session, for all tests here."""
    with sessions(pool) as new:
        yield SecureShell(new().submit()).enterable()


@pytest.fixture
def folder(shell):
    """Yield the name of a folder on the laptop with a few files."""
    name = f"files-{secrets.token_hex(4)}"
    script = f"mkdir -p {name}/sub; echo one >{name}/one; head -c 3000000 /dev/urandom >{name}/sub/random"
    shell.run("sh", "-ec", script)
    yield name
    shell.run("rm", "-rf", name)


def assert_same(shell, ours, theirs):
    sums = "cd {}; find . -type f -exec md5sum {{}} + | sort"
    found = shell.run("sh", "-ec", sums.format(ours)).stdout
    assert found
    assert shell.out("sh", "-ec", sums.format(theirs)) == found


def test_shell_has_a_terminal_of_the_right_size_that_follows_a_resize(shell):
    with shell.screen(shell.host, size="91x27") as screen:
        screen.type("stty size; tty; echo $0")
        screen.wait("27 91")
        screen.wait("/dev/pts/")
        screen.resize(133, 44)
        wait_for(lambda: screen.type("stty size") or "44 133" in screen.text(), 30, "the new size")
        screen.type("exit")
        wait_for(screen.has_ended, 30, "the shell to end")


def test_command_and_login_shell_find_what_a_terminal_of_the_session_has(shell):
    names = ("PATH", "HOME", "SHELL", "USER", "LANG", "_CONDOR_JOB_AD", "CUDA_VISIBLE_DEVICES", "JUPYTER_RUNTIME_DIR")
    script = "; ".join(f'echo {name}="${name}"' for name in names) + "; command -v python"
    mark = secrets.token_hex(4)
    typed = f"({script}) >/tmp/{mark}; touch /tmp/{mark}."
    shell.session.inside("tmux", "send-keys", "-t", "jupyter:shell", typed, "Enter")
    wait_for(lambda: shell.call("test", "-e", f"/tmp/{mark}.").returncode == 0, 30, "the terminal")
    terminal = shell.out("cat", f"/tmp/{mark}")
    assert re.search(r"/\.python-\w+/bin/python$", terminal, re.MULTILINE), terminal
    assert shell.out("bash", "-c", script) == terminal
    assert shell.out("bash", "-lc", script) == terminal


def test_ssh_prints_nothing_of_its_own(shell):
    for remote in (("true",), ("sh", "-c", "exit 7")):
        assert own_lines(shell.call(*remote).stderr) == []


def test_exit_status_and_both_streams_arrive(shell):
    done = shell.call("sh", "-c", "cat; echo error >&2; exit 7", input="typed")
    assert (done.returncode, done.stdout) == (7, "typed")
    assert "error" in done.stderr
    assert "the end" not in done.stderr


def test_scp_copies_folders_both_ways(shell, folder):
    assert shell.run("scp", "-rq", folder, f"{shell.host}:notebooks/{folder}").returncode == 0
    assert_same(shell, folder, f"notebooks/{folder}")
    assert shell.run("scp", "-rq", f"{shell.host}:notebooks/{folder}", f"{folder}/back").returncode == 0
    assert_same(shell, f"{folder}/back", f"notebooks/{folder}")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_scp_carries_a_gigabyte_both_ways_unchanged(shell, folder):
    shell.run("sh", "-ec", f"head -c 1000000000 /dev/urandom >{folder}/big", timeout=300)
    try:
        for ways in ((f"{folder}/big", f"{shell.host}:big"), (f"{shell.host}:big", f"{folder}/back")):
            assert shell.run("scp", "-q", *ways, timeout=300).returncode == 0
        sums = {shell.run("sha256sum", f"{folder}/{name}").stdout.split()[0] for name in ("big", "back")}
        assert sums == {shell.out("sha256sum", "big").split()[0]}
    finally:
        shell.out("rm", "-f", "big")


def test_sftp_puts_and_gets(shell, folder):
    batch = f"mkdir sftp\ncd sftp\nput -r {folder}\nget -r {folder} {folder}/back\nrename {folder} here\nls\n"
    done = shell.run("sftp", "-b", "-", shell.host, input=batch)
    assert done.returncode == 0, done
    assert_same(shell, f"{folder}/back", "sftp/here")


def test_rsync_brings_only_what_has_changed(shell, folder):
    assert shell.run("rsync", "-a", f"{folder}/", f"{shell.host}:rsync").returncode == 0
    assert_same(shell, folder, "rsync")
    shell.out("sh", "-c", "echo changed >rsync/one")
    done = shell.run("rsync", "-ai", "--checksum", f"{shell.host}:rsync/", folder)
    changed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith(">f")]
    assert (done.returncode, changed) == (0, ["one"])


def test_git_clones_and_pushes(shell, folder):
    identity = "git config --global user.email a@b; git config --global user.name A"
    shell.out("sh", "-ec", f"{identity}; git init -qb main repo; cd repo; echo 1 >file; git add .; git commit -qm one")
    script = (
        f"{identity}; cd {folder}; git clone -q {shell.host}:repo clone; cd clone; cat file; git checkout -qb mine; "
        "echo 2 >file; git commit -qam two; git push -q origin mine"
    )
    done = shell.run("sh", "-ec", script)
    assert (done.returncode, done.stdout) == (0, "1\n"), done
    assert shell.out("git", "-C", "repo", "show", "mine:file") == "2\n"


def test_forwards_lead_to_an_http_server_and_to_a_socket_in_the_job(shell):
    serve = "cd; mkdir -p web; echo found >web/page; exec python3 -m http.server -b 127.0.0.1 -d web 28080"
    forwards = ("-L", "127.0.0.1:28080:127.0.0.1:28080", "-L", "127.0.0.1:28081:/tmp/web.sock")
    relay = (
        "import socket; s = socket.socket(socket.AF_UNIX); s.bind('/tmp/web.sock'); s.listen(); "
        "s.accept()[0].send(b'hello')"
    )
    with (
        shell.background(shell.host, serve),
        shell.background(shell.host, f'exec python3 -c "{relay}"'),
        shell.background("-N", *forwards, shell.host),
    ):
        fetch = ("curl", "-sS", "-m", "20", "http://127.0.0.1:28080/page")
        wait_for(lambda: shell.run(*fetch).stdout == "found\n", 60, "the page")
        hear = ("python3", "-c", "import socket; print(socket.create_connection(('127.0.0.1', 28081)).recv(9))")
        assert "hello" in shell.run(*hear).stdout


@pytest.mark.slow
def test_twenty_connections_at_once_are_all_served(shell):
    script = f"for i in $(seq 20); do ssh {shell.host} 'sleep 3; echo $((100 + '$i'))' & done; wait"
    done = shell.run("sh", "-c", script, timeout=240)
    assert sorted(done.stdout.split()) == [str(100 + number) for number in range(1, 21)], done
    shell.wait_nothing_left()


def test_one_connection_ends_alone_and_leaves_nothing_on_the_access_point(shell):
    with shell.background(shell.host, "echo it is up; exec sleep 1000") as other:
        wait_for(lambda: "it is up" in other.stdout.readline(), 30, "the command")
        before = shell.left_on_ap()
        for _ in range(3):
            shell.out("true")
        wait_for(lambda: shell.left_on_ap().count("\n") <= before.count("\n"), 60, "the others to have gone")
        assert other.poll() is None
    shell.wait_nothing_left()


def test_laptop_that_loses_its_ssh_leaves_nothing_but_a_background_program_in_the_job(shell):
    mark = f"/tmp/{secrets.token_hex(4)}"
    script = f"nohup sh -c 'while sleep 1; do date >{mark}; done' >/dev/null 2>&1 & "
    script += f"until [ -e {mark} ]; do sleep 0.1; done; echo it is up; cat"
    with shell.background(shell.host, script, stdin=-1) as running:
        wait_for(lambda: "is up" in running.stdout.readline(), 30, "the command")
    shell.wait_nothing_left()  # it was killed
    shell.out("rm", "-f", mark)
    wait_for(lambda: shell.call("test", "-e", mark).returncode == 0, 30, "the program that was left to run")


def test_vs_code_finds_its_server_again_after_a_lost_connection(shell):
    """Do what Remote-SSH does: a script for bash on standard input, a forward, and the same again."""
    script = """
cd ~; mkdir -p .server; cd .server
if ! kill -0 "$(cat pid 2>/dev/null)" 2>/dev/null; then
  nohup python3 -uc 'import http.server as h
s = h.ThreadingHTTPServer(("127.0.0.1", 0), h.SimpleHTTPRequestHandler)
print(s.server_port); s.serve_forever()' >port 2>/dev/null </dev/null & echo $! >pid
fi
while ! [ -s port ]; do sleep 0.1; done
echo "listeningOn==$(cat port)== pid==$(cat pid)=="
"""

    def bootstrap():
        done = shell.call(options=("-T", "-o", "ConnectTimeout=30"), input=script)
        return next(line for line in done.stdout.splitlines() if line.startswith("listeningOn"))

    def loads(way):
        with shell.background("-N", *way, shell.host) as tunnel:
            page = ["curl", "-sS", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}"]
            proxy = ["-x", "socks5h://127.0.0.1:28090"] if "-D" in way else []
            where = f"http://127.0.0.1:{port if proxy else 28091}/port"
            wait_for(lambda: shell.run(*page, *proxy, where).stdout == "200", 60, f"{way} to lead to the server")
            assert tunnel.poll() is None

    first = bootstrap()
    port = first.split("==")[1]
    loads(("-D", "127.0.0.1:28090"))
    loads(("-L", f"127.0.0.1:28091:127.0.0.1:{port}"))
    assert bootstrap() == first


def test_host_key_that_is_not_the_sessions_is_refused(shell):
    right = shell.session.ad()["JupyterHostKey"]
    wrong = shell.run("sh", "-c", "cut -d' ' -f1,2 ~/.ssh/jupyter.pub").stdout.strip()
    edit = ("condor_qedit", shell.session.job, "JupyterHostKey")
    try:
        shell.session.ap(*edit, f'"{wrong}"', check=True)
        done = shell.call("echo", "in")
        assert (done.returncode, done.stdout) == (255, "")
        assert "verification failed" in done.stderr
    finally:
        shell.session.ap(*edit, f'"{right}"', check=True)
    assert shell.out("echo", "in") == "in\n"


def test_another_key_and_another_user_are_refused(shell):
    shell.run("sh", "-c", "sed 's|~/.ssh/jupyter$|~/.ssh/id_ed25519|' ~/.ssh/jupyter_config >~/.ssh/other_key")
    done = shell.call("echo", "in", options=("-F", f"/home/{shell.user}/.ssh/other_key"))
    assert (done.returncode, done.stdout) == (255, "")
    assert "Permission denied (publickey)" in done.stderr
    done = SecureShell(shell.session, "bob").call("echo", "in")
    assert (done.returncode, done.stdout) == (255, "")
    assert "is not yours" in done.stderr
    assert shell.call("echo", "in", options=("-l", "root")).returncode == 255
