"""Why an ssh ended: told by its own lines and exit status, whatever a login prints."""

import pytest

from chtc_jupyter.errors import HostKeyError, LauncherError, LoginError, PythonError, UnreachableError, UsageError
from chtc_jupyter.ssh.failures import Evidence, Retry, diagnose_failure, printable

CHANGED = "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.\n"
DENIED = "alice@ap: Permission denied (publickey,keyboard-interactive).\n"
UNREACHED = "ssh: connect to host jumpbox port 22: Connection timed out\n"
CLOSED = "kex_exchange_identification: Connection closed by remote host\nConnection closed by UNKNOWN port 65535\n"
#: What banners say, among it each line that could be taken for ssh's own.
BANNERS = (
    "",
    "***\n Permission denied to anybody else.\n Idle sessions are timed out.\n /scratch is unreachable.\n***\n",
    "Host key verification failed.\nalice@ap: Permission denied (publickey).\n",
    "No space left on device\nbash: python3: command not found\nssh: Could not resolve hostname ap: No\n",
    CHANGED,
    "no line end, connection refused",
)


@pytest.mark.parametrize(
    ("stderr", "kind", "retry"),
    [
        ("ssh: Could not resolve hostname x: Name or service not known", UnreachableError, Retry.SOON),
        ("ssh: connect to host ap port 22: Connection timed out", UnreachableError, Retry.SOON),
        ("ssh: connect to host ap port 22: Connexion refus\u00e9e", UnreachableError, Retry.SOON),
        ("Connection timed out during banner exchange", UnreachableError, Retry.LATER),
        ("Connection closed by 10.0.0.1 port 22", UnreachableError, Retry.LATER),
        (DENIED, LoginError, Retry.AFTER_LOGIN),
        ("Permission denied (publickey).", LoginError, Retry.AFTER_LOGIN),
        (
            "Received disconnect from ::1 port 22:2: Too many authentication failures\nDisconnected from ::1 port 22",
            LoginError,
            Retry.AFTER_LOGIN,
        ),
        (CHANGED, HostKeyError, Retry.NEVER),
        ("Host key verification failed.", HostKeyError, Retry.NEVER),
        ("/home/a/.ssh/config: line 1: Bad configuration option: x", UsageError, Retry.NEVER),
    ],
)
@pytest.mark.parametrize("banner", [banner for banner in BANNERS if banner != CHANGED and banner[-1:] in ("", "\n")])
def test_failed_way_is_told_by_the_last_line_alone(banner, stderr, kind, retry):
    failure = diagnose_failure("alice@ap", Evidence(255, banner + stderr))
    assert isinstance(failure.error, kind)
    assert failure.retry is retry


@pytest.mark.parametrize("banner", BANNERS)
@pytest.mark.parametrize(
    ("status", "after", "kind"),
    [
        (127, "bash: line 1: exec: python3: not found\n", PythonError),
        (127, "bash: ligne 1: exec: python3: non trouv\u00e9\n", PythonError),
        (93, "", PythonError),
        (97, "zsh: command not found: SSH-2.0\n", UnreachableError),
        (
            127,
            "timed out\nbash: connect: Network is unreachable\nfish: Unknown command: python3\n",
            PythonError,
        ),
        (255, "timed out\n", UnreachableError),
        (1, "This account is currently not available.\n", LauncherError),
        (1, "", LauncherError),
    ],
)
def test_after_the_login_only_the_exit_status_counts(banner, status, after, kind):
    failure = diagnose_failure("ap", Evidence(status, banner, after, logged_in=True))
    assert type(failure.error) is kind, failure
    assert "***" not in str(failure.error)


@pytest.mark.parametrize("banner", BANNERS)
def test_login_shell_that_runs_nothing_is_said_to_be_the_reason_and_not_tried_again_by_itself(banner):
    failure = diagnose_failure("ap", Evidence(None, banner, "timed out\n", logged_in=True))
    assert "accepted the login, but runs no command" in str(failure.error)
    assert failure.retry is Retry.AFTER_LOGIN


@pytest.mark.parametrize(
    ("hops", "before", "retry", "part"),
    [
        (UNREACHED, CLOSED, Retry.SOON, "jumpbox port 22"),
        (DENIED, CLOSED, Retry.AFTER_LOGIN, "alice@ap, on the way to inner, refused"),
        (DENIED, f"Permission denied to anybody else.\n{CLOSED}", Retry.AFTER_LOGIN, "alice@ap, on the way"),
        ("Authenticated to b using x.\n" + UNREACHED, CLOSED, Retry.SOON, "can't be reached"),
        ("Authenticated to b using x.\nchannel 0: open failed: connect failed: No\n", CLOSED, Retry.LATER, "channel 0"),
        ("Authenticated to b using x.\n", "Connection to UNKNOWN port 65535 timed out\n", Retry.LATER, "can't be"),
        ("", "Connection to UNKNOWN port 65535 timed out\n", Retry.AFTER_LOGIN, "does not answer, or waits"),
        ("", CLOSED, Retry.AFTER_LOGIN, "does not answer, or waits"),
        ("", DENIED + CLOSED, Retry.AFTER_LOGIN, "alice@ap"),
        ("", UNREACHED + CLOSED, Retry.SOON, "jumpbox"),
        ("Host key verification failed.\n", CLOSED, Retry.NEVER, "host key"),
    ],
)
def test_host_on_the_way_is_heard_and_an_unknown_end_there_is_no_reason_to_knock_again(hops, before, retry, part):
    failure = diagnose_failure("inner", Evidence(255, before, has_hops=True, hops=hops))
    assert failure.retry is retry
    assert part in str(failure.error)


def test_host_key_names_the_host_that_has_it():
    said = "No ED25519 host key is known for jumpbox and you have requested strict checking.\n"
    failure = diagnose_failure(
        "inner", Evidence(255, CLOSED, has_hops=True, hops=f"{said}Host key verification failed.")
    )
    assert "the host key of jumpbox" in str(failure.error)


def test_nothing_that_a_server_says_reaches_the_terminal_raw():
    assert printable("a\x1b]0;x\x07b\r") == "a ]0;x b"
    assert "\x1b" not in str(diagnose_failure("ap", Evidence(1, "", "\x1b[2Jgone\n", logged_in=True)).error)
