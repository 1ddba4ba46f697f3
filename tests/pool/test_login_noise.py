"""What a login prints, and what its PATH has: never a reason, and never the end of it."""

import pytest

from support.hosts import login_shell
from support.own_sshd import own_sshd, ssh_config

#: They change what carol has at the laptop, so one runs after another.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("carol")]

WORDS = (
    "Permission denied",
    "Idle sessions are timed out",
    "/scratch is unreachable",
    "Host key verification failed.",
    "alice@ap: Permission denied (publickey).",
    "No space left on device",
    "bash: line 1: python3: command not found",
    "ssh: Could not resolve hostname ap: Name or service not known",
    "ssh: connect to host ap port 22: Connection timed out",
    "Authenticated to ap ([10.0.0.1]:22) using x",
)
TEXT = "".join(f"{word}\n" for word in ("*****", *WORDS, "*****"))
#: Folders of links to all commands but some.
WITHOUT = "d=/tmp/{name}; rm -rf $d; mkdir $d; ln -s /usr/bin/* /usr/sbin/* $d/ 2>/dev/null; cd $d; rm -f {gone}"


@pytest.fixture
def carol(new_laptop, pool):
    """Yield a user whose access point is an sshd with a banner that could be taken for a reason."""
    laptop = new_laptop("carol", ap="noisy")
    for name, gone in (("nopy", "python3*"), ("nocondor", "condor*")):
        pool.exec("ap", ["sh", "-c", WITHOUT.format(name=name, gone=gone)], check=True)
    with own_sshd(pool, banner=TEXT) as sshd:
        text = f"Host noisy\n HostName ap\n HostKeyAlias ap\n Port {sshd.port}\n"
        with ssh_config(pool, "carol", text):
            yield laptop


def noise(stream, *, end=True):
    lines = ["printf '%s\\n' '{}' {}".format(word.replace("'", ""), stream) for word in WORDS]
    return "; ".join(lines if end else [*lines, f"printf 'no line end: unreachable' {stream}"])


NOISES = {
    "nothing": "",
    "stdout": noise(""),
    "stderr": noise(">&2"),
    "stdout without a line end": noise("", end=False),
    "stderr without a line end": noise(">&2", end=False),
}


@pytest.mark.parametrize("kind", NOISES)
def test_noise_of_a_login_changes_nothing(carol, pool, kind):
    """R23."""
    for path in ("", "export PATH=/tmp/nopy", "export PATH=/tmp/nocondor"):
        with login_shell(pool, "carol", f"{NOISES[kind]}\n{path}"):
            done = carol.call("list", "--ap", "noisy")
        assert done.returncode == 0, done


@pytest.mark.parametrize(
    ("fake", "part"), [("/dev/null", "has no python3, neither"), ("/bin/false", "no python3 that is 3.9 or newer")]
)
def test_access_point_without_a_python_that_will_do_says_so(new_laptop, pool, fake, part):
    """R23."""
    laptop = new_laptop("carol", ap="bare")
    hide = f"for p in /usr/bin/python3*; do mount --bind {fake} $p; done; exec "
    with (
        own_sshd(pool, inside=("unshare", "-m", "sh", "-c", f'{hide} "$@"', "sh")) as sshd,
        ssh_config(pool, "carol", f"Host bare\n HostName ap\n HostKeyAlias ap\n Port {sshd.port}\n"),
    ):
        done = laptop.call("list", "--ap", "bare")
    assert done.returncode == 13, done
    assert part in done.stderr


def test_shell_that_another_one_replaces_gets_nothing_to_run_and_is_told(carol, pool):
    """R23: `exec zsh` in a startup file."""
    mark = f"/tmp/{carol.name}-ran"
    with login_shell(pool, "carol", f"exec sh -c 'cat >{mark}; exec sh {mark}'"):
        done = carol.call("list", "--ap", "noisy", timeout=150)
    assert done.returncode == 10, done
    assert "accepted the login, but runs no command" in done.stderr
    assert "accepted the login; waiting for its login shell" in done.stderr
    assert set(carol.on_ap("cat", mark).splitlines()) <= {"exit 97"}


@pytest.mark.parametrize(
    ("line", "part"), [("exit 3", "exit status 3"), ("echo no room here >&2; exit 1", "no room here")]
)
def test_startup_file_that_ends_the_login_is_the_reason_and_the_banner_is_not(carol, pool, line, part):
    with login_shell(pool, "carol", line):
        done = carol.call("list", "--ap", "noisy")
    assert done.returncode == 1, done
    assert part in done.stderr


