"""Who makes a request: an authenticated user in Jupyter's own pages, or another user of the machine, or another page.

Anyone on the machine can make requests without the token, which Jupyter answers with a redirect to its login page. And
any page in the user's browser can make requests with the user's cookies, for a picture or in a hidden frame: it can't
read the answer, but the request alone must not pass for a person. Browsers say where a request comes from in
Sec-Fetch-Site (https://www.w3.org/TR/fetch-metadata/), also on 127.0.0.1, and a page can't change that. Programs with
the token have no such field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: From our own pages, and from what the user typed, opened from another program, or had as a bookmark.
_OWN_SITES = ("same-origin", "none")


def is_from_user(handler: Any) -> bool:
    """Return whether an authenticated user made a handler's request, and not a page of another site."""
    try:
        user = handler.current_user
    except RuntimeError:  # Jupyter's handlers raise it for a request that ended before they looked who it is
        user = None
    return user is not None and is_from_own_page(handler.request.headers)


def is_from_own_page(fields: Mapping[str, str]) -> bool:
    """Return whether a request with these header fields can't be one that a page of another site made by itself.

    A link that a person has clicked on another page counts (Sec-Fetch-User): no page can click on it.
    """
    clicked = fields.get("Sec-Fetch-Dest") == "document" and fields.get("Sec-Fetch-User") == "?1"
    return clicked or fields.get("Sec-Fetch-Site", "none") in _OWN_SITES
