"""Copy the facts about a request into its recording: headers, cookies, form, session, response."""

from __future__ import annotations

import typing as t

from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from ..ctx.app_context import current
from ..http.cookie_header import parse_cookie
from ..sessions.tracked import IMMUTABLE
from .costs import reasons_of
from .hidden import LONGEST_NAME, Shown, cut, decoded, is_secret_name, show
from .places import place_of_error
from .read_session import content_of, show_key
from .records import MOST_COOKIES, Event, ReceivedCookie, Recording, SetCookie, Snapshot
from .watching import show_cookie

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from _typeshed.wsgi import WSGIEnvironment

    from ..app import Flask
    from ..ctx.cookies import Cookies
    from ..wrappers.response import Response

#: How many characters of a Cookie header are looked at, and of the attributes of a Set-Cookie line.
_MOST_OF_HEADER = 16_384
_MOST_OF_ATTRIBUTES = 4096
_MOST_OF_BODY = 200
# The cookies of the last Cookie headers, as they are shown.
_shown_headers: dict[tuple[int, int, frozenset[str]], list[ReceivedCookie]] = {}
_MOST_HEADERS = 32
_MOST_FIELDS = 50
_MOST_OF_FIELD = 2000
_MOST_KEYS = 50
_ORIGIN_HEADERS = (
    "HTTP_ORIGIN",
    "HTTP_REFERER",
    "HTTP_SEC_FETCH_SITE",
    "HTTP_SEC_FETCH_MODE",
    "HTTP_SEC_FETCH_DEST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_REQUESTED_WITH",
)
_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})
_TEXTS = ("text/", "application/json", "application/xml", "application/javascript")


def note_request(found: Recording, environ: WSGIEnvironment) -> None:
    """Record what an environ says about a request."""
    get = environ.get
    # First what a table cannot do without: the rest may be malformed.
    found.method = get("REQUEST_METHOD", "")[:20]
    found.path = decoded(get("SCRIPT_NAME", "") + get("PATH_INFO", ""), 1000)
    found.scheme = get("wsgi.url_scheme", "http")[:10]
    found.host = (get("HTTP_HOST") or get("SERVER_NAME") or "")[:300]
    found.query = decoded(get("QUERY_STRING", ""), 1000)
    found.address = str(get("REMOTE_ADDR", ""))[:60]
    found.agent = decoded(get("HTTP_USER_AGENT", ""), 300)
    found.content_type = (get("CONTENT_TYPE") or "")[:100]
    found.origin_headers = {name: environ[name][:300] for name in _ORIGIN_HEADERS if name in environ}
    note_cookies(found, get("HTTP_COOKIE"))


def note_cookies(found: Recording, header: object) -> None:
    """Record the cookies of a Cookie header."""
    if not isinstance(header, str) or not header:
        return
    found.cookie_header_length = len(header)
    # Most requests of a client bring the same cookies. The header itself is not kept, because it has secrets.
    key = hash(header), len(header), found.session_names
    cookies = _shown_headers.get(key)
    if cookies is None:
        pairs = parse_cookie(header[:_MOST_OF_HEADER])[:MOST_COOKIES]
        cookies = [ReceivedCookie(cut(name, LONGEST_NAME), show_cookie(found, name, value)) for name, value in pairs]
        if len(_shown_headers) >= _MOST_HEADERS:
            _shown_headers.clear()
        _shown_headers[key] = cookies
    found.cookies = cookies


def note_start(found: Recording, status: str, headers: Iterable[tuple[str, str]]) -> None:
    """Record the status and the headers of a response."""
    code = status[:3]
    found.status = int(code) if code.isdigit() else 0
    set_cookies: list[SetCookie] = []
    found.set_cookies = set_cookies
    for name, value in headers:
        lowered = name.lower()
        if lowered == "set-cookie":
            if len(set_cookies) < MOST_COOKIES:
                set_cookies.append(set_cookie_of(found, value))
        elif lowered == "content-type":
            found.response_type = cut(value, 100)
        elif lowered == "location":
            found.location = cut(value, 1000)
        elif lowered == "content-length" and value.isdigit():
            found.body_length = int(value[:15])


def note_declarations(found: Recording, app: Flask, headers: Iterable[tuple[str, str]]) -> None:
    """Record which cookies of a response are not declared, and which were withheld for want of consent."""
    lines = [value for name, value in headers if name.lower() == "set-cookie"]
    if lines and app.declared_cookies:
        found.undeclared = [cut(name, LONGEST_NAME) for name in app.undeclared_cookies(lines[:MOST_COOKIES])]
    context = current.get(None)
    cookies = None if context is None else context._cookies
    if cookies is not None and cookies._withheld:
        found.withheld = dict(cookies._withheld)


def set_cookie_of(found: Recording, line: str) -> SetCookie:
    """Return the parts of a Set-Cookie line."""
    pair, separator, attributes = line.partition(";")
    name, _, value = pair.partition("=")
    name, value = name.strip(" \t"), value.strip(" \t")
    written = [event for event in found.events if event.name == name and event.what in {"write", "delete"}]
    is_secret = name in found.session_names or is_secret_name(name)
    is_secret |= any(event.where in {"cookies.signed", "cookies.encrypted"} for event in written)
    shown = show(value, is_secret=is_secret)
    return SetCookie(cut(name, 1000), shown, cut(separator + attributes, _MOST_OF_ATTRIBUTES), len(value))


