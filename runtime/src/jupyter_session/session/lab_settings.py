"""JupyterLab's settings, layout, and configuration, which travel with the notebook folder from session to session."""

from __future__ import annotations

import logging
import os
from collections.abc import MutableMapping
from pathlib import Path

from jupyter_session.transfer import own_folder

_LOG = logging.getLogger(__name__)
_FOLDER = "lab"
#: Where JupyterLab keeps what people set, and how they laid out its tabs.
_FOLDERS = {"JUPYTERLAB_SETTINGS_DIR": "user-settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces"}
#: Who sets this one has brought settings along.
_OTHER_SETTINGS = "JUPYTER_CONFIG_DIR"
_CONFIG = "JUPYTER_CONFIG_PATH"


def keep_settings(environ: MutableMapping[str, str], notebooks: Path) -> None:
    """Have JupyterLab keep its settings and layout in the session's own folder, and read configuration there.

    They stay where they are if the home is one that outlives the job, or if the user has named another place.
    """
    if _OTHER_SETTINGS in environ or not _goes_with_the_job(environ):
        return
    try:
        folder = own_folder.ensure(notebooks) / _FOLDER
    except OSError as error:
        _LOG.debug("JupyterLab's settings end with the session: %s", error)
        return
    for name, part in _FOLDERS.items():
        environ.setdefault(name, str(folder / part))
    # For a jupyter_config.json, such as one that names web apps; what the session needs comes after it, and counts.
    environ[_CONFIG] = os.pathsep.join(filter(None, [str(folder), environ.get(_CONFIG)]))


def _goes_with_the_job(environ: MutableMapping[str, str]) -> bool:
    home, scratch = environ.get("HOME", ""), environ.get("_CONDOR_SCRATCH_DIR", "")
    return bool(home and scratch) and Path(home).resolve().is_relative_to(Path(scratch).resolve())
