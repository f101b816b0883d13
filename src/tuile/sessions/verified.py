"""Remember session cookies that were verified lately: a browser sends the same one until the session changes.

A remembered cookie is not verified, decoded and decompressed again; its age is compared each time. It is remembered at
its second request: where more browsers take turns than are remembered, remembering each would cost time and save none.
A `KeptSigner` remembers it, which is replaced as soon as a key, the salt or another setting for signing changes.
Sessions that an application may refuse (`session_refused`, `SESSION_ABSOLUTE`) do not come here.
"""

from __future__ import annotations

import sys
import time
import typing as t

from ..exceptions import BadToken
from ..http.cookie_header import only_value
from ..keys.tokens import CLOCK_SKEW_S, is_encrypted
from ..wrappers import sent_cookies
from .ages import REFUSES_NONE
from .packing import unpack
from .signer import kind_of
from .tracked import tracked

if t.TYPE_CHECKING:
    from ..app import Flask
    from ..wrappers.request import Request
    from .interface import SecureCookieSession
    from .signed import SecureCookieSessionInterface
    from .signer import KeptSigner

#: How many cookies are remembered. Then all are forgotten, which costs less than finding the oldest.
MOST: t.Final = 128
#: The most memory that a remembered cookie and the text of its session may each take, in octets, and the most values
#: that are remembered as they were read: less than 3 MiB in all.
LONGEST: t.Final = 4096
MOST_VALUES: t.Final = 64
_YOUNGEST = -CLOCK_SKEW_S  # the least age: clocks differ

#: When a cookie was signed, the text of its session, and the content if that consists of texts and numbers alone.
Verified: t.TypeAlias = tuple[int, str, "dict[str, object] | None"]


def session_by_header(
    interface: SecureCookieSessionInterface, app: Flask, header: str | None
) -> SecureCookieSession | None:
    """Return the session in a Cookie header, as `open_session` of an interface of which nothing is overridden does.

    Returns:
        None if that has to be called, with the request.
    """
    setting, kept = app.config.get, interface._kept_signer(app)
    if (
        kept is None
        or kept.signer is None
        or setting("SESSION_STORE") is not None
        or setting("COOKIE_DEFAULTS")
        or setting("SESSION_ABSOLUTE") is not None
        or type(app).session_refused is not REFUSES_NONE
        or "session_refused" in app.__dict__
    ):
        return None
    name = app.config["SESSION_COOKIE_NAME"]
    if not header:
        return interface.session_class()
    token = only_value(header, name)
    if token is None:
        # No escape and no octets can become the name.
        return interface.session_class() if name not in header and header.isascii() else None
    lifetime = app.permanent_session_lifetime
    return session_in(interface, app, kept, token, lifetime.days * 86400 + lifetime.seconds, None, name)


def session_in(
    interface: SecureCookieSessionInterface,
    app: Flask,
    kept: KeptSigner,
    token: str,
    max_age_s: int,
    request: Request | None,
    name: str,
) -> SecureCookieSession | None:
    """Return the session in a cookie that is signed as new ones are, or an empty one if no cookie can be valid.

    Returns:
        None if it is not signed so, or cannot be read, and other ways or cookies have to be tried.
    """
    try:
        remembered = kept.verified.get(token)
        try:
            signed_at, text, scalars = _verify(kept, token) if remembered is None else remembered
        except BadToken:
            # A signature of any other length is neither SHA-1's nor SHA-256's.
            kind = kind_of(token)
            is_certain = kind == kept.kinds.written or (kind == "sha256" and token[-44:-43] != ".")
            return _refused(interface, request, name) if is_certain and not is_encrypted(token) else None
        if not _YOUNGEST <= int(time.time()) - signed_at <= max_age_s:
            return _refused(interface, request, name)
        serializer = interface.serializer
        if scalars is not None and serializer._reads_alike(app.json):
            # A class or a constructor of the application may keep what it is given, and change it.
            return interface.session_class(scalars.copy())
        session_class, content = interface.session_class, serializer.loads(text)
        # Without brackets inside, there are no values that can be changed, and no tags.
        if "[" in text or text.find("{", 1) > 0:
            return tracked(session_class, serializer, content)
        is_small = type(content) is dict and len(content) <= MOST_VALUES
        if remembered is not None and is_small and serializer._reads_alike(app.json):
            kept.verified[token] = signed_at, text, content.copy()
        return session_class(content)
    except Exception:  # noqa: BLE001 - whatever the serializer and its tags may raise
        return None


def _refused(interface: SecureCookieSessionInterface, request: Request | None, name: str) -> SecureCookieSession | None:
    """Return an empty session instead of a cookie that is not valid, unless there may be a second one.

    Another host of the site may have set that.

    Args:
        interface: The session interface.
        request: The request; None if the cookie was sent once.
        name: The name of the cookie.
    """
    return interface.session_class() if request is None or sent_cookies.is_sent_once(request, name) else None


def _verify(kept: KeptSigner, token: str) -> Verified:
    """Verify a cookie, and remember it if it was lately seen; raise BadToken if it is not valid."""
    if kept.signer is None:
        raise BadToken("New sessions are encrypted.")
    packed, signed_at = kept.signer.verify(token.encode())
    text, mark = unpack(packed), hash(token)
    if mark not in kept.verified_once:
        if len(kept.verified_once) >= MOST:
            kept.verified_once.clear()
        kept.verified_once.add(mark)
    elif sys.getsizeof(token) <= LONGEST >= sys.getsizeof(text):
        if len(kept.verified) >= MOST:
            kept.verified.clear()
        kept.verified[token] = signed_at, text, None
    return signed_at, text, None
