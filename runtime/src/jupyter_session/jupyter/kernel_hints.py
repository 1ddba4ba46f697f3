"""What a kernel says about packages: an IPython extension, and the command `pip` of the session's environment.

It is loaded by each kernel, so it imports nothing that IPython hasn't imported.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from types import TracebackType
from typing import Any, NoReturn

#: What pip says after it has installed something.
NOTE = (
    "Note: these packages are kept in the notebook folder, and are there again in the next session. "
    "To list them, run: !jupyter-session packages"
)
_INSTALLING = re.compile(r"^[ \t]*(%?pip3?|!.*python[0-9.]* -m pip)[ \t]+install\b", re.MULTILINE)
#: Packages whose modules have another name.
_PACKAGES = {
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


def load_ipython_extension(shell: Any) -> None:
    """Explain missing modules in this kernel, and say after a cell that installs packages that they are kept."""
    shell.set_custom_exc((ModuleNotFoundError,), _explain)

    def say_that_they_are_kept(result: Any) -> None:
        if is_installing(result.info.raw_cell or "") and shell.user_ns.get("_exit_code") == 0:
            print(NOTE)

    shell.events.register("post_run_cell", say_that_they_are_kept)


def is_installing(cell: str) -> bool:
    """Return whether a cell installs packages other than by the command `pip`, which says that itself."""
    return _INSTALLING.search(cell) is not None


def describe_missing(name: str) -> str:
    """Return what to do about a module that is missing."""
    module = name.partition(".")[0]
    package = _PACKAGES.get(module, module)
    return (
        f"The image has no module {module!r}. Run `%pip install {package}`: it is there in the next sessions, too. "
        "For large packages, build the image with them: see PACKAGES in Apptainer.def."
    )


def _explain(
    shell: Any,
    kind: type[ModuleNotFoundError],
    error: ModuleNotFoundError,
    traceback: TracebackType | None,
    tb_offset: int | None = None,
) -> None:
    if error.name and not _is_installed(error.name.partition(".")[0]):
        error.add_note(describe_missing(error.name))
    shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # it is there, but odd
        return True


def run_pip() -> NoReturn:
    """Be the command `pip`."""
    from pip._internal.cli.main import main  # noqa: PLC0415 - what pip's own script runs

    status = main()
    if not status and sys.argv[1:2] == ["install"]:
        print(NOTE, file=sys.stderr)
    raise SystemExit(status)
