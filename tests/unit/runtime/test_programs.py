"""What a command line is taken for."""

import pytest

from jupyter_session.activity.programs import format_label, is_monitor, is_ours, is_shell


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("/usr/bin/top -b", "top"),
        ("python3 train.py --password secret", "python train.py"),
        ("/opt/env/bin/python3.12 -u -W ignore /home/a/train.py x", "python train.py"),
        ("python -m torch.distributed.run --nproc 2", "python -m torch.distributed.run"),
        ("python -c secret", "python"),
        ("-bash", "bash"),
        ("bash -o pipefail run.sh secret", "bash run.sh"),
        ("sh -c secret", "sh"),
        ("env SECRET=1 python", "env python"),
        ("curl -H secret", "curl"),
        ("", ""),
        ("a\nb", "a?b"),
        ("x" * 50, "x" * 39 + "…"),
    ],
)
def test_a_program_is_named_without_the_arguments_that_may_be_secret(line, shown):
    assert format_label(line.split(" ")) == shown


@pytest.mark.parametrize(
    "line",
    [
        "watch -n1 nvidia-smi",
        "/usr/bin/htop",
        "python /opt/bin/tensorboard --logdir x",
        "python3.11 -m tensorboard.main --logdir x",
        "tensorboard --logdir x",
        "python -m nvitop",
        "python gpustat.py",
        "tail -f log",
    ],
)
def test_what_only_watches_is_a_monitor(line):
    assert is_monitor(line.split())


@pytest.mark.parametrize(
    "line",
    [
        *("python train.py", "python", "bash", "make top", "python -c top", "", "topaz"),
        *("python top.py", "python3 ./watch.py", "bash more", "Rscript tail"),  # the user's own
    ],
)
def test_what_works_is_no_monitor(line):
    assert not is_monitor(line.split(" "))


@pytest.mark.parametrize(
    ("line", "shell"),
    [("-bash", True), ("sh -l -i", True), ("bash -i", True), ("bash run.sh", False), ("python", False), ("zsh", True)],
)
def test_a_shell_at_its_prompt_is_told_from_one_with_a_script(line, shell):
    assert is_shell(line.split()) is shell


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        ("/opt/jupyter/bin/python3 /usr/local/bin/jupyter-session wait --port 1", True),
        ("jupyter-session run", True),
        ("/opt/jupyter/bin/python3 -I -S /opt/jupyter/lib/session/wait_for_supervisor.py 12", True),
        ("/opt/jupyter/bin/python3 -I -m jupyter_session.session.sudden_end 3 9", True),
        ("python3 watchdog.py", False),
        ("/opt/jupyter/bin/python -I -m jupyter_session.tmux.terminal /usr/bin/tmux attach", True),
        ("/usr/bin/tmux -u attach", True),
        ("sshd: user", True),
        ("condor_nsenter -t 1", True),
        ("python train.py", False),
        ("sh -l -i", False),
    ],
)
def test_the_sessions_own_programs_are_known(line, ours):
    assert is_ours(line.split()) is ours


@pytest.mark.parametrize("argv", [("sshd-session: jupyter@pts/0",), ("sshd-session: jupyter [priv]",), ("sshd: a",)])
def test_server_of_ssh_is_the_sessions_own_and_what_it_starts_is_not(argv):
    assert is_ours(argv)
    assert not is_ours(("/usr/lib/openssh/sftp-server",))
