"""The shell scripts of `ssh jupyter-JOB`, run here with stand-ins for HTCondor's commands."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from chtc_jupyter.ssh import entry

TEMPLATE = Path(__file__).parents[3] / "submit/ssh_config"

KEY = ("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIMjsJ+aoLHWA5GyjkatVv1")
QUEUE = "#!/bin/sh\necho {owner} {status} {published}\n"
#: The schedd knows the user by this name.
PING = "#!/bin/sh\necho WRITE command using '(AES, AES, and FS)' succeeded as mapped@pool to local schedd.\n"
#: Ends as HTCondor's does: the part in the job says that it has ended, and the command goes on.
JOB = "#!/bin/sh\necho SSH-2.0-hello\necho from the job >&2\necho jupyter-session sshd: the end >&2\nexec sleep 600\n"
#: Lets nobody in yet.
TOO_EARLY = "#!/bin/sh\necho 'Failed. (Use -auto-retry to keep trying.)' >&2\nexit 1\n"


def enter(folder, shell, *, status=2, job=JOB, owner="$(id -un)", go=(), published="ssh-ed25519 AAAAhost", **options):
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


def test_a_job_that_has_not_published_its_host_key_is_asked_for_it(tmp_path):
    answer = """echo '"host_key": "ssh-ed25519 AAAAinside",'"""
    asked = f'#!/bin/sh\ncase "$*" in *--json*) {answer}; ls -d $TMP >{tmp_path}/folder; exit ;; esac\n'
    done = enter(tmp_path, "sh", published="undefined", job=asked + JOB)
    assert done.stdout.startswith("\nssh-ed25519 AAAAinside\n")
    folder = (tmp_path / "folder").read_text().strip()
    assert folder.startswith("/tmp/jupyter-999999.0-")
    assert not Path(folder).exists()


@pytest.mark.parametrize(
    "script", [entry.ENTER_JOB, entry.PRINT_HOST_KEY, entry.ATTACH_JOB], ids=["enter", "key", "attach"]
)
@pytest.mark.parametrize("published", ["ssh-ed25519 AAAAhost", "undefined"])
def test_variables_of_the_user_are_not_taken_for_the_scripts_own(tmp_path, script, published):
    kept = tmp_path / "kept"
    kept.mkdir()
    programs = {"condor_q": QUEUE.format(owner="$(id -un)", status=2, published=published), "condor_ssh_to_job": JOB}
    if script != entry.ENTER_JOB:
        programs["condor_q"] = f"#!/bin/sh\necho {published if script == entry.PRINT_HOST_KEY else '$(id -un)'}\n"
        programs["condor_ssh_to_job"] = "#!/bin/sh\n"
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    own = dict.fromkeys("abcdefghijklmnopqrstuvwxyz", str(kept))
    done = subprocess.run(
        ["sh", "-c", script, "jupyter-999999.0" if script != entry.ATTACH_JOB else "999999.0", *KEY],
        env={**own, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        start_new_session=True,
    )
    assert kept.is_dir(), done
    assert "AAAAhost" in done.stdout or published == "undefined" or script == entry.ATTACH_JOB


def test_the_host_key_that_is_asked_for_is_one_of_the_present_start_of_the_job():
    """The schedd evaluates it: see tests/pool/test_chirp.py."""
    asked = "ifThenElse((JupyterStart ?: JobCurrentStartDate) =?= JobCurrentStartDate, JupyterHostKey, undefined)"
    assert f'"{asked}"' in entry.ENTER_JOB
    assert f'"{asked}"' in entry.PRINT_HOST_KEY


def test_a_queue_that_can_not_be_asked_is_not_a_job_that_does_not_run(tmp_path):
    (tmp_path / "condor_q").write_text("#!/bin/sh\necho Failed to fetch ads >&2\nexit 1\n")
    (tmp_path / "condor_q").chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    argv = ["sh", "-c", entry.ENTER_JOB, "jupyter-999999.0", *KEY]
    done = subprocess.run(argv, env=path, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Failed to fetch ads\nssh cannot connect: condor_q on the access point failed.")
    assert "not running" not in done.stderr


@pytest.mark.parametrize("place", ["usr/lib64/condor/bin", "home/condor-25/bin", "elsewhere/bin", "login"])
def test_commands_of_htcondor_are_found_where_the_agent_finds_them(tmp_path, place):
    where, home = tmp_path / place, tmp_path / "home"
    where.mkdir(parents=True)
    home.mkdir(exist_ok=True)
    (where / "condor_q").write_text("#!/bin/sh\n")
    (where / "condor_q").chmod(0o755)
    (tmp_path / "condor_config").write_text(f"# one\nRELEASE_DIR = {tmp_path}/elsewhere\n")
    if place == "login":
        (home / ".profile").write_text(f"echo welcome; PATH=$PATH:{where}\n")
    done = find_condor(tmp_path, CONDOR_CONFIG=f"{tmp_path}/condor_config")
    assert done.stdout.startswith(f"{where}/condor_q\n"), done
    assert "*" not in done.stdout


def find_condor(folder, **variables):
    """Run the script that finds HTCondor; return where it found it, and PATH."""
    script = entry.fold_script(entry.read_script("find_condor.sh")).replace(" /usr/lib*", f" {folder}/usr/lib*")
    return subprocess.run(
        ["sh", "-c", f"{script}; command -v condor_q; echo $PATH"],
        env={"PATH": "/usr/bin:/bin", "HOME": f"{folder}/home", "SHELL": "/bin/sh", **variables},
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=30,
    )


def test_what_a_startup_file_leaves_running_is_not_waited_for(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "condor_q").write_text("#!/bin/sh\n")
    (tmp_path / "condor_q").chmod(0o755)
    (tmp_path / "home/.profile").write_text(f"sleep 25 &\nPATH=$PATH:{tmp_path}\n")
    began = time.monotonic()
    assert find_condor(tmp_path, SHELL="/bin/sh").stdout.startswith(f"{tmp_path}/condor_q\n")
    assert time.monotonic() - began < 20


def test_a_login_that_has_no_path_is_not_the_current_folder(tmp_path):
    (tmp_path / "condor_q").write_text("#!/bin/sh\n")
    (tmp_path / "condor_q").chmod(0o755)
    done = find_condor(tmp_path, SHELL="/bin/false")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("There is no condor_q: not in the PATH of a login")


@pytest.mark.parametrize("inside", ["", "dash", "dash -s; bash", "bash --norc; dash", "read -r a; dash; dash; dash"])
def test_other_shells_take_nothing_that_stock_ssh_sends_into_the_job(tmp_path, inside):
    """Some shells, such as dash 0.5.12, take 8 KiB at once from what they share with the command after them."""
    if "dash" in inside and not shutil.which("dash"):
        pytest.skip("no dash here")
    # As the login shell of the access point: what the startup files do, and then the command.
    script = f'{inside}\nuntil [ "$line" = {entry.GO} ]; do read -r line || exit 1; done\n'
    done = run_stock_ssh(tmp_path, f"echo welcome\n{script}echo ssh-ed25519 AAAA\nexec cat\n")
    assert (done.stdout, done.stderr) == (b"SSH-2.0-laptop\n", b"")


@pytest.mark.parametrize(
    "first", ["ssh-ed25519 AAAA\\nSSH-2.0-job", "undefined undefined\\nSSH-2.0-job", "SSH-2.0-job"]
)
def test_stock_ssh_gets_what_comes_after_the_host_key_whether_or_not_there_is_one(tmp_path, first):
    done = run_stock_ssh(tmp_path, f"printf 'welcome\\n\\n{first}\\r\\n'; printf '\\000\\377'; exec cat >/dev/null\n")
    assert (done.stdout, done.stderr) == (b"SSH-2.0-job\r\n\0\xff", b"")


@pytest.mark.parametrize("script", ["exec cat >/dev/null", "exec cat", "echo welcome; exec cat"])
def test_stock_ssh_says_that_no_command_has_run(tmp_path, script):
    (tmp_path / "sleep").write_text("#!/bin/sh\nexec /bin/sleep 0.3\n")
    (tmp_path / "sleep").chmod(0o755)
    done = run_stock_ssh(tmp_path, f"sleep 20; sleep 20; {script}\n")
    assert done.stderr.startswith(b"No command has run on the access point for 20 s.")
    assert done.stderr.count(b"\n") == 1


def run_stock_ssh(folder, script):
    """Run the ProxyCommand of submit/ssh_config with a script for the access point."""
    (folder / "ssh").write_text(f"#!/bin/bash\n{script}")
    (folder / "ssh").chmod(0o755)
    found = re.search(r"ProxyCommand (.*)", TEMPLATE.read_text())
    assert found
    return subprocess.run(
        ["sh", "-c", found[1].replace("%n", "jupyter-1").replace("%%", "%")],
        env={"PATH": f"{folder}:{os.environ['PATH']}"},
        input=b"SSH-2.0-laptop\n",
        capture_output=True,
        check=False,
        timeout=60,
    )


def test_folders_that_the_user_names_come_first_in_path_and_nothing_else_does(tmp_path):
    (tmp_path / "own").mkdir()
    for name in ("condor_q", "condor_ping", "condor_ssh_to_job"):
        (tmp_path / "own" / name).write_text("#!/bin/sh\necho $(id -un) 2 ready ssh-ed25519 AAAAown\n")
        (tmp_path / "own" / name).chmod(0o755)
    for script, arguments in ((entry.ENTER_JOB, (*KEY, entry.GO)), (entry.PRINT_HOST_KEY, ())):
        done = subprocess.run(
            ["sh", "-c", script, "jupyter-9.0", *arguments, f"{tmp_path}/own", "elsewhere"],
            input=f"{entry.GO}\n",
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            start_new_session=True,
        )
        assert "ssh-ed25519 AAAAown\n" in done.stdout, done


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
