"""Lab's terminal, for accounts that have no shell of their own."""

import pytest

from support.browser.lab import Lab

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize(
    ("shared", "account"),
    [
        pytest.param("ready_session", "slot", marks=pytest.mark.xdist_group("ready_session")),
        pytest.param(
            "session_as_nobody", "nobody", marks=[pytest.mark.slow, pytest.mark.xdist_group("session_as_nobody")]
        ),
    ],
    ids=["slot", "nobody"],
)
def test_lab_terminal_works_as_the_account_the_job_runs_as(request, page, shared, account):
    session = request.getfixturevalue(shared)
    terminal = Lab(page, session.tunnel().url()).open_terminal()
    terminal.type("echo $(id -un) $SHELL $PWD")
    terminal.wait_for("/bin/bash")
    said = next(line for line in terminal.text.splitlines() if line.endswith("/notebooks"))
    assert said.startswith(account)
