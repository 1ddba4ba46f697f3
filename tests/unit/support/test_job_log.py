"""What the tests read in a job's event log."""

import pytest

from chtc_condor.codes import JobEventType
from support.job_log import JobLog

LOG = """000 (012.000.000) 2026-11-28 14:03:00 Job submitted from host: <10.77.0.10:9618>
...
001 (012.000.000) 2026-11-28 14:03:05 Job executing on host: <10.77.0.20:9618>
	SlotName: slot1_1@ep1
...
008 (012.000.000) 2026-11-28 14:03:08 jupyter-session {"state": "starting", "reason": "JupyterLab starts."}
...
008 (012.000.000) 2026-11-28 14:03:12 jupyter-session {"warning": "Memory: much of it is in use."}
...
008 (012.000.000) 2026-11-28 14:03:14 jupyter-session {"state": "ready", "reason": "", "url": "http://127.0.0.1:18888/lab"}
...
"""


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "jupyter-12.log"
    path.write_text(LOG)
    return JobLog(path)


def test_a_log_that_is_not_there_yet_has_no_events(tmp_path):
    log = JobLog(tmp_path / "none.log")
    assert (log.text(), list(log.events()), log.has_ended(), log.states(), log.port()) == ("", [], False, [], None)


def test_states_warnings_and_the_port_are_what_the_session_announced(log):
    assert [event.state for event in log.states()] == ["starting", "ready"]
    assert log.states()[1].at.second == 14
    assert log.warnings() == ["Memory: much of it is in use."]
    assert log.port() == 18888


@pytest.mark.parametrize("number", ["005", "009"])
def test_a_job_has_ended_once_the_log_has_its_end(log, number):
    assert log.has(JobEventType.EXECUTE)
    assert not log.has_ended()
    log._path.write_text(f"{LOG}{number} (012.000.000) 2026-11-28 14:04:00 Job terminated.\n...\n")
    assert log.has_ended()
