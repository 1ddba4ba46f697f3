"""As much of HTTP as the local port needs: the head of a request, and an answer of our own."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: Bytes of a head; a browser's cookies fit.
LONGEST_HEAD = 1 << 17
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
    "frame-ancestors 'none'"
)
#: Where the launcher itself answers, whatever else goes on.
STATUS = "/chtc-jupyter/status"


@dataclass(frozen=True)
class Head:
    """The head of a request, as it came (`raw`), and what of it matters."""

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
        """Whether it is to change something, or is Lab's look at a notebook that it is about to save."""
        looks = self.path.startswith("/api/contents/") and "content=0" in self.query.split("&")
        return looks or self.method not in ("GET", "HEAD", "OPTIONS")

    @property
    def raw_follows(self) -> bool:
        """Whether all that follows belongs to this request."""
        return self.upgrade or self.chunked


def parse_head(raw: bytes) -> Head:
    """Read a request's head, the empty line in it; raises ValueError where it is none."""
    first, *lines = raw.decode("latin-1").split("\r\n")
    method, target, version = first.split(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError(version)
    path, _, query = target.partition("?")
    fields: dict[str, str] = {}
    for line in filter(None, lines):
        name, colon, found = line.partition(":")
        if not colon:
            raise ValueError(line)
        fields[name.strip().lower()] = found.strip()
    return Head(
        raw,
        method,
        path,
        query,
        fields.get("host", "").rpartition(":")[0] or fields.get("host", ""),
        int(fields.get("content-length", "0")),
        "upgrade" in fields.get("connection", "").lower() and "upgrade" in fields,
        "chunked" in fields.get("transfer-encoding", "").lower(),
        "text/html" in fields.get("accept", ""),
    )


def with_token(raw: bytes, former: Sequence[str], token: str) -> bytes:
    """Return a head with a former token of the same session replaced by the one that its server knows now."""
    for old in former:
        raw = raw.replace(old.encode(), token.encode())
    return raw


@dataclass(frozen=True)
class Notice:
    """What there is to say instead of JupyterLab. `lines` are sentences; `over` when it will not come back."""

    headline: str
    lines: Sequence[str] = ()
    over: bool = False


def render_answer(status: str, kind: str, body: str) -> bytes:
    """Return a whole answer, after which the connection ends."""
    data = body.encode()
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}; charset=utf-8",
        f"Content-Length: {len(data)}",
        "Cache-Control: no-store",
        "Connection: close",
        "X-Content-Type-Options: nosniff",
        f"Content-Security-Policy: {_POLICY}",
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + data


def render_notice(notice: Notice, *, page: bool) -> bytes:
    """Return a notice as a page that looks again by itself, or as JSON for what is not a page."""
    if not page:
        return render_answer("503 Service Unavailable", "application/json", json.dumps({"message": notice.headline}))
    lines = "".join(f"<p>{html.escape(line)}</p>" for line in notice.lines)
    return render_answer(
        "503 Service Unavailable", "text/html", _PAGE.format(headline=html.escape(notice.headline), lines=lines)
    )


def render_status(facts: Mapping[str, object]) -> bytes:
    """Return what the launcher says of itself."""
    return render_answer("200 OK", "application/json", json.dumps(facts))


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{headline}</title><style>
body {{ font: 17px/1.5 system-ui, sans-serif; max-width: 38em; margin: 15vh auto; padding: 0 1em; color: #222 }}
h1 {{ font-size: 1.4em }}
@media (prefers-color-scheme: dark) {{ body {{ background: #1b1b1b; color: #ddd }} }}
</style></head><body><h1>{headline}</h1>{lines}
<script>
setInterval(async () => {{
  try {{
    const now = await (await fetch("/chtc-jupyter/status")).json();
    if (now.up || now.headline !== document.title) location.reload();
  }} catch (error) {{}}
}}, 1000);
</script></body></html>
"""
