"""The command `jupyter-session`, also as `python -m jupyter_session`.

A session's modules come from one file of the image, which must be known before any of them is imported.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Run a verb; return the exit status."""
    if sys.argv[1:2] == ["run"]:
        from jupyter_session.jupyter import module_bundle  # noqa: PLC0415 - the other verbs need few modules

        module_bundle.begin(module_bundle.SESSION)
    from jupyter_session import cli  # noqa: PLC0415

    return cli.main()


if __name__ == "__main__":
    raise SystemExit(main())
