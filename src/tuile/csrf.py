"""Refuse requests that another site made a browser send (CSRF): the setting `CSRF`.

With ``"fetch"`` the headers of a request decide, see `http.origins`. With ``"token"`` a request also needs a token of
its session. Requests that change nothing (GET, HEAD and OPTIONS) pass, except for those that open a WebSocket.

A session keeps random text. The key that tokens are compared with is an HMAC of that text and of the user, by a key
derived from the `SECRET_KEY`, so it changes with the login and cannot be computed from a session or a store that
an attacker has planted or read. A token is that key behind a mask of its own, so that no part of it is the same on two
pages: the size of compressed pages would tell it otherwise (BREACH).
"""

from __future__ import annotations

import binascii
import hmac
import typing as t
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from secrets import token_bytes, token_urlsafe

from itsdangerous import BadData, URLSafeTimedSerializer

from .ctx.app_context import value_with_request
from .exceptions import CSRFError
from .http.origins import source_of, trusted_origins
from .http.received import SAFE_METHODS

if t.TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from .app import Flask
    from .sansio.app import App
    from .sessions import SessionMixin
    from .wrappers.request import Request

__all__ = ["CSRFError", "csrf_exempt", "csrf_token"]

Mode: t.TypeAlias = t.Literal["fetch", "token"]
Target = t.TypeVar("Target")

#: The names of a form field and of the headers with a token. Flask-WTF has the same.
FIELD: t.Final = "csrf_token"
HEADERS: t.Final = ("X-CSRFToken", "X-CSRF-Token")

_SESSION_KEY = "_csrf"
_SEED_BYTES = 16
# Pages that a new visitor loads at the same time each begin a seed. Those of so many are kept.
_MOST_SEEDS = 4
_MAC_BYTES = 32
_MOST_LOGGED = 200
_TOKEN_LENGTH = 86  # of a mask and a key, in base64 without padding
_LONGEST_OF_FLASK_WTF = 1024
_PURPOSE = "csrf"
_EXEMPT = "_is_csrf_exempt"
_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


# --- settings ---------------------------------------------------------------------------------------------------------


def csrf_mode(app: App) -> Mode | None:
    """Return the value of `CSRF`; None if it is off.

    Raises:
        ValueError: If it has another value.
    """
    mode: object = app.config.get("CSRF")
    if mode is None or mode in ("fetch", "token"):
        return mode
    if mode == "off":
        return None
    message = f"CSRF must be 'fetch', 'token', 'off' or None (off), not {mode!r}."
    raise ValueError(message)


def check_csrf_settings(app: App) -> None:
    """Check the settings `CSRF` and `CSRF_TRUSTED_ORIGINS`, if the latter is used.

    Raises:
        TypeError, ValueError: If one of them is invalid.
    """
    # WebSockets have the origins of handshakes checked whatever `CSRF` is. Without either, an app may have a setting of
    # that name for itself.
    if csrf_mode(app) is None and not any(rule.websocket for rule in app.url_map._rules):
        return
    trusted_origins("CSRF_TRUSTED_ORIGINS", app.config.get("CSRF_TRUSTED_ORIGINS"))


def csrf_exempt(target: Target) -> Target:
    """Let other sites send requests to a view, to a class of views, or to all views of a blueprint and those below it.

    Use it for views that do not rely on cookies, such as webhooks and APIs with a key of their own. It is a decorator,
    above or below the one that registers the view; for a blueprint, call it: `csrf_exempt(blueprint)`.

    Raises:
        TypeError: If it is something else, such as the name of a view.
    """
    # An app would be all views, which the setting `CSRF` is for.
    is_possible = (callable(target) or hasattr(target, "register")) and not hasattr(target, "wsgi_app")
    try:
        if is_possible:
            setattr(target, _EXEMPT, True)
            return target
        raise TypeError
    except (AttributeError, TypeError):
        message = (
            f"csrf_exempt needs a view function, a View class or a Blueprint, not {type(target).__name__}. For a method"
            " of an object, register a function that calls it."
        )
        raise TypeError(message) from None


def _is_exempt(app: Flask, request: Request) -> bool:
    rule = request.url_rule
    if rule is None:
        return False
    view: object = app.view_functions.get(rule.endpoint)
    if getattr(view, _EXEMPT, False) is True or getattr(getattr(view, "view_class", None), _EXEMPT, False) is True:
        return True
    return any(getattr(app.blueprints.get(name), _EXEMPT, False) is True for name in request.blueprints)


