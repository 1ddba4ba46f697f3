"""An access point whose sshd forbids what ssh's forwards, or other sessions of a connection, need."""

import pytest

from support.own_sshd import own_sshd, ssh_config
from support.waiting import wait_for

#: They change what carol has at the laptop, so one runs after another.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("carol")]

FORBIDS = {
    "TCP": ("AllowTcpForwarding no",),
    "sockets": ("AllowStreamLocalForwarding no",),
    "everything": ("DisableForwarding yes", "MaxSessions 1", "PermitTTY no", "PermitUserRC no"),
}
#: Makes a file in the notebooks folder and prints its checksum.
MAKE = "head -c 60000000 /dev/urandom >notebooks/big; sha256sum <notebooks/big"


@pytest.mark.parametrize("kind", FORBIDS)
def test_session_is_opened_and_carries_files_where_sshd_forbids_to_forward(new_laptop, pool, kind):
    laptop = new_laptop("carol", ap="strict")
    laptop.call("config", "image", "/srv/jupyter.sif")
    with (
        own_sshd(pool, *FORBIDS[kind]) as sshd,
        ssh_config(pool, "carol", f"Host strict\n HostName ap\n HostKeyAlias ap\n Port {sshd.port}\n"),
    ):
        running = laptop.start()
        url = running.url()
        assert laptop.answers(url)
        for verb in ("list", "status"):
            assert laptop.call(verb).returncode == 0
        made = laptop.inside("sh", "-c", MAKE).split()[0]
        line = "curl -sS -m 120 -K - | sha256sum"
        for address in (laptop.at("/files/big"), laptop.at("/files/big")):
            got = pool.exec("laptop", ["sh", "-c", line], user="carol", input=f'url = "{address}"', timeout=150)
            assert got.stdout.split()[0] == made, got
        checked = laptop.call("doctor", "--ap", "strict")
        assert checked.returncode == 0, checked
        assert "AllowStreamLocalForwarding yes" in checked.stdout
        [tag] = running.tags()
        pool.exec("laptop", ["pkill", "-9", "-u", "carol", "-f", f"^ssh .*{tag}"], check=True)
        wait_for(lambda: running.tags() not in ([], [tag]), 60, "another connection")
        wait_for(lambda: laptop.answers(url), 60, "the way to be back")
