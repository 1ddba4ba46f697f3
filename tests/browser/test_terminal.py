"""Lab's terminal, for accounts that have no shell of their own."""

import pytest

from support.browser.lab import Lab

#: What the pool's slot for such jobs wants; it is a small one.
NOBODY = ("My.WantNobody = true", "request_memory = 1GB", "request_disk = 1GB")

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize(("lines", "account"), [((), "slot"), (NOBODY, "nobody")], ids=["slot", "nobody"])
def test_lab_terminal_works_as_the_account_the_job_runs_as(new_session, page, lines, account):
    session = new_session().submit("", *lines)
    session.ready()
    terminal = Lab(page, session.tunnel().url()).open_terminal()
    terminal.type("echo $(id -un) $SHELL $PWD")
    terminal.wait_for("/bin/bash")
    said = next(line for line in terminal.text.splitlines() if line.endswith("/notebooks"))
    assert said.startswith(account)
