"""What the local port itself answers: the page that says where the session is, redirects, and refusals."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
    "frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Notice:
    """What the address says in place of JupyterLab. `lines` are sentences; `over` if JupyterLab will not come back."""

    headline: str
    lines: Sequence[str] = ()
    over: bool = False


#: For who has no cookie. It must not say anything of the session.
SIGN_IN = Notice(
    "This browser isn't signed in",
    (
        "If JupyterLab is open in another tab of this browser, go on to it below.",
        "Otherwise, run `chtc-jupyter url` in a terminal of this machine: it prints a new address.",
    ),
)
#: For an address whose code was used, or is unknown.
USED = Notice(
    "This address was good once",
    (
        "It has been used, or its time is over.",
        "Run `chtc-jupyter url` in a terminal of this machine: it prints a new address.",
    ),
)


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
        "Referrer-Policy: no-referrer",
        f"Content-Security-Policy: {_POLICY}",
        *fields,
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + data


def render_notice(notice: Notice, *, page: bool) -> bytes:
    """Return a notice as a page that reloads by itself, or as JSON for requests that don't want a page."""
    return _render(notice, "503 Service Unavailable", _RELOAD, page=page)


def render_refusal(notice: Notice, *, page: bool) -> bytes:
    """Return a notice for who has no right to more; the page leads on, for a browser that has the cookie after all.

    A browser doesn't send the cookie when a page of another site led it here, but does from this page.
    """
    return _render(notice, "403 Forbidden", '<p><a href="/lab">Go on to JupyterLab</a></p>', page=page)


def render_foreign_host() -> bytes:
    """Return the answer to a request that names another host, as one does that a web page has led here by DNS."""
    return render_answer("403 Forbidden", "text/plain", "This address has another name.\n")


def render_busy() -> bytes:
    """Return the answer while there are too many connections."""
    return render_answer("503 Service Unavailable", "text/plain", "Too many connections.\n", "Retry-After: 1")


def render_entrance(*fields: str) -> bytes:
    """Return the page that leads on to JupyterLab.

    A redirect would not do: a browser that follows a link of another site sends no strict cookie along the way.
    """
    page = _PAGE.format(
        headline="Opening JupyterLab",
        lines='<p><a href="/lab">Go on to JupyterLab</a></p>',
        script='<script>location.replace("/lab");</script>',
    )
    return render_answer("200 OK", "text/html", page, *fields)


def render_json(facts: Mapping[str, object]) -> bytes:
    """Return an answer of the launcher's to a program."""
    return render_answer("200 OK", "application/json", json.dumps(facts))


def _render(notice: Notice, status: str, script: str, *, page: bool) -> bytes:
    if not page:
        return render_answer(status, "application/json", json.dumps({"message": notice.headline}))
    lines = "".join(f"<p>{html.escape(line)}</p>" for line in notice.lines)
    text = _PAGE.format(headline=html.escape(notice.headline), lines=lines, script=script)
    return render_answer(status, "text/html", text)


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{headline}</title><style>
body {{ font: 17px/1.5 system-ui, sans-serif; max-width: 38em; margin: 15vh auto; padding: 0 1em; color: #222 }}
h1 {{ font-size: 1.4em }}
@media (prefers-color-scheme: dark) {{ body {{ background: #1b1b1b; color: #ddd }} a {{ color: #8bf }} }}
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
