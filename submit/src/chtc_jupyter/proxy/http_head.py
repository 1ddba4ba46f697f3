"""As much of HTTP as the local port needs: the head of a request, and the launcher's own answers."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VERSION = re.compile(r"HTTP/1\.[0-9]")
_LENGTH = re.compile(r"[0-9]{1,18}")
_FORBIDDEN = re.compile(r"[\r\n\0]")
#: Most bytes of a head; a browser's cookies fit.
LONGEST_HEAD = 1 << 17
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
    "frame-ancestors 'none'"
)
#: Path at which the launcher itself always answers.
STATUS = "/chtc-jupyter/status"


@dataclass(frozen=True)
class Head:
    """The head of a request as it came (`raw`), and the parts of it that matter."""

    raw: bytes
    method: str
    path: str
    query: str
    host: str
    length: int
    upgrade: bool
    chunked: bool
    wants_page: bool

    @property
    def changes(self) -> bool:
        """Whether the request changes something, or is JupyterLab's check of a notebook that it is about to save."""
        looks = self.path.startswith("/api/contents/") and "content=0" in self.query.split("&")
        return looks or self.method not in ("GET", "HEAD", "OPTIONS")

    @property
    def raw_follows(self) -> bool:
        """Whether everything that follows belongs to this request."""
        return self.upgrade or self.chunked


def parse_head(raw: bytes) -> Head:
    """Return a request's head, given with the empty line at its end; raises ValueError if it isn't a valid one.

    It is as strict as the server must be to agree with us on where the request ends (RFC 9112, sections 5 and 6).
    """
    first, *lines = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    method, target, version = first.split(" ")
    if not (_NAME.fullmatch(method) and _VERSION.fullmatch(version)):
        raise ValueError(f"not a request of HTTP/1: {method!r} {version!r}")
    path, _, query = target.partition("?")
    fields: dict[str, list[str]] = {}
    for line in lines:
        name, colon, found = line.partition(":")
        if not (colon and _NAME.fullmatch(name)) or _FORBIDDEN.search(found):
            raise ValueError(f"not a header field: {name!r}")
        fields.setdefault(name.lower(), []).append(found.strip(" \t"))
    host, coding = _get_one(fields, "host"), _get_one(fields, "transfer-encoding").lower()
    length = _get_one(fields, "content-length", "0")
    if not _LENGTH.fullmatch(length):
        raise ValueError(f"not a length: {length!r}")
    if coding not in ("", "chunked") or (coding and "content-length" in fields):
        raise ValueError(f"the end of the request is unclear: {coding!r}")
    return Head(
        raw,
        method,
        path,
        query,
        host.rpartition(":")[0] or host,
        int(length),
        "upgrade" in ",".join(fields.get("connection", ())).lower() and "upgrade" in fields,
        coding == "chunked",
        "text/html" in ",".join(fields.get("accept", ())),
    )


def _get_one(fields: Mapping[str, Sequence[str]], name: str, default: str = "") -> str:
    """Return the value of a field that may be there once."""
    found = fields.get(name, (default,))
    if len(found) > 1:
        raise ValueError(f"{name} is there {len(found)} times")
    return found[0]


def replace_tokens(raw: bytes, former: Sequence[str], token: str) -> bytes:
    """Return a head with former tokens of the same session replaced by the one that its server accepts now."""
    for old in former:
        raw = raw.replace(old.encode(), token.encode())
    return raw


@dataclass(frozen=True)
class Notice:
    """What the address says in place of JupyterLab. `lines` are sentences; `over` if JupyterLab will not come back."""

    headline: str
    lines: Sequence[str] = ()
    over: bool = False


def render_answer(status: str, kind: str, body: str, *fields: str) -> bytes:
    """Return a whole answer, after which the connection is closed."""
    data = body.encode()
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}; charset=utf-8",
        f"Content-Length: {len(data)}",
        "Cache-Control: no-store",
        "Connection: close",
        "X-Content-Type-Options: nosniff",
        f"Content-Security-Policy: {_POLICY}",
        *fields,
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + data


def render_notice(notice: Notice, *, page: bool, again: bool = True) -> bytes:
    """Return a notice as a page that reloads by itself, or as JSON for requests that don't want a page.

    With `again` off, the address is gone, and the page doesn't reload.
    """
    status = "503 Service Unavailable" if again else "410 Gone"
    if not page:
        return render_answer(status, "application/json", json.dumps({"message": notice.headline}))
    lines = "".join(f"<p>{html.escape(line)}</p>" for line in notice.lines)
    text = _PAGE.format(headline=html.escape(notice.headline), lines=lines, script=_RELOAD if again else "")
    return render_answer(status, "text/html", text)


def render_redirect(to: str) -> bytes:
    """Return an answer that sends the browser to another path, and leaves no trace of this one in what it sends on."""
    return render_answer("302 Found", "text/plain", "", f"Location: {to}", "Referrer-Policy: no-referrer")


def render_status(facts: Mapping[str, object]) -> bytes:
    """Return the launcher's answer about itself."""
    return render_answer("200 OK", "application/json", json.dumps(facts))


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{headline}</title><style>
body {{ font: 17px/1.5 system-ui, sans-serif; max-width: 38em; margin: 15vh auto; padding: 0 1em; color: #222 }}
h1 {{ font-size: 1.4em }}
@media (prefers-color-scheme: dark) {{ body {{ background: #1b1b1b; color: #ddd }} }}
</style></head><body><h1>{headline}</h1>{lines}
{script}</body></html>
"""
_RELOAD = """<script>
setInterval(async () => {
  try {
    const now = await (await fetch("/chtc-jupyter/status")).json();
    if (now.up || now.headline !== document.title) location.reload();
  } catch (error) {}
}, 1000);
</script>"""
