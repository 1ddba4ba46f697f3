"""Log in to JupyterLab with its token, so that its cookie can stand for a browser that has neither."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import h11

from chtc_jupyter.errors import LauncherError
from chtc_jupyter.proxy.access import Login
from chtc_jupyter.proxy.http_connection import ConnectionEndedError, HttpConnection

#: Seconds for the server to answer.
_PATIENCE = 20
#: How Jupyter Server's cookie begins, unless its configuration names it otherwise (auth/identity.py).
_USUAL = "username-"


async def log_in(server: HttpConnection, host: str, token: str) -> Login:
    """Return JupyterLab's login for requests that ask for `host` (with the port): its cookie's name depends on it.

    Raises LauncherError if it doesn't take the token, or if it doesn't answer.
    """
    try:
        return await asyncio.wait_for(_ask(server, host, token), _PATIENCE)
    except (OSError, ConnectionEndedError, asyncio.TimeoutError, h11.ProtocolError) as error:
        raise LauncherError(f"JupyterLab didn't answer the login: {error or type(error).__name__}.") from error


async def _ask(server: HttpConnection, host: str, token: str) -> Login:
    fields = [("Host", host), ("Authorization", f"token {token}"), ("Connection", "close")]
    await server.send(h11.Request(method="GET", target="/api/me", headers=fields))
    await server.send(h11.EndOfMessage())
    while not isinstance(answer := await server.receive(), h11.Response):
        if not isinstance(answer, h11.InformationalResponse):
            raise ConnectionEndedError
    if answer.status_code != HTTPStatus.OK:
        raise LauncherError(
            f"JupyterLab refused the login with status {answer.status_code}. If the session's image is older than this "
            "chtc-jupyter, build the image again."
        )
    given = [value.decode("latin-1") for name, value in answer.headers if name == b"set-cookie"]
    pairs = [cookie.partition(";")[0].partition("=") for cookie in given]
    for name, equals, value in sorted(pairs, key=lambda pair: not pair[0].startswith(_USUAL)):
        if equals and name != "_xsrf":
            return Login(token, name, value)
    raise LauncherError("JupyterLab took the login and gave no cookie for it.")
