"""Warn about cookies that browsers would drop silently (`COOKIE_CHECKS`). The rules are in `findings`."""

from __future__ import annotations

import sys
import typing as t
import warnings
from datetime import datetime, timezone
from functools import lru_cache
from inspect import unwrap
from weakref import WeakKeyDictionary

from ..ctx.app_context import current
from ..exceptions import CookieCheckError, CookieWarning
from ..http.caching import invites_shared_caches
from ..user_agent.browsers import PROFILES
from ..user_agent.rules import make_request
from ..user_agent.sites import TYPED, Context, Sites, last_label, load_public_suffixes, parse_address
from ..user_agent.verdicts import Note, describe_name
from .calls import Calls
from .findings import RequestDetails, Scopes, find

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from ..app import Flask
    from ..wrappers.request import Request
    from ..wrappers.response import Response


# How many warnings are remembered for each module, so as not to be shown again.
_WARNINGS_KEPT = 100

# The paths and domains with which each application has set its cookies in this process.
_known_scopes: WeakKeyDictionary[object, Scopes] = WeakKeyDictionary()


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
    lines = [value for name, value in response.headers.items() if name == "Set-Cookie" or name.lower() == "set-cookie"]
    if not lines:
        return
    notes = [*findings(app, request, lines), *_check_caching(response)]
    if notes:
        _report(app, request, notes, mode)


def _report(app: Flask, request: Request, notes: list[Note], mode: str) -> None:
    """Raise an error or warn."""
    location = _location_of(app, request)
    texts = [f"{note} {location.text}" for note in notes]
    if mode == "error":
        raise CookieCheckError("\n".join(texts), tuple(notes))
    for text in texts:
        warnings.warn_explicit(text, CookieWarning, location.file, location.line, location.module, location.registry)
    # The registry keeps every text. Texts contain paths, which clients choose, so the number is limited.
    kept = [key for key in list(location.registry) if isinstance(key, tuple) and CookieWarning in key]
    for key in kept[:-_WARNINGS_KEPT]:
        location.registry.pop(key, None)


def findings(app: Flask, request: Request, lines: list[str]) -> list[Note]:
    """Return what is wrong with the Set-Cookie lines of the response to a request."""
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
    context = current.get(None)
    calls = Calls(app, None if context is None or context.request is not request else context._request_cookies)
    return [
        note._replace(cure=_SESSION_CURES.get(note.rule, note.cure)) if name in calls.session_names else note
        for name, note in find(lines, circumstances, details, known, calls)
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


# --- where a warning points to ----------------------------------------------------------------------------------------


class _Location(t.NamedTuple):
    """The view that answered, which is the closest known location to the line that set the cookie."""

    text: str
    file: str
    line: int
    module: str
    registry: dict[str | tuple[str, type[Warning], int], int]


def _location_of(app: Flask, request: Request) -> _Location:
    what = f"{request.method} {request.path}"
    view: t.Any = unwrap(app.view_functions.get(request.endpoint or "", _no_view))
    of_class = getattr(view, "view_class", None)
    if of_class is not None:
        view = unwrap(getattr(of_class, request.method.lower(), of_class.dispatch_request))
    code = getattr(view, "__code__", None)
    if code is None or view is _no_view:
        module = sys.modules.get(app.import_name)
        file = getattr(module, "__file__", None) or app.import_name
        registry = {} if module is None else vars(module).setdefault("__warningregistry__", {})
        return _Location(f"[{what}]", file, 1, app.import_name, registry)
    text = f"[{what}, answered by {view.__qualname__} in {view.__module__}, line {code.co_firstlineno}]"
    registry = view.__globals__.setdefault("__warningregistry__", {})
    return _Location(text, code.co_filename, code.co_firstlineno, view.__module__, registry)


def _no_view() -> None:
    """Do nothing: the placeholder for the view if no rule matched."""
