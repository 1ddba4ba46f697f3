"""What a job's event log says of the job so far."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, replace

from chtc_condor.codes import HoldReasonCode, JobEventType
from chtc_condor.event_log import Event
from chtc_jupyter.condor.ad_values import find_port


class Phase(enum.Enum):
    """Where a job is."""

    QUEUED = "queued"
    TRANSFER = "transferring"
    RUNNING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    SUSPENDED = "suspended"
    LOST = "disconnected"
    HELD = "held"
    ENDED = "ended"


@dataclass(frozen=True)
class JobProgress:
    """What the event log has said of a job so far.

    `state` and `reason` come from the session itself (JupyterState, JupyterReason). `why` is HTCondor's reason for the
    last hold, eviction, or removal, `hold_code` the HoldReasonCode of a hold, `trouble` the last error that an
    execution point reported, and `lost` why files did not come back from it. `port` is the server's in the job.
    `starts` counts executions, the last one at `started`, `suspensions` and `reconnections` those of this one;
    `was_ready` stays true.
    `doing` is what the log says of a transfer of files.
    """

    phase: Phase = Phase.QUEUED
    at: str = ""
    state: str = ""
    reason: str = ""
    why: str = ""
    hold_code: int | None = None
    trouble: str = ""
    lost: str = ""
    host: str = ""
    port: int | None = None
    starts: int = 0
    started: str = ""
    exit_status: int | None = None
    removed: bool = False
    was_ready: bool = False
    doing: str = ""
    suspensions: int = 0
    reconnections: int = 0

    @property
    def returning(self) -> bool:
        """Whether its files are on their way back, or are back already."""
        return "output" in self.doing


#: The phase that a state of the session's own puts the job in; any other state is a way to end.
_PHASES = {
    "starting": Phase.RUNNING,
    "ready": Phase.READY,
    "expiring": Phase.READY,
}


def apply_event(progress: JobProgress, event: Event) -> JobProgress:
    """Return what is known of a job after one more event of it."""
    now = replace(progress, at=event.at)
    back_in_queue = replace(now, phase=Phase.QUEUED, port=None, state="", why=event.reason)
    connected = replace(now, phase=Phase.READY if progress.port else Phase.RUNNING)
    match event.type:
        case JobEventType.SUBMIT:
            return JobProgress(at=event.at)
        case JobEventType.FILE_TRANSFER:
            return _apply_transfer(now, event.text)
        case JobEventType.EXECUTE:
            return JobProgress(
                Phase.RUNNING,
                event.at,
                starts=progress.starts + 1,
                started=event.at,
                trouble=progress.trouble,
                host=_find_host(event.details),
                was_ready=progress.was_ready,
            )
        case JobEventType.GENERIC:
            return _apply_announcement(progress, event)
        case JobEventType.JOB_EVICTED:
            return replace(back_in_queue, why=event.reason or "the machine was needed")
        case JobEventType.SHADOW_EXCEPTION | JobEventType.JOB_RECONNECT_FAILED:
            return back_in_queue
        case JobEventType.JOB_TERMINATED:
            found = re.search(r"return value ([0-9]{1,10})\b", " ".join(event.details))
            return replace(now, phase=Phase.ENDED, port=None, exit_status=int(found[1]) if found else None)
        case JobEventType.JOB_ABORTED:
            return replace(now, phase=Phase.ENDED, port=None, removed=True, why=event.reason)
        case JobEventType.JOB_SUSPENDED:
            return replace(now, phase=Phase.SUSPENDED, suspensions=progress.suspensions + 1)
        case JobEventType.JOB_UNSUSPENDED:
            return connected
        case JobEventType.JOB_RECONNECTED:
            return replace(connected, reconnections=progress.reconnections + 1)
        case JobEventType.JOB_HELD:
            kept_back = event.code == HoldReasonCode.TRANSFER_OUTPUT_ERROR
            return replace(
                now,
                phase=Phase.HELD,
                port=None,
                state="",
                why=event.reason,
                hold_code=event.code,
                lost=event.reason if kept_back else progress.lost,
            )
        case JobEventType.JOB_RELEASED:
            return replace(now, phase=Phase.QUEUED, why=event.reason)
        case JobEventType.REMOTE_ERROR if event.code == HoldReasonCode.TRANSFER_OUTPUT_ERROR:
            return replace(now, lost=event.reason.rpartition("|Error: ")[2])
        case JobEventType.REMOTE_ERROR:
            return replace(now, trouble=event.reason)
        case JobEventType.JOB_DISCONNECTED:
            return replace(now, phase=Phase.LOST, why=event.reason)
    return progress


def _apply_transfer(progress: JobProgress, text: str) -> JobProgress:
    """Return what is known after news of a transfer of files, to the machine or back."""
    now = replace(progress, doing=text)
    if progress.phase in (Phase.QUEUED, Phase.TRANSFER):
        return replace(now, phase=Phase.TRANSFER)
    if "output" in text and progress.phase in (Phase.RUNNING, Phase.READY):
        return replace(now, phase=Phase.STOPPING, port=None, reason="it has ended")
    return now


def apply_state(progress: JobProgress, state: str, reason: str, port: int | None) -> JobProgress:
    """Return what is known of a job whose session can't announce itself, after an answer of its own."""
    phase = _PHASES.get(state, Phase.STOPPING)
    ready = phase is Phase.READY
    return replace(
        progress, phase=phase, state=state, reason=reason, port=port if ready else None,
        was_ready=progress.was_ready or ready,
    )  # fmt: skip


def _apply_announcement(progress: JobProgress, event: Event) -> JobProgress:
    state = event.announcement.get("state")
    if state is None:
        return progress
    phase = _PHASES.get(state, Phase.STOPPING)
    return replace(
        progress,
        at=event.at,
        phase=phase,
        state=state,
        reason=event.announcement.get("reason", ""),
        trouble="" if state == "ready" else progress.trouble,
        port=(find_port(event.announcement.get("url", "")) or progress.port) if phase is Phase.READY else None,
        was_ready=progress.was_ready or phase is Phase.READY,
    )


def _find_host(details: tuple[str, ...]) -> str:
    found = re.search(r"SlotName: (?:\S+@)?(\S+)", "\n".join(details))
    return found[1] if found else ""
