"""TensorBoard on a Unix socket, which no other user of the machine can open: `tensorboard_server.py SOCKET FOLDER`.

A script for the Python that has TensorBoard, the session's own. TensorBoard's command line knows only TCP ports; its
class takes another server: https://github.com/tensorflow/tensorboard/blob/2.20.0/tensorboard/program.py
"""

from __future__ import annotations

import logging
import sys
from typing import Any


def serve(socket: str, folder: str) -> None:
    """Serve what is in a folder until the process ends."""
    from tensorboard import program  # noqa: PLC0415 - it isn't in every session
    from werkzeug.serving import make_server  # noqa: PLC0415

    class UnixServer(program.TensorBoardServer):  # type: ignore[misc, unused-ignore]
        def __init__(self, wsgi_app: Any, _flags: Any) -> None:
            self._server = make_server(f"unix://{socket}", 0, wsgi_app, threaded=True)

        def serve_forever(self) -> None:
            self._server.serve_forever()

        def get_url(self) -> str:
            return "http://localhost:0/"  # TensorBoard notes the host and the port of it, and does no more with it

    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # no line for each request in JupyterLab's log
    board = program.TensorBoard(server_class=UnixServer)
    # The quick loader is a program of its own that listens on a TCP port.
    board.configure(argv=["tensorboard", "--logdir", folder, "--load_fast", "false"])
    raise SystemExit(board.main())


if __name__ == "__main__":
    serve(*sys.argv[1:3])
