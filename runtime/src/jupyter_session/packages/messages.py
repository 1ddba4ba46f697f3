"""What a session says about its packages."""

UNPACKING = "The packages of the last session are still being unpacked, and kernels start after that."
NO_ROOM = (
    "The packages of the last session could not be unpacked ({}). They stay in {} as they are, and what pip installs "
    "now lasts until this session ends. Ask for more disk space (request_disk), or free some, and start again."
)
BROKEN = "The archive {} can't be unpacked ({})."
ANEW = " What it had is being installed anew, in the background."
LEFT = "The last session ended while it packed its packages, so what it had packed before is here."
INSTALLING = "What packages.txt lists is being installed for this Python, in the background."
NOT_ANEW = "What packages.txt lists could not be installed for this Python ({}). Run: pip install -r {}"
LOST = "Not installed: {}. Install it again from where you have it."
NOT_PACKED = "The packages that pip installed can't be packed for the next session ({}), which is tried again soon. {}"
NOT_PACKED_AT_END = "The packages that pip installed could not be packed for the next session ({}). {}"
KILLED = "An installer was stopped before it had finished with {}. {} Install it again, or uninstall it."
AT_WORK = "An installer was still at work when the session ended, so what it did isn't kept. {}"
NOT_REMOVED = "The packages are removed from this session, but not from the next ({}). Run the command again."
NOTHING_KEPT = "Nothing has been kept so far."
LAST_KEPT = "What was packed before is kept."
INTERNAL = "Internal error: {!r}; packages that pip installs last until this session ends."
IN_THE_WAY = "The environment {} is in the notebook folder already, so {} is not unpacked. Remove one of them."
NOT_UNPACKED = "The environment {} could not be unpacked ({}). It stays in {} as it is, and is tried again next time."
CONDA = (
    "The conda environment {} was made in another folder, and conda's environments can't be moved, so it may not work. "
    "Install its packages with %pip, or build an image with them."
)