# --- requests ---------------------------------------------------------------------------------------------------------


def check_csrf(app: Flask) -> None:
    """Check the current request, if `CSRF` is on.

    Raises:
        CSRFError: If it is refused.
        TypeError, ValueError: If a setting is invalid.
    """
    mode = csrf_mode(app)
    if mode is None:
        return
    request: Request = value_with_request().request
    environ = request.environ
    is_websocket = "websocket" in environ.get("HTTP_UPGRADE", "").lower()
    # A class of requests may read the method from a form field or a header.
    is_safe = environ["REQUEST_METHOD"].upper() in SAFE_METHODS and request.method in SAFE_METHODS
    if (is_safe and not is_websocket) or _is_exempt(app, request):
        return
    origins = trusted_origins("CSRF_TRUSTED_ORIGINS", app.config.get("CSRF_TRUSTED_ORIGINS"))
    source = source_of(environ, request.host, origins)
    if source.kind == "other":
        raise _refused(app, request, source.reason, _CURE)
    # A browser cannot send a token with the request for a WebSocket, and no view has one for a wrong URL.
    takes_token = not is_websocket and (mode == "fetch" or request.routing_exception is None)
    if mode == "token" and takes_token:
        if problem := _problem_of_token(app, request):
            raise _refused(app, request, *problem)
    elif source.kind == "unknown" and environ.get("HTTP_COOKIE") and not (takes_token and _has_token(app, request)):
        cure = f"A program that sends cookies has to send 'Origin: {request.scheme}://{request.host}' as well."
        raise _refused(app, request, f"{source.reason} It has cookies, and no valid CSRF token instead.", cure)


def check_origin_of_websocket(app: Flask, request: Request) -> None:
    """Check where the handshake of a WebSocket comes from, whatever `CSRF` is.

    Browsers send cookies with handshakes from any site, let that site read the messages, and always say in the header
    Origin which site it is (RFC 6455, section 10.2). Only Origin counts, because browsers differ in what they say in
    Sec-Fetch-Site here.

    Raises:
        CSRFError: If it comes from another site.
        TypeError, ValueError: If a setting is invalid.
    """
    environ = request.environ
    sender = environ.get("HTTP_ORIGIN")
    if sender is None or _is_exempt(app, request):
        return
    origins = trusted_origins("CSRF_TRUSTED_ORIGINS", app.config.get("CSRF_TRUSTED_ORIGINS"))
    told = {"HTTP_ORIGIN": sender, "wsgi.url_scheme": environ["wsgi.url_scheme"]}
    source = source_of(told, request.host, origins)
    if source.kind == "other":
        raise _refused(app, request, source.reason, _CURE)


def _has_token(app: Flask, request: Request) -> bool:
    return _problem_of_token(app, request) is None


# For a request that seems to come from another site.
_CURE = (
    "If that is a site of yours, add its origin to CSRF_TRUSTED_ORIGINS. If it is this site behind a proxy, let the"
    " proxy pass on the Host header, or use ProxyFix. A view that any site may send requests to can be decorated with"
    " csrf_exempt."
)


def _refused(app: Flask, request: Request, reason: str, cure: str) -> CSRFError:
    app.logger.warning("%s %r was refused (CSRF). %s", request.method, request.path[:_MOST_LOGGED], reason)
    return CSRFError(f"The request was refused, because another site may have sent it (CSRF). {reason} {cure}")


# --- tokens -----------------------------------------------------------------------------------------------------------


def csrf_token() -> str:
    """Return a token for a form of this page, or for a script: the field `csrf_token` or the header `X-CSRFToken`.

    Templates have this function as `csrf_token()`, unless an extension has put its own there. Each call returns another
    text. All are valid until the session ends or its user changes.

    Raises:
        RuntimeError: If there is no request, or no session because there is no `SECRET_KEY`.
    """
    context = value_with_request()
    session: SessionMixin = context.session
    seeds = _seeds(session)
    if not seeds:
        seed = token_urlsafe(_SEED_BYTES)
        if hasattr(session, "change"):
            session.change(_SESSION_KEY, lambda there: _with_seed(there, seed), "")
        else:  # not every session interface uses `SessionMixin`
            session[_SESSION_KEY] = seed
        seeds = [seed]
    key = next(_keys(context.app, session, seeds[0]))
    mask = token_bytes(_MAC_BYTES)
    return urlsafe_b64encode(mask + _xor(mask, key)).rstrip(b"=").decode()


