"""The session's private folder: its names, how it is made among neighbors, and how a command finds its own."""

from jupyter_session.state_dir.finding import find_state_dir
from jupyter_session.state_dir.folder import StateDir
from jupyter_session.state_dir.making import make_state_dir

__all__ = ["StateDir", "find_state_dir", "make_state_dir"]
