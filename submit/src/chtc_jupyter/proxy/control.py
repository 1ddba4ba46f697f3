"""How another `chtc-jupyter` of the same user asks a running one for an address, and both know whom they talk to."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from typing import Protocol
from urllib.parse import urlencode

from chtc_jupyter.json_text import load_json
from chtc_jupyter.proxy import pages
from chtc_jupyter.proxy.http_head import Head
from chtc_jupyter.proxy.proof import Statement, is_proof, prove
from chtc_jupyter.store import Opened

_log = logging.getLogger(__name__)
#: Path at which a launcher answers others of its user.
CONTROL = "/chtc-jupyter/control"
#: Seconds for a launcher to answer.
_PATIENCE = 5
#: More bytes than an answer has.
_LONGEST = 8192
_ASKS, _ANSWERS = "asks", "answers"
#: What can be asked for: nothing but an answer, an address for a browser, one for a program.
NOTHING, BROWSER, PROGRAM = "nothing", "browser", "program"


class _Proxy(Protocol):
    port: int

    def give_out_address(self) -> str: ...
    def build_program_address(self) -> str: ...


class Control:
    """Answers who proves to know this launcher's secret."""

    def __init__(self, proxy: _Proxy) -> None:
        self.secret = secrets.token_urlsafe(32)
        self._proxy = proxy

    def answer(self, head: Head) -> bytes:
        """Return the answer to a request: what was asked for, with our own proof."""
        nonce, what = head.arguments.get("nonce", ""), head.arguments.get("what", "")
        given = head.arguments.get("proof", "")
        if not is_proof(given, self.secret, Statement(_ASKS, self._proxy.port, nonce, what)):
            return pages.render_refusal(pages.SIGN_IN, page=False)
        address = {BROWSER: self._proxy.give_out_address, PROGRAM: self._proxy.build_program_address}.get(what, str)()
        proof = prove(self.secret, Statement(_ANSWERS, self._proxy.port, nonce, address))
        return pages.render_json({"address": address, "proof": proof})


async def ask(opened: Opened, what: str) -> str | None:
    """Return what the launcher of a session answers; None if it isn't there, or if another program has its port."""
    nonce = secrets.token_urlsafe(16)
    proof = prove(opened.secret, Statement(_ASKS, opened.port, nonce, what))
    query = urlencode({"nonce": nonce, "what": what, "proof": proof})
    try:
        said = await asyncio.wait_for(_fetch(opened.port, f"{CONTROL}?{query}"), _PATIENCE)
        answer = dict(load_json(said))
    except (OSError, EOFError, asyncio.TimeoutError, asyncio.LimitOverrunError, ValueError, TypeError) as error:
        _log.debug("No launcher answers at port %d: %r", opened.port, error)
        return None
    address, given = str(answer.get("address", "")), str(answer.get("proof", ""))
    return address if is_proof(given, opened.secret, Statement(_ANSWERS, opened.port, nonce, address)) else None


async def _fetch(port: int, target: str) -> bytes:
    """Return the body of an answer, which ends with its connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=_LONGEST)
    with contextlib.closing(writer):
        writer.write(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        try:
            await reader.readexactly(_LONGEST)
        except asyncio.IncompleteReadError as whole:
            return whole.partial
    raise ValueError("the answer is too long")
