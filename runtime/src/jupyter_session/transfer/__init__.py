"""What HTCondor brings back at the end of the job, and what it can't carry: see docs/saving.md."""

from jupyter_session.transfer.set_aside import SetAside

__all__ = ["SetAside"]
