"""A network that is cut for longer than anything waits: nothing stays on the access point, and what goes on goes on."""

import pytest

from chtc_condor.codes import JobStatus
from support.laptop import laptops
from support.waiting import wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
]


def test_cut_leaves_nothing_on_the_access_point_and_ends_interactive_sessions_alone(own_pool):
    with laptops(own_pool) as new:
        lasting, interactive = new(), new()
        running, shell = lasting.start(), interactive.start("--interactive")
        urls = running.url(), shell.url()
        tags = [*running.tags(), *shell.tags()]
        assert len(tags) == 2
        made = "echo kept >notebooks/kept.txt"
        interactive.inside("sh", "-c", made)
        own_pool.cut("laptop")
        wait_for(lambda: not lasting.left_on_ap(*tags), 60, "the access point to be clean")
        wait_for(lambda: not interactive.queued(), 60, "the interactive job to end")
        assert interactive.on_ap("cat", f"{interactive.folder}/notebooks/kept.txt") == "kept\n"
        assert lasting.queued() == [JobStatus.RUNNING]
        assert "Reconnecting automatically" in lasting.fetch(urls[0], "-H", "Accept: text/html")
        own_pool.heal("laptop")
        wait_for(lambda: lasting.answers(urls[0]), 90, "Lab")
        assert shell.wait_end(90) == 0
        assert "so it ended with its connection" in shell.output
        assert f"{interactive.folder}/notebooks" in shell.output
