"""Many sessions over one access point: none is in another's way, and an open one costs little."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.laptop import laptops
from support.waiting import wait_for

#: What a schedd logs of those who ask it something.
ASKED = ("QUERY_JOB_ADS", "GET_JOB_CONNECT_INFO", "QMGMT_READ_CMD", "QMGMT_WRITE_CMD")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_sessions_of_three_users_stand_side_by_side_and_ask_the_schedd_nothing(own_pool):
    debug = b"SCHEDD_DEBUG = D_COMMAND\n"
    own_pool.put("ap", "/etc/condor/config.d/90-debug", debug)
    own_pool.exec("ap", ["condor_reconfig"], check=True)
    with laptops(own_pool) as new:
        users = [("alice", "bob", "carol")[number % 3] for number in range(10)]
        given = [new(user) for user in users]
        running = [laptop.start("--memory", "1000MB", "--disk", "1GB") for laptop in given]
        with ThreadPoolExecutor() as side:
            urls = list(side.map(lambda one: one.url(400), running))
        assert len({url.partition("/chtc-jupyter")[0] for url in urls}) == 10
        for laptop, url in zip(given, urls, strict=True):
            assert laptop.answers(url)
        for user in set(users):
            mine = {laptop.name: laptop.job() for laptop in given if laptop.user == user}
            laptop = next(laptop for laptop in given if laptop.user == user)
            rows = laptop.call_json("list")
            assert {row["name"]: row["job"] for row in rows} == mine
            assert {row["state"] for row in rows} == {"ready"}
        wait_for(lambda: quiet(own_pool), 120, "ten seconds in which the schedd is asked nothing", every=0)
        print("\n" + cost(own_pool))


def quiet(pool):
    """Return whether nobody asks the schedd anything for ten seconds."""
    log = pool.path("ap", "/var/log/condor/SchedLog")
    before = sum(log.read_text().count(word) for word in ASKED)
    time.sleep(10)
    return sum(log.read_text().count(word) for word in ASKED) == before > 0


def cost(pool):
    """Return what the open sessions cost the access point: processes, and proportional memory (PSS)."""
    names = "chtc-jupyter|condor_ssh_to_job|^ssh -o|sshd-session|condor_shadow"
    pids = pool.exec("ap", ["pgrep", "-f", names]).stdout.split()
    text = "\n".join(pool.exec("ap", ["sh", "-c", f"grep ^Pss: /proc/{pid}/smaps_rollup"]).stdout for pid in pids)
    total = sum(int(line.split()[1]) for line in text.splitlines() if line)
    return f"access point, of 10 open sessions: {len(pids) / 10:.1f} processes and {total / 10240:.1f} MB each"
