"""Warn about cookies that browsers would drop silently (`COOKIE_CHECKS`). The rules are in `findings`."""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone
from functools import lru_cache
from time import time
from weakref import WeakKeyDictionary

from ..ctx.app_context import current_value
from ..ctx.warning_places import place_of_view, warn_at
from ..exceptions import CookieCheckError, CookieWarning
from ..http.caching import invites_shared_caches
from ..http.dates import load_date
from ..http.response_headers import HEADERS_CLASSES
from ..lazy import lazy_pattern
from ..user_agent.browsers import PROFILES
from ..user_agent.rules import make_request
from ..user_agent.set_cookie import RULE_FOR_SIZE, split_set_cookie
from ..user_agent.sites import TYPED, Context, Sites, last_label, load_public_suffixes, parse_address
from ..user_agent.verdicts import Note, describe_name
from .calls import Calls
from .findings import RequestDetails, Scopes, find

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from _typeshed.wsgi import WSGIEnvironment

    from ..app import Flask
    from ..wrappers.request import Request
    from ..wrappers.response import Response


# The paths and domains with which each application has set its cookies in this process.
_known_scopes: WeakKeyDictionary[object, Scopes] = WeakKeyDictionary()


# For each app, of cookies of responses of which nothing is wrong: everything that this depends on, see `_shape_of`.
_faultless: WeakKeyDictionary[object, set[tuple[object, ...]]] = WeakKeyDictionary()
_MOST_SHAPES, _LONGEST = 256, 2048
_PLAIN_PATH = lazy_pattern("/[A-Za-z0-9._/-]*")
_PLAIN_VALUE = lazy_pattern("[A-Za-z0-9._-]+")
_PLAIN_EXPIRES = lazy_pattern(" Expires=([A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT)(?=;|$)")
# Browsers take no earlier year, and limit what lasts longer than about that. What lies between changes nothing.
_FIRST_YEAR, _LONGEST_LIFE_S = 1970, 399 * 86_400
_FROM_ELSEWHERE = frozenset(
    {"HTTP_ORIGIN", "HTTP_SEC_FETCH_SITE", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_SEC_FETCH_DEST"}
)


def look_at(app: Flask, request: Request, response: Response, mode: str | None, undeclared: str | None) -> None:
    """Keep the cookies of a response to what the visitor has agreed to, and check them.

    Args:
        app: The application.
        request: The request that the response answers.
        response: The response.
        mode: `warn`, `error` or None, for cookies that browsers would drop.
        undeclared: `warn`, `error` or None, for cookies that are not declared.

    Raises:
        CookieCheckError: If there is a finding, and its mode is `error`.
    """
    if app._optional_cookies:
        from .consent import keep_to_consent  # noqa: PLC0415 - only with optional cookies

        keep_to_consent(app, request, response)
    if mode is not None:
        check_response(app, request, response, mode)
    if undeclared is not None:
        _check_declared(app, request, response, undeclared)


def _check_declared(app: Flask, request: Request, response: Response, mode: str) -> None:
    names = app.undeclared_cookies(response.headers.getlist("Set-Cookie"))
    if names:
        notes = [
            Note(
                "https://eur-lex.europa.eu/eli/dir/2002/58",
                f"The{describe_name(name).removeprefix('the')} is set and not declared, so no privacy page lists it",
                f"write: app.cookie({name[:80]!r}, purpose='...')",
            )
            for name in names
        ]
        _report(app, request, notes, mode)


def check_response(app: Flask, request: Request, response: Response, mode: str) -> None:
    """Check the cookies that a response sets, and warn or raise an error.

    Args:
        app: The application.
        request: The request that the response answers.
        response: The response.
        mode: `warn` or `error`.

    Raises:
        CookieCheckError: If there is a finding, and the mode is `error`.
    """
    headers = response.headers
    pairs = headers._list if type(headers) in HEADERS_CLASSES else headers.items()
    lines = [value for name, value in pairs if name == "Set-Cookie" or name.lower() == "set-cookie"]
    if not lines:
        return
    shape, faultless = _shape_of(app, request, lines), _faultless.setdefault(app, set())
    if shape is None or shape not in faultless:
        notes = findings(app, request, lines, _large(app, response) if mode == "warn" else ())
        if shape is not None and not notes:
            if len(faultless) >= _MOST_SHAPES:
                faultless.clear()
            faultless.add(shape)
    else:
        notes = []
    notes += _check_caching(response)
    if notes:
        _report(app, request, notes, mode)


def _shape_of(app: Flask, request: Request, lines: list[str]) -> tuple[object, ...] | None:
    """Return everything but the values that the findings about cookies depend on.

    None if they depend on more: on other cookies, the time, or the site that the request comes from.
    """
    environ, known = request.environ, _known_scopes.get(app)
    if (
        known is None
        or sum(map(len, lines)) + len(environ.get("HTTP_COOKIE", "")) > _LONGEST
        # Of another URL nothing may be found because no browser asks for it.
        or _PLAIN_PATH.fullmatch(environ.get("PATH_INFO", "")) is None
        or not _FROM_ELSEWHERE.isdisjoint(environ)
    ):
        return None
    shapes = []
    for line in lines:
        shape = _shape_of_line(line, known)
        if shape is None:
            return None
        shapes.append(shape)
    agent = environ.get("HTTP_USER_AGENT", "")
    is_safari = "Safari/" in agent and "Chrom" not in agent
    return environ["wsgi.url_scheme"], environ.get("HTTP_HOST") or request.host, is_safari, *shapes


def _shape_of_line(line: str, known: Scopes) -> tuple[object, ...] | None:
    """Return what `_shape_of` does, for one Set-Cookie line; `known` are the scopes of the application's cookies."""
    name, _, rest = line.partition("=")
    value, _, attributes = rest.partition(";")
    lowered, ended, parts = attributes.lower(), False, attributes.split(";")
    lives = "max-age" in lowered
    if (value and _PLAIN_VALUE.fullmatch(value) is None) or lowered.count("path") != 1 or " Path=/" not in parts:
        return None
    if "expires" in lowered:
        date = _PLAIN_EXPIRES.search(attributes)
        left_s = None if date is None or lowered.count("expires") > 1 else _left_s(date[1])
        if date is None or left_s is None:
            return None
        ended, attributes = left_s < 0, attributes.replace(date[0], "")
    scopes = known.get(name)
    # A name that is not known has to be remembered, unless it is deleted.
    if scopes is None and " Max-Age=0" not in parts and (lives or not ended):
        return None
    # What deletes a cookie may not match the scopes in which it was set before.
    return name, value == "", attributes, ended, tuple(scopes or ()) if lives or ended else None


def _left_s(date: str) -> float | None:
    """Return how many seconds are left until a date; None if a moment later it could be another matter."""
    moment = load_date(date)
    left_s = 0 if moment is None or moment.year < _FIRST_YEAR else moment.timestamp() - time()
    return left_s if left_s < -1 or 1 < left_s < _LONGEST_LIFE_S else None


def _report(app: Flask, request: Request, notes: list[Note], mode: str) -> None:
    """Raise an error or warn."""
    place = place_of_view(app, request)
    texts = [f"{note} {place.text}" for note in notes]
    if mode == "error":
        raise CookieCheckError("\n".join(texts), tuple(notes))
    for text in texts:
        warn_at(place, text, CookieWarning)


def _large(app: Flask, response: Response) -> list[str]:
    """Return the Set-Cookie lines of which a warning was given, at the line that set them, that they are too large."""
    context, limit = current_value(None), app.config["MAX_COOKIE_SIZE"]
    cookies = None if context is None else context._cookies
    written = [] if cookies is None or not limit else cookies.lines()
    return [*getattr(response, "_large_lines", ()), *(line for line in written if len(line) > limit)]


def findings(app: Flask, request: Request, lines: list[str], large: Sequence[str] = ()) -> list[Note]:
    """Return what is wrong with the Set-Cookie lines of the response to a request.

    Args:
        app: The application.
        request: The request.
        lines: The lines.
        large: Those that are known to be too large, of which this is not said again.
    """
    environ = request.environ
    try:
        circumstances = make_request(
            _url_of(request),
            now=datetime.now(timezone.utc),
            api="http",
            context=_context_of(environ),
            sites=_sites(),
            profile=PROFILES["chromium"],
        )
    except ValueError:
        return []  # no browser sends such a host
    known = _known_scopes.get(app)
    if known is None:
        known = _known_scopes[app] = {}
    agent = environ.get("HTTP_USER_AGENT", "")
    details = RequestDetails(
        request.method,
        environ.get("HTTP_COOKIE", ""),
        environ.get("HTTP_ORIGIN", "null"),
        "Safari/" in agent and "Chrom" not in agent,
    )
    context = current_value(None)
    calls = Calls(app, None if context is None or context.request is not request else context._request_cookies)
    known_large = {split_set_cookie(line).name for line in large}
    return [
        note._replace(cure=_SESSION_CURES.get(note.rule, note.cure)) if name in calls.session_names else note
        for name, note in find(lines, circumstances, details, known, calls)
        if note.rule != RULE_FOR_SIZE or name not in known_large
    ]


def _check_caching(response: Response) -> list[Note]:
    """Return what shared caches would do with the cookies (section 3; RFC 9111, section 7.3)."""
    if getattr(response, "_was_public", False):
        reason = (
            "The response allowed shared caches to store it, but it sets a cookie. It was made private, because all"
            " users would have got this cookie"
        )
        cure = "write: response.cache_control.private = True, or set the cookie on another response"
    elif invites_shared_caches(response.headers):
        reason = (
            "The response allows shared caches to store it, but it sets a cookie: all users of the cache would get"
            " this cookie"
        )
        cure = "write: response.cache_control.public = False, or set the cookie on another response"
    else:
        return []
    return [Note("3", reason, cure)]


# --- the circumstances ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _sites() -> Sites:
    try:
        return Sites(load_public_suffixes())
    except ImportError:  # then public suffixes of more than one label are not recognised
        return Sites(last_label)


def _url_of(request: Request) -> str:
    """Return the URL that the browser requested, believing forwarded headers even if the application does not.

    It is used for warnings only.
    """
    environ = request.environ
    scheme, host = environ["wsgi.url_scheme"], environ.get("HTTP_HOST") or request.host
    if environ.get("HTTP_X_FORWARDED_PROTO", "").strip().endswith("https"):
        scheme = "https"
    if "HTTP_X_FORWARDED_HOST" in environ:
        host = environ["HTTP_X_FORWARDED_HOST"].rpartition(",")[2].strip()
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    if "?" in path or "#" in path:
        path = path.replace("?", "%3F").replace("#", "%23")
    return f"{scheme}://{host}{path if path.startswith('/') else '/' + path}"


def _context_of(environ: WSGIEnvironment) -> Context:
    """Return which site the request comes from, as far as the browser's headers say."""
    site, origin = environ.get("HTTP_SEC_FETCH_SITE"), environ.get("HTTP_ORIGIN", "null")
    if site is None:
        return _CROSS["navigate"] if origin != "null" and _is_elsewhere(environ, origin) else TYPED
    if site != "cross-site":
        return TYPED
    fills_the_address_bar = environ.get("HTTP_SEC_FETCH_DEST", "document") == "document"
    return _CROSS["navigate" if fills_the_address_bar else "other"]


_CROSS = {
    "navigate": Context(initiator="null"),
    "other": Context(initiator="null", top_level_site="null"),
}


def _is_elsewhere(environ: WSGIEnvironment, origin: str) -> bool:
    try:
        here = parse_address(f"{parse_address(origin).scheme}://{environ.get('HTTP_HOST', '')}/")
        return not _sites().same(here, origin, schemeful=False)
    except ValueError:
        return False


# --- cures for the session cookie -------------------------------------------------------------------------------------

# rule -> the setting to change, where it is not an argument of `set_cookie` by another name.
_SESSION_CURES = {
    "5.5": "write: PERMANENT_SESSION_LIFETIME = timedelta(days=400) at most",
    "5.6.4": "write: SESSION_COOKIE_PATH = '/'",
    "5.7 step 9": "write: SESSION_COOKIE_DOMAIN = None",
    "5.7 step 10": "write: SESSION_COOKIE_DOMAIN = None, or the domain of the site",
    "5.8.3": "answer with a redirect (303) and write to the session where that leads",
}
