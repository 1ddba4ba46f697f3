"""What a job says is data to the DAG's scripts, too."""

import json

import pytest
from hypothesis import given

import hold
import post
import watch
from chtc_condor.event_log import parse_events
from plan import Plan
from support.untrusted import assert_harmless, many, values, words


@given(words, values)
@many
def test_no_job_breaks_or_colors_what_a_dag_says_of_it(tmp_path_factory, said, value):
    """A hold, what the session announces, and its receipt: each is one line of the history."""
    folder = tmp_path_factory.mktemp("dag")
    own = folder / "notebooks/.jupyter-session"
    own.mkdir(parents=True)
    receipt = {"job": "12.0", "seconds": value, "changed": {"names": [value, said], "count": value}, "left_out": value}
    (own / "receipt.json").write_text(json.dumps(receipt))
    told = json.dumps({"state": "ready", "reason": said, "warning": said})
    line = " ".join(said.splitlines()).encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    log = f"""\
000 (012.000.000) 2026-03-02 12:00:00 Job submitted from host: <127.0.0.1:1>
    DAG Node: jupyter
...
001 (012.000.000) 2026-03-02 12:00:01 Job executing on host: {line}
...
008 (012.000.000) 2026-03-02 12:00:02 jupyter-session {told}
...
012 (012.000.000) 2026-03-02 12:00:03 Job was held.
\t{line}
\tCode 21 Subcode 0
...
009 (012.000.000) 2026-03-02 12:00:04 Job was aborted.
\t{line}
...
"""
    (folder / "jupyter.dag.nodes.log").write_text(log)
    watcher = watch.Watcher()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("_CONDOR_DAGMAN_LOG", f"{folder}/jupyter.dag.dagman.out")
        patch.setattr(post.condor, "find_owner", lambda: "alice")
        patch.setattr(post, "read_plan", lambda *_: Plan.from_ad({"Iwd": str(folder)}))
        hold.main("12.0")
        post.main("jupyter.sub", "12.0", "-1002", "0", "3")
        for event in parse_events(log.encode()):
            if news := watcher.apply_event(event):
                watch.notify.notify_user(*news, event.at)
    history = (folder / "jupyter.dag.history").read_text()
    assert_harmless(history)
    assert len(history.splitlines()) == len({*history.splitlines()}) <= 4