def test_host_without_htcondor_says_where_it_was_looked_for(new_laptop, pool):
    """R17."""
    laptop = new_laptop("carol", ap="bare")
    hidden = "mount --bind /dev/null /usr/bin/condor_submit; exec "
    with (
        own_sshd(pool, inside=("unshare", "-m", "sh", "-c", f'{hidden} "$@"', "sh")) as sshd,
        ssh_config(pool, "carol", f"Host bare\n HostName ap\n HostKeyAlias ap\n Port {sshd.port}\n"),
    ):
        done = laptop.call("list", "--ap", "bare")
        assert done.returncode == 14, done
        for place in ("condor_submit in PATH", "/usr/local/bin", "/opt/*/condor*/bin", "the PATH of a login"):
            assert place in done.stderr
        own = "/home/carol/own/bin"
        laptop.on_ap("mkdir", "-p", own)
        laptop.on_ap("sh", "-c", f"ln -s /usr/bin/condor_q {own}/; cp /bin/true {own}/condor_submit")
        profile = pool.path("ap", "/home/carol/.bash_profile")
        profile.write_text(f"echo welcome; PATH=$PATH:{own}\n")
        try:
            assert laptop.call("list", "--ap", "bare").returncode == 0
        finally:
            profile.unlink()


#: Hides HTCondor's commands and Python where they usually are.
HIDE = "for p in /usr/bin/condor_* /usr/bin/python3*; do mount --bind /dev/null $p; done; exec "
#: Copies them to a folder where nobody looks.
COPY = "mkdir -p {0}; for p in /usr/bin/condor_* /usr/bin/python3; do cp -L $p {0}/; done"


def test_python_and_htcondor_are_found_in_folders_that_the_user_names(new_laptop, pool):
    laptop, own = new_laptop("carol", ap="hidden"), "/home/carol/own-tools"
    laptop.on_ap("sh", "-c", COPY.format(own))
    with (
        own_sshd(pool, inside=("unshare", "-m", "sh", "-c", f'{HIDE} "$@"', "sh")) as sshd,
        ssh_config(pool, "carol", f"Host hidden\n HostName ap\n HostKeyAlias ap\n Port {sshd.port}\n"),
    ):
        assert "`chtc-jupyter config ap_path FOLDER`" in laptop.call("list", "--ap", "hidden").stderr
        assert laptop.call("config", "ap_path", "own-tools").returncode == 2
        assert laptop.call("config", "ap_path", "/nowhere:~/own-tools").returncode == 0
        running = laptop.start()
        assert laptop.answers(running.url())
        for verb in ("list", "status"):
            done = laptop.call(verb)
            assert done.returncode == 0, done
        # ssh_config has put a file of its own in the place of the user's.
        lines = laptop.call("ssh-config").stdout
        pool.put("laptop", f"{laptop.home}/ssh", lines.encode(), "carol")
        inside = ["ssh", "-F", f"{laptop.home}/ssh", f"jupyter-{laptop.name}", "ls"]
        entered = pool.exec("laptop", inside, user="carol", env=laptop.env, timeout=90)
        assert "notebooks" in entered.stdout.split(), entered
        attached = laptop.run_on("attach", laptop.name, tty=True)
        attached.wait_for("ServerApp")
        assert laptop.call("stop", laptop.name).returncode == 0


#: Has an old python3 where one is looked for first. NEW has one that will do where some people install theirs.
OLD = "mount --bind /home/carol/old /usr/bin/python3; mount --bind /home/carol/old /usr/bin/python3.11; exec "
NEW = (
    "mkdir -p miniconda3/bin; cp -L /usr/bin/python3 miniconda3/bin/; printf '#!/bin/sh\\nexit 1\\n' >old; chmod +x old"
)


@pytest.mark.slow
def test_all_that_runs_on_the_access_point_runs_by_the_python_that_was_found(new_laptop, pool):
    laptop = new_laptop("carol", ap="aged")
    laptop.on_ap("sh", "-c", NEW)
    try:
        with (
            own_sshd(pool, inside=("unshare", "-m", "sh", "-c", f'{OLD} "$@"', "sh")) as sshd,
            ssh_config(pool, "carol", f"Host aged\n HostName ap\n HostKeyAlias ap\n Port {sshd.port}\n"),
        ):
            running = laptop.start()
            assert laptop.answers(running.url())
            log = laptop.on_ap("sh", "-c", f"cat {laptop.folder}/jupyter-*.log")
            numbers = [line[:3] for line in log.splitlines() if line.startswith(("001", "010", "011"))]
            assert numbers == ["001", "010", "011"]  # the early way in
            pool.put("laptop", f"{laptop.home}/some.sif", b"image", "carol")
            pushed = laptop.call(
                "image", "push", f"{laptop.home}/some.sif", f"{laptop.folder}/some.sif", "--ap", "aged"
            )
            assert pushed.returncode == 0, pushed
            said = laptop.call("stop", laptop.name)
            assert said.returncode == 0, said
            assert "The notebooks are on aged, in" in said.stdout + said.stderr, said
    finally:
        laptop.on_ap("rm", "-rf", "miniconda3", "old")
