"""The connection to the agent: which of ssh's lines are the reason of a failure."""

import asyncio

import pytest

from chtc_jupyter.ssh.agent_client import AgentClient, LinkFailedError

SSH = """#!/bin/sh
cat >&2 <<END
OpenSSH_9.2p1 Debian-2+deb12u6, OpenSSL 3.0.19 27 Jan 2026
debug1: Connecting to ap [10.0.0.1] port 22.
Authenticated to ap ([10.0.0.1]:22) using "publickey".
bash: no home folder
Transferred: sent 3200, received 2900 bytes, in 0.1 seconds
Bytes per second: sent 32000.0, received 29000.0
END
exit 1
"""


def test_what_ssh_adds_with_v_is_never_the_reason_of_a_failure(tmp_path, monkeypatch):
    ssh = tmp_path / "ssh"
    ssh.write_text(SSH)
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(LinkFailedError) as caught:
        asyncio.run(AgentClient.open("ap"))
    assert str(caught.value) == "The agent on ap ended at once: bash: no home folder."
