"""The shell scripts of `ssh jupyter-JOB`, run here with stand-ins for HTCondor's commands."""

import os
import shutil
import subprocess

import pytest

from chtc_jupyter.ssh import entry

KEY = ("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIMjsJ+aoLHWA5GyjkatVv1")
QUEUE = "#!/bin/sh\necho {owner} {status} {published}\n"
#: The schedd knows the user by this name.
PING = "#!/bin/sh\necho WRITE command using '(AES, AES, and FS)' succeeded as mapped@pool to local schedd.\n"
#: Ends as HTCondor's does: the part in the job says that it has ended, and the command goes on.
JOB = "#!/bin/sh\necho SSH-2.0-hello\necho from the job >&2\necho jupyter-session sshd: the end >&2\nexec sleep 600\n"
#: Lets nobody in yet.
TOO_EARLY = "#!/bin/sh\necho 'Failed. (Use -auto-retry to keep trying.)' >&2\nexit 1\n"


def enter(
    folder, shell, *, status=2, job=JOB, owner="$(id -un)", go=(), published="ready ssh-ed25519 AAAAhost", **options
):
    queue = QUEUE.format(status=status, owner=owner, published=published)
    for name, text in (("condor_q", queue), ("condor_ssh_to_job", job), ("condor_ping", PING)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return subprocess.run(
        [shell, "-c", entry.ENTER_JOB, "jupyter-999999.0", *KEY, *go],
        env={"PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        start_new_session=True,
        **options,
    )


@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
def test_a_connection_prints_what_the_job_prints_and_nothing_of_the_shells_own(tmp_path, shell):
    if not shutil.which(shell):
        pytest.skip(f"no {shell} here")
    done = enter(tmp_path, shell)
    assert done.stdout == "\nssh-ed25519 AAAAhost\nSSH-2.0-hello\n"
    assert done.stderr == "from the job\n"


def test_what_was_sent_for_another_shell_does_not_reach_the_job(tmp_path):
    job = "#!/bin/sh\ncat\necho jupyter-session sshd: the end >&2\n"
    sent = f"exit 97\nexit 97\n{entry.GO}\nSSH-2.0-laptop\n"
    assert enter(tmp_path, "sh", job=job, go=(entry.GO,), input=sent).stdout.endswith("AAAAhost\nSSH-2.0-laptop\n")
    assert enter(tmp_path, "sh", job=job, input="SSH-2.0-laptop\n").stdout.endswith("AAAAhost\nSSH-2.0-laptop\n")


def test_a_job_that_does_not_run_is_refused_in_one_sentence(tmp_path):
    done = enter(tmp_path, "sh", status=1)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "ssh cannot connect: job 999999.0 is not running. Run condor_q 999999.0 on the access point for details.\n"
    )


def test_a_job_of_somebody_else_is_refused_to_a_queue_superuser_too(tmp_path):
    done = enter(tmp_path, "sh", owner="somebody")
    assert (done.returncode, done.stdout) == (1, "")
    assert "job 999999.0 is not yours" in done.stderr


def test_a_user_whom_the_schedd_knows_by_another_name_gets_into_their_job(tmp_path):
    assert enter(tmp_path, "sh", owner="mapped").stdout.startswith("\nssh-ed25519 AAAAhost\n")


@pytest.mark.parametrize(("owner", "status"), [("$(id -un)", 0), ("mapped", 0), ("somebody", 1), ("", 1)])
def test_tmux_of_the_own_job_alone_is_attached(tmp_path, owner, status):
    job = '#!/bin/sh\ncase "$5" in "set -- jupyter-session;"*"exec "*" attach") echo attached $4; esac\n'
    for name, text in (("condor_q", f"#!/bin/sh\necho {owner}\n"), ("condor_ping", PING), ("condor_ssh_to_job", job)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", entry.ATTACH_JOB, "12.0"], env={"PATH": path}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (status, "" if status else "attached 12.0\n")


def test_a_job_that_lets_nobody_in_yet_is_tried_again(tmp_path):
    (tmp_path / "sleep").write_text(f"#!/bin/sh\necho >>{tmp_path}/sleeps\n")
    (tmp_path / "sleep").chmod(0o755)
    done = enter(tmp_path, "sh", job=TOO_EARLY)
    assert done.stderr == (
        "ssh cannot connect: HTCondor does not let anyone into job 999999.0 yet. Try again in some seconds.\n"
    )
    assert (tmp_path / "sleeps").read_text().count("\n") == 20


@pytest.mark.parametrize("published", ["undefined undefined", "starting undefined"])
def test_a_job_that_can_not_publish_its_host_key_is_asked_for_it_and_no_other(tmp_path, published):
    asked = '#!/bin/sh\ncase "$*" in *--json*) echo \'"host_key": "ssh-ed25519 AAAAinside",\'; exit ;; esac\n'
    done = enter(tmp_path, "sh", published=published, job=asked + JOB)
    mute = published.startswith("undefined")
    assert done.stdout.startswith("\nssh-ed25519 AAAAinside\n" if mute else "\nundefined")


@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
def test_session_is_the_command_in_the_path_or_else_nothing_where_no_container_is_found(tmp_path, shell):
    if not shutil.which(shell):
        pytest.skip(f"no {shell} here")
    say = f"{entry.INTO_SESSION}; echo [ $* ]"

    def ask(path):
        variables = {"PATH": path, "_CONDOR_JOB_PIDS": str(os.getpid())}
        return subprocess.run([shell, "-c", say], env=variables, capture_output=True, text=True, check=False).stdout

    assert ask(os.environ["PATH"]) == "[ ]\n"
    (tmp_path / "jupyter-session").write_text("#!/bin/sh\n")
    (tmp_path / "jupyter-session").chmod(0o755)
    assert ask(f"{tmp_path}:{os.environ['PATH']}") == "[ jupyter-session ]\n"
