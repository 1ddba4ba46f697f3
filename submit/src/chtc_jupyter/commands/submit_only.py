"""Start a session on the access point itself, where nothing is opened."""

from __future__ import annotations

from chtc_jupyter import messages
from chtc_jupyter.commands import queries
from chtc_jupyter.condor.job_progress import Phase
from chtc_jupyter.errors import ExitStatus, FailedError, HeldError
from chtc_jupyter.session import follow_log
from chtc_jupyter.ssh.agent_client import AgentClient
from chtc_jupyter.store import Record
from chtc_jupyter.terminal import Terminal


async def submit_only(link: AgentClient, record: Record, terminal: Terminal) -> int:
    """Wait for the session to be ready, and print the command for the laptop; return the exit status."""
    try:
        async for progress in follow_log(link, record):
            line = messages.describe_progress(progress)
            terminal.report({"event": progress.phase.value, "job": record.job, "message": line})
            if progress.phase is Phase.READY:
                ad = await queries.find(link, record.job)
                terminal.print_result(str(ad.get("JupyterConnect", "")))
                return ExitStatus.SUCCESS
            if progress.phase is Phase.HELD:
                raise HeldError(messages.describe_held_job(record, progress))
            if progress.phase is Phase.ENDED:
                raise FailedError(f"Job {record.job} {messages.describe_end(progress)}.")
            terminal.wait(f"job {record.job}: {line}")
        return ExitStatus.FAILURE
    finally:
        await link.close()
