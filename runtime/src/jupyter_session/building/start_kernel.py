"""Start ipykernel in a Python of the image's base; the first argument is the folder of what that lacks of it.

The base's Python runs this, which may be as old as 3.6, and has nothing of ours.
"""

import site
import sys
from pathlib import Path


def main() -> None:
    """Become the kernel."""
    folder = sys.argv.pop(1)
    del sys.path[0]  # of this file
    places = [n for n, path in enumerate(sys.path) if Path(path).name in ("site-packages", "dist-packages")]
    sys.path.insert(places[0] if places else len(sys.path), folder)
    if site.ENABLE_USER_SITE:  # where pip installs to in a session; it counts only if it is there when Python starts
        own = site.getusersitepackages()
        Path(own).mkdir(parents=True, exist_ok=True)
        if own not in sys.path:
            sys.path.insert(places[0] if places else len(sys.path), own)

    from ipykernel import kernelapp  # noqa: PLC0415

    kernelapp.launch_new_instance()


if __name__ == "__main__":
    main()
