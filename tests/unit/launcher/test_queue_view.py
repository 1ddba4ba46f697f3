"""What the queue says of a job that its log doesn't say, and no more than that."""

import pytest

from chtc_jupyter.condor.job_progress import JobProgress, Phase
from chtc_jupyter.condor.queue_view import look_beyond

QUEUED, RUNNING = JobProgress(at="t"), JobProgress(Phase.RUNNING, at="t", starts=1)
TRANSFER = JobProgress(Phase.TRANSFER, at="t")
READY = JobProgress(Phase.READY, at="t", state="ready", port=5000, starts=1)
READY_AD = {"JobStatus": 2, "JupyterState": "ready", "JupyterURL": "http://127.0.0.1:5000/lab", "NumJobStarts": 1}


@pytest.mark.parametrize(
    ("log", "ad", "phase"),
    [
        (QUEUED, {"JobStatus": 1}, None),
        (QUEUED, {"JobStatus": 2}, Phase.RUNNING),
        (TRANSFER, {"JobStatus": 2}, None),
        (RUNNING, {"JobStatus": 2}, None),
        (RUNNING, {"JobStatus": 2, "JupyterState": "starting"}, None),
        (RUNNING, {"JobStatus": 1}, None),
        (RUNNING, READY_AD, Phase.READY),
        (RUNNING, {**READY_AD, "JupyterURL": ""}, None),
        (QUEUED, READY_AD, Phase.READY),
        (READY, READY_AD, None),
        (READY, {"JobStatus": 6}, None),
        (READY, {"JobStatus": 5, "HoldReason": "Too big", "HoldReasonCode": 34}, Phase.HELD),
        (READY, None, Phase.ENDED),
        (QUEUED, {"JobStatus": 4}, Phase.ENDED),
        (QUEUED, {"JobStatus": 3}, Phase.ENDED),
        (QUEUED, {"JobStatus": 9}, None),
        (JobProgress(Phase.ENDED), None, None),
    ],
)
def test_queue_counts_only_where_it_knows_more_than_the_log(log, ad, phase):
    found = look_beyond(log, ad)
    assert (found.phase if found else None) is phase


def test_way_to_the_server_and_the_reason_come_from_the_ad():
    assert look_beyond(RUNNING, READY_AD).port == 5000
    held = look_beyond(READY, {"JobStatus": 5, "HoldReason": "Too big", "HoldReasonCode": 34})
    assert (held.why, held.hold_code, held.was_ready, held.port) == ("Too big", 34, False, None)
