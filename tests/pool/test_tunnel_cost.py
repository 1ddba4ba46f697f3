"""What an open session costs the access point in processes and memory, beside its shadow."""

import re
from dataclasses import dataclass

from support.waiting import wait_for

#: Processes, and MB of memory that the next tunnel would take, too: programs and libraries are shared.
MOST, MEMORY = 5, 10
_SHELL = "ps -eo pid=,ppid=,sid=,args= -ww"


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    session: int
    line: str


def list_tunnel(pool, tag):
    """Return the processes on the access point of the connection with this tag."""
    rows = (line.split(None, 3) for line in pool.exec("ap", ["sh", "-c", _SHELL]).stdout.splitlines())
    found = {int(pid): Process(int(pid), int(parent), int(session), line) for pid, parent, session, line in rows}
    (agent,) = (one for one in found.values() if tag in one.line and re.match(r"\S*python3\S* -IS ", one.line))
    own = [one for one in found.values() if one.session == agent.pid or (tag in one.line and "reaper" in one.line)]
    above = agent
    while (above := found.get(above.parent)) and above.line.startswith("sshd-session:"):
        own.append(above)
    return own


def measure(pool, processes):
    """Return the MB that processes have written, each for itself."""
    total = 0
    for one in processes:
        text = pool.path("ap", f"/proc/{one.pid}/smaps_rollup").read_text()
        total += sum(int(size) for size in re.findall(r"^Private_Dirty: +(\d+) kB", text, re.MULTILINE))
    return total * 1024 / 1e6


def test_tunnel_is_five_processes_and_ten_megabytes(new_laptop):
    laptop = new_laptop()
    running = laptop.start()
    assert laptop.answers(running.url())
    (tag,) = set(running.tags())

    def tell():
        return "\n".join(one.line[:150] for one in list_tunnel(laptop.pool, tag))

    wait_for(lambda: len(list_tunnel(laptop.pool, tag)) <= MOST, 30, tell)
    processes = list_tunnel(laptop.pool, tag)
    assert [one for one in processes if one.line.startswith("ssh ")], tell()
    assert measure(laptop.pool, processes) <= MEMORY, tell()

    running.interrupt()
    assert running.wait_end() == 0
    wait_for(lambda: not laptop.left_on_ap(tag), 30, lambda: laptop.left_on_ap(tag))


def test_tunnel_ends_with_its_agent_although_what_opened_it_is_gone(new_laptop):
    laptop = new_laptop()
    running = laptop.start()
    running.url()
    (tag,) = set(running.tags())
    wait_for(lambda: len(list_tunnel(laptop.pool, tag)) <= MOST, 30, "the tunnel to be alone")
    (ssh,) = (one for one in list_tunnel(laptop.pool, tag) if one.line.startswith("ssh "))
    laptop.on_ap("pkill", "-KILL", "-f", f"^[^ ]*python3[^ ]* -IS .*{tag}")
    wait_for(lambda: not laptop.pool.path("ap", f"/proc/{ssh.pid}").exists(), 30, "the old tunnel to end")
    wait_for(lambda: laptop.answers(running.url()), 60, "a new tunnel")