def note_end(found: Recording, beginning: Iterable[bytes], length: int) -> None:
    """Record how long a body is, and its beginning if it is text."""
    found.body_length = length if length or found.method != "HEAD" else found.body_length
    if length and found.response_type.startswith(_TEXTS):
        pieces = list(beginning)[:4]
        text = b"".join(piece[: 4 * _MOST_OF_BODY] for piece in pieces)[: 4 * _MOST_OF_BODY]
        found.body_start = _beginning(text.decode("utf-8", "replace"))


def _beginning(text: str) -> str:
    """Return the beginning of a text; of a page, its title."""
    if not text[:200].lstrip().lower().startswith(("<!doctype", "<html")):
        return cut(text, _MOST_OF_BODY)
    _, _, title = text.partition("<title>")
    return cut(f"(page) {title.partition('</title>')[0].strip()}" if title else "(page)", _MOST_OF_BODY)


def note_error(found: Recording, error: BaseException) -> None:
    """Record an exception of a hook or a view, or one that goes to the server, once."""
    if error in found.errors:
        return
    found.errors.append(error)
    is_http = isinstance(error, HTTPException)
    found.status = found.status or (500 if not is_http else 0)
    where = "http" if is_http else "exception"
    name, note = type(error).__name__, cut(str(error), 300)
    found.add(Event("error", where, name, None, None, place_of_error(error), found.now_us(), note))


def note_rule(found: Recording, app: Flask) -> None:
    """Record the rule of the current request and its view, if a rule matched."""
    context = current.get(None)
    rule = None if context is None or context.request is None else context.request.url_rule
    if rule is not None:
        found.endpoint, found.rule = cut(str(rule.endpoint), 100), cut(str(rule.rule), 200)
        view = app.view_functions.get(rule.endpoint)
        found.view = cut(f"{getattr(view, '__module__', '')}.{getattr(view, '__qualname__', '')}", 200)


def note_response(found: Recording, app: Flask, response: Response) -> None:
    """Record what is known when the view has returned: the rule, the form, and why there is no fast path."""
    context = current.get(None)
    request = None if context is None else context.request
    if context is None or request is None:
        return
    note_rule(found, app)
    if found.method not in _WITHOUT_BODY:
        note_body(found, vars(request))
    found.slow_reasons += reasons_of(app, context, found)
    take_snapshot(found, "response", response)


def note_body(found: Recording, known: Mapping[str, object]) -> None:
    """Record the form or the JSON of a request, if the application has read it."""
    form, files = known.get("form"), known.get("files")
    if isinstance(form, MultiDict):
        pairs = list(form.items(multi=True))[:_MOST_FIELDS]
        found.form = [(cut(str(name), LONGEST_NAME), cut(str(value), _MOST_OF_FIELD)) for name, value in pairs]
    if isinstance(files, MultiDict):
        pairs = list(files.items(multi=True))[:_MOST_FIELDS]
        found.files = [(cut(str(name), LONGEST_NAME), cut(str(file.filename), LONGEST_NAME)) for name, file in pairs]
    sent = known.get("_cached_data")
    if isinstance(sent, bytes) and "json" in found.content_type and len(sent) <= _MOST_OF_FIELD:
        found.json = sent.decode("utf-8", "replace")


def take_snapshot(found: Recording, step: str, response: Response | None = None) -> None:
    """Record the session and the cookies of the response as they are now."""
    context = current.get(None)
    if context is None or context.request is None:
        return
    last = found.snapshots[-1] if found.snapshots else _NO_SNAPSHOT
    opened, cookies = context._opened_session, context._cookies
    if opened is None and cookies is None and (response is None or not _sets_cookies(response)):
        # Most requests of APIs and all of files.
        found.snapshots.append(Snapshot(step, None, last.response_cookies, found.now_us()))
        return
    session = None if opened is None else _session_of(found, content_of(opened))
    written = _response_cookies(found, cookies, response)
    # One dictionary for all steps that change nothing.
    session = last.session if session == last.session else session
    written = last.response_cookies if written == last.response_cookies else written
    found.snapshots.append(Snapshot(step, session, written, found.now_us()))


def _sets_cookies(response: Response) -> bool:
    # Without the exception that looking for a header that is missing leads to.
    return any(name == "Set-Cookie" for name, _ in response.headers._list)


_NO_SNAPSHOT = Snapshot("", None, {}, 0)


def _session_of(found: Recording, content: dict[str, object]) -> dict[str, Shown]:
    shown: dict[str, Shown] = {}
    known = found.shown_keys
    for key, value in content.items():
        if len(shown) == _MOST_KEYS:
            break
        earlier = known.get(key)
        if earlier is None or earlier[0] is not value or type(value) not in IMMUTABLE:
            earlier = known[key] = value, show_key(found, key, value)
        shown[cut(str(key), 100)] = earlier[1]
    return shown


def _response_cookies(found: Recording, cookies: Cookies | None, response: Response | None) -> dict[str, Shown | None]:
    shown: dict[str, Shown | None] = {}
    if response is not None:
        for name, line in response.headers:
            if name == "Set-Cookie" and len(shown) < MOST_COOKIES:
                parts = set_cookie_of(found, line)
                shown[cut(parts.name, 100)] = None if _deletes(parts.attributes) else parts.value
    if cookies is not None:
        for name, value in list(cookies._written.items())[:MOST_COOKIES]:
            shown[cut(name, 100)] = None if value is None else show_cookie(found, name, value)
    return shown


def _deletes(attributes: str) -> bool:
    return "max-age=0" in attributes.lower().replace(" ", "")
