"""Save-back: changed files of the notebook folder go to the access point while the session runs. See docs/saving.md."""

from jupyter_session.saveback.protection import protect_files
from jupyter_session.saveback.report import Report
from jupyter_session.saveback.saver import Saver

__all__ = ["Report", "Saver", "protect_files"]
