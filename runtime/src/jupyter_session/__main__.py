"""Let `python -m jupyter_session` be `jupyter-session`."""

from jupyter_session.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
