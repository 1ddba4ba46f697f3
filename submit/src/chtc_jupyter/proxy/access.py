"""Who may pass the local port, and what stands for whom on either side of it.

A browser proves itself by a cookie of this launcher's, a program by a token of this launcher's. Neither ever has
anything of JupyterLab's: behind the port, a browser's requests have JupyterLab's login cookie, so that its checks of
origins and cross-site requests stay in force, and a program's have its token.
"""

from __future__ import annotations

import enum
import hmac
import re
import secrets
from dataclasses import dataclass
from urllib.parse import unquote_plus

from chtc_jupyter.proxy.http_head import Fields, Head

_TOKEN = re.compile(r"(?:token|bearer)\s+(\S+)", re.IGNORECASE)
_NAME = "chtc-jupyter"
_LOOPBACK = ("127.0.0.1", "localhost")


class Caller(enum.Enum):
    """Who has made a request."""

    BROWSER = "browser"
    PROGRAM = "program"
    UNKNOWN = "unknown"


@dataclass
class Login:
    """What JupyterLab takes: its token, and the cookie that it gave for it, which it may replace."""

    token: str
    cookie_name: str
    cookie: str


class Access:
    """The secrets of one launcher, in memory alone. `host` is the name by which a browser must ask for it."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.token = secrets.token_urlsafe(32)
        self._cookie = secrets.token_urlsafe(32)
        # Where sessions share a host name, they share the browser's cookies for it.
        self._cookie_name = f"{_NAME}-{secrets.token_hex(4)}"

    def build_cookie(self) -> str:
        """Return the header line that gives a browser its cookie.

        With SameSite=Strict, a browser sends it with no request that a page of another site has made.
        """
        return f"Set-Cookie: {self._cookie_name}={self._cookie}; Path=/; HttpOnly; SameSite=Strict"

    def sign_out(self) -> None:
        """Take no cookie from now on that was given before."""
        self._cookie = secrets.token_urlsafe(32)

    def takes_host(self, head: Head, caller: Caller) -> bool:
        """Return whether a request names a host that this launcher has for who makes it.

        A program may use the address, because not every system's resolver knows names below localhost.
        """
        return head.host == self.host or (caller is Caller.PROGRAM and head.host in _LOOPBACK)

    def identify(self, head: Head) -> Caller:
        """Return who has made a request."""
        cookies = [value for name, value in head.cookies if name == self._cookie_name]
        if any(_equal(cookie, self._cookie) for cookie in cookies):
            return Caller.UNKNOWN if _is_foreign(head) else Caller.BROWSER
        given = _TOKEN.fullmatch(head.get("authorization").strip())
        tokens = [head.arguments.get("token", ""), given[1] if given else ""]
        return Caller.PROGRAM if any(_equal(token, self.token) for token in tokens) else Caller.UNKNOWN

    def build_request(self, head: Head, caller: Caller, login: Login) -> tuple[str, Fields]:
        """Return target and header fields of a request as JupyterLab gets it."""
        own = (self._cookie_name, login.cookie_name, _name_login_cookie(head))
        cookies = [f"{name}={value}" for name, value in head.cookies if name not in own]
        fields = [(name, value) for name, value in head.fields if name.lower() != b"cookie"]
        arguments = "&".join(part for part in head.query.split("&") if unquote_plus(part.partition("=")[0]) != "token")
        if caller is Caller.PROGRAM:
            fields = [(name, value) for name, value in fields if name.lower() != b"authorization"]
            fields.append((b"Authorization", f"token {login.token}".encode()))
        else:
            cookies.append(f"{login.cookie_name}={login.cookie}")
        if cookies:
            fields.append((b"Cookie", "; ".join(cookies).encode("latin-1")))
        return f"{head.path}?{arguments}" if arguments else head.path, fields

    def build_answer(self, fields: Fields, head: Head, login: Login) -> Fields:
        """Return the header fields of JupyterLab's answer to a request as who made it gets them."""
        kept = []
        for name, value in fields:
            cookie = value.partition(b";")[0].decode("latin-1") if name.lower() == b"set-cookie" else ""
            title, _, given = cookie.partition("=")
            if not title or title not in (login.cookie_name, _name_login_cookie(head)):
                kept.append((name, value))
            elif title == login.cookie_name and given.strip('"'):
                login.cookie = given
        if not any(name.lower() == b"referrer-policy" for name, _ in kept):
            kept.append((b"Referrer-Policy", b"same-origin"))  # the name of the host is nobody else's business
        return kept


def build_host_name(session: str) -> str:
    """Return a new name for a session, which browsers lead to this machine (RFC 6761, section 6.3).

    A browser's cookies know no ports: the name is hard to guess, so that no server at another port has it.
    """
    label = re.sub(r"[^a-z0-9]+", "-", session.lower()).strip("-")[:30].rstrip("-")
    return f"{label or 'session'}-{secrets.token_hex(5)}.localhost"


def _name_login_cookie(head: Head) -> str:
    """Return the name of the cookie that JupyterLab gives to who logs in by this request (jupyter_server 2.21)."""
    return re.sub(r"[^A-Za-z0-9]", "-", f"username-{head.get('host')}")


def _is_foreign(head: Head) -> bool:
    """Return whether a page of another origin, such as one at another port of this host, has made a request."""
    origin = head.get("origin").lower()
    other = bool(origin) and origin != f"http://{head.get('host').lower()}"
    return other or head.get("sec-fetch-site").lower() in ("same-site", "cross-site")


def _equal(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())
