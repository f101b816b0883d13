"""Replace methods of Tuile's classes by ones that also record, while at least one application is inspected.

`methods` lists them. Each replacement does what the original does and then adds to the recording of the current
request, if there is one. What goes wrong while recording is logged once, and the request goes on.
"""

from __future__ import annotations

import threading
import typing as t

from ..ctx.cookies import Cookies, TokenCookies
from ..ctx.request_context import RequestContext
from ..globals import _SessionProxy
from ..http import cookies
from ..wrappers.sent_cookies import ReceivedCookies
from .read_cookies import (
    candidates_of_cookies,
    dump_cookie_of_responses,
    getitem_of_cookies,
    opened_of_tokens,
    quick_names_of_cookies,
    received_cookies,
    write_of_cookies,
)
from .read_session import attribute_of_session, changing, changing_key, opening, reading_key

if t.TYPE_CHECKING:
    from .watching import Method

#: The class or module, the name of its method, and what makes the replacement of the original.
methods: tuple[tuple[object, str, Method], ...] = (
    (ReceivedCookies, "__get__", received_cookies),
    (Cookies, "__getitem__", getitem_of_cookies),
    (Cookies, "candidates", candidates_of_cookies),
    (Cookies, "_write", write_of_cookies),
    (TokenCookies, "_opened", opened_of_tokens),
    (cookies, "quick_names", quick_names_of_cookies),
    (cookies, "dump_cookie", dump_cookie_of_responses),
    (_SessionProxy, "__getitem__", reading_key),
    (_SessionProxy, "__contains__", reading_key),
    (_SessionProxy, "__setitem__", changing_key),
    (_SessionProxy, "__delitem__", changing_key),
    (_SessionProxy, "__setattr__", changing),
    (_SessionProxy, "__getattribute__", attribute_of_session),
    (RequestContext, "_session", opening),
)
_MISSING = object()
_lock = threading.Lock()
_users = 0
_originals: list[tuple[object, str, object]] = []


def put_in_place() -> None:
    """Replace the methods, if they are not replaced yet."""
    global _users  # noqa: PLW0603 - how many inspectors need them
    with _lock:
        _users += 1
        if _users > 1:
            return
        for cls, name, make in methods:
            _originals.append((cls, name, vars(cls).get(name, _MISSING)))
            setattr(cls, name, make(_find(cls, name)))


def take_away() -> None:
    """Put the original methods back, when the last inspector that needs them has closed."""
    global _users  # noqa: PLW0603 - as above
    with _lock:
        _users -= 1
        if _users:
            return
        while _originals:
            cls, name, original = _originals.pop()
            if original is _MISSING:
                delattr(cls, name)
            else:
                setattr(cls, name, original)


def _find(owner: object, name: str) -> object:
    """Return a method or a property as a class has or inherits it, or a function of a module."""
    kinds = owner.__mro__ if isinstance(owner, type) else (owner,)
    return next(vars(kind)[name] for kind in kinds if name in vars(kind))