def offer_token(app: App, names: MutableMapping[str, object]) -> None:
    """Add `csrf_token` to the names of templates if `CSRF` is on and none of the application's has this name."""
    if csrf_mode(app) is not None:
        names.setdefault("csrf_token", csrf_token)


def offer_token_to_templates(app: Flask) -> None:
    """Call `offer_token` for an environment of templates that was made before `CSRF` was set."""
    environment = vars(app).get("jinja_env")
    if environment is not None:
        offer_token(app, environment.globals)


def _seeds(session: SessionMixin) -> list[str]:
    seeds = session.get(_SESSION_KEY)
    return seeds.split()[:_MOST_SEEDS] if isinstance(seeds, str) else []


def _with_seed(there: object, seed: str) -> str:
    """Return the seeds that another request has stored meanwhile, and one more."""
    seeds = there.split() if isinstance(there, str) else []
    return " ".join([*seeds, seed][-_MOST_SEEDS:] if seed not in seeds else seeds)


def _keys(app: Flask, session: SessionMixin, seed: str) -> Iterator[bytes]:
    """Yield the key that tokens are made with, and those of former secret keys."""
    user_key = app.config.get("SESSION_USER_KEY")
    user = None if user_key is None else session.get(user_key)
    message = f"{seed}\0{'' if user is None else user}".encode(errors="surrogatepass")
    # A session that is kept on the server needs no key, and nobody can read its seed.
    for secret in app.keyring.derive_all(_PURPOSE) if app.secret_key else (b"",):
        yield hmac.digest(secret, message, sha256)


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(_MAC_BYTES, "big")


def _problem_of_token(app: Flask, request: Request) -> tuple[str, str] | None:
    """Return why a request has no valid token, and what to do; None if it has one."""
    token = None
    for token in _tokens_of(app, request):
        session: SessionMixin = value_with_request().session
        if _is_valid(app, session, token) or _is_of_flask_wtf(app, session, token):
            return None
    if token is None:
        return "The CSRF token is missing.", f"Send csrf_token() as the form field {FIELD} or the header {HEADERS[0]}."
    reason = (
        "The CSRF token is not one of this session: it has ended, or the user has changed, since the page was loaded."
    )
    return reason, "Load the page again."


def _tokens_of(app: Flask, request: Request) -> Iterator[str]:
    """Yield the tokens of a request: those in headers first, so that a large body need not be parsed."""
    for name in HEADERS:
        if token := request.headers.get(name):
            yield token
    if request.mimetype in _FORMS:
        # Flask-WTF's setting. With its prefixes, a field can be called `login-csrf_token`.
        field = str(app.config.get("WTF_CSRF_FIELD_NAME") or FIELD)
        token = request.form.get(field) or next(
            (text for name, text in request.form.items() if name.endswith(field)), ""
        )
        if token:
            yield token


def _is_valid(app: Flask, session: SessionMixin, token: str) -> bool:
    if len(token) != _TOKEN_LENGTH or not token.isascii():
        return False
    try:
        octets = urlsafe_b64decode(f"{token}==")
    except (binascii.Error, ValueError):
        return False
    if len(octets) != 2 * _MAC_BYTES:
        return False
    given = _xor(octets[:_MAC_BYTES], octets[_MAC_BYTES:])
    return any(hmac.compare_digest(given, key) for seed in _seeds(session) for key in _keys(app, session, seed))


def _is_of_flask_wtf(app: Flask, session: SessionMixin, token: str) -> bool:
    """Return whether a token is one that Flask-WTF has made for this session: its forms have it under the same name."""
    setting = app.config.get
    own = session.get(setting("WTF_CSRF_FIELD_NAME") or FIELD)
    secret = setting("WTF_CSRF_SECRET_KEY") or app.secret_key
    if not isinstance(own, str) or not own or not secret or len(token) > _LONGEST_OF_FLASK_WTF:
        return False
    serializer = URLSafeTimedSerializer(secret, salt="wtf-csrf-token")
    try:
        content = serializer.loads(token, max_age=setting("WTF_CSRF_TIME_LIMIT", 3600))
    except (BadData, ValueError):
        return False
    return isinstance(content, str) and hmac.compare_digest(content.encode(), own.encode())
