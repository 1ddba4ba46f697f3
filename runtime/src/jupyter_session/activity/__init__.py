"""What keeps a session alive: one small source for each kind of activity, and the monitor that asks them all."""

from jupyter_session.activity.monitor import ActivityMonitor
from jupyter_session.activity.sample import Sample, Source

__all__ = ["ActivityMonitor", "Sample", "Source"]
