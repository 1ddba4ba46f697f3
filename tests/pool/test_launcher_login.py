"""A login that needs a typed answer: it is asked for once, by ssh itself, and never in a loop."""

import contextlib
import json
import secrets

import pytest

from support.waiting import assert_never, wait_for

#: They change what carol has at the laptop, so one runs after another.
pytestmark = pytest.mark.xdist_group("carol")

SSHD = """Port {port}
AuthenticationMethods keyboard-interactive
KbdInteractiveAuthentication yes
UsePAM yes
PerSourcePenalties no
PidFile {folder}/pid
"""


@pytest.fixture
def typed(pool):
    """Yield an access point, `typed`, where carol's logins need her password."""
    port, folder, password = 2000 + secrets.randbelow(1000), f"/run/typed-{secrets.token_hex(3)}", secrets.token_hex(8)
    pool.exec("ap", ["chpasswd"], input=f"carol:{password}\n", check=True)
    pool.put("ap", f"{folder}/config", SSHD.format(port=port, folder=folder).encode())
    config = f"Host typed\n HostName ap\n Port {port}\n HostKeyAlias ap\n"
    config += f" ControlMaster auto\n ControlPath {folder}-%C\n ControlPersist 5m\n"  # as many have it
    pool.put("laptop", "/etc/ssh/ssh_config.d/typed.conf", config.encode())
    start = ["/usr/sbin/sshd", "-f", f"{folder}/config", "-E", f"{folder}/log"]
    pool.exec("ap", start, check=True)
    yield Typed(pool, folder, start, password)
    with contextlib.suppress(Exception):
        pool.exec("ap", ["sh", "-c", f"kill $(cat {folder}/pid); rm -r {folder}"])
    pool.exec("laptop", ["rm", "/etc/ssh/ssh_config.d/typed.conf"])


class Typed:
    def __init__(self, pool, folder, start, password):
        self.pool, self.folder, self.start, self.password = pool, folder, start, password

    def attempts(self):
        """Return how many connections the access point has seen."""
        log = self.pool.path("ap", f"{self.folder}/log").read_text()
        return log.count("Connection closed by") + log.count("Accepted keyboard-interactive")

    def asked(self):
        return self.pool.path("ap", f"{self.folder}/log").read_text().count("Accepted keyboard-interactive")


def test_typed_login_is_asked_for_once_and_once_again_after_a_cut(new_laptop, typed, pool):
    laptop = new_laptop("carol", ap="typed")
    running = laptop.start(tty=True)
    running.wait_for("assword:")
    running.type(f"{typed.password}\n")
    url = running.url()
    for verb in ("list", "status", "logs"):  # over the connection that is there
        said = laptop.call(verb)
        assert said.returncode == 0, said.stderr
    assert typed.asked() == 1
    [tag] = running.tags()
    pool.exec("laptop", ["pkill", "-9", "-o", "-f", f"^ssh .*{tag}"], check=True)
    running.wait_for("typed needs you to log in again")
    assert "press Enter" in laptop.fetch(url, "-H", "Accept: text/html")
    before = typed.attempts()

    def tries():
        return typed.attempts() > before or "ssword" in running.read().partition("log in again")[2]

    assert_never(tries, 15, "it tries to log in although nobody has answered")
    running.type("\n")
    wait_for(lambda: running.read().count("assword:") == 2, 30, "ssh to ask")
    shown = running.read()
    assert_never(lambda: running.read() != shown, 4, "something is drawn over ssh's question")
    running.type(f"{typed.password}\n")
    wait_for(lambda: laptop.answers(url), 60, "the way to be back")
    assert json.loads(laptop.call("status", "--json").stdout)["state"] == "ready"
    assert typed.asked() == 2
    assert running.read().count("needs you to log in again") == 1
    assert typed.password not in running.output
