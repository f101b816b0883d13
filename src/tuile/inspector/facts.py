"""Copy the facts about a request into its recording: headers, cookies, form, session, response.

Each `note_` function is called while the request runs. What it can leave for later, a `show_` function does.
"""

from __future__ import annotations

import typing as t
from operator import is_
from time import perf_counter_ns

from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from ..ctx.app_context import current_value
from ..http.cookie_header import parse_cookie
from ..sessions.tracked import IMMUTABLE
from .costs import reasons_of
from .hidden import LONGEST_NAME, Shown, cut, decoded, is_secret_name, show
from .places import place_of_error
from .read_session import keep_key
from .records import MOST_COOKIES, WITHOUT_BODY, ReceivedCookie, Recording, SetCookie
from .watching import show_cookie

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.routing import Rule

    from ..app import Flask
    from ..ctx.cookies import Cookies
    from ..sessions import SessionMixin
    from ..wrappers.request import Request
    from ..wrappers.response import Response

#: How many characters of a Cookie header are looked at, and of the attributes of a Set-Cookie line.
_MOST_OF_HEADER = 16_384
_MOST_OF_ATTRIBUTES = 4096
_MOST_OF_BODY = 200
# The cookies of the last Cookie headers, as they are shown.
_shown_headers: dict[tuple[int, int, frozenset[str]], list[ReceivedCookie]] = {}
_MOST_HEADERS = 32
# The same of single cookies: one of them changes with each request, the others seldom do.
_shown_cookies: dict[tuple[str, int, int, frozenset[str]], ReceivedCookie] = {}
_MOST_SHOWN = 512
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
_KEPT_KEYS = (
    "wsgi.url_scheme",
    "SCRIPT_NAME",
    "PATH_INFO",
    "HTTP_HOST",
    "SERVER_NAME",
    "QUERY_STRING",
    "REMOTE_ADDR",
    "HTTP_USER_AGENT",
    "CONTENT_TYPE",
    *_ORIGIN_HEADERS,
)
# How many characters of all these values, and of one of them, are kept if they have more in all.
_MOST_OF_VALUES = 4000
_MOST_OF_VALUE = 1001
_TEXTS = ("text/", "application/json", "application/xml", "application/javascript")


def note_request(found: Recording, environ: WSGIEnvironment) -> None:
    """Record what an environ says about a request."""
    get = environ.get
    found.method = get("REQUEST_METHOD", "")[:20]
    values = [*map(get, _KEPT_KEYS)]
    try:
        length = len("".join(filter(None, values)))
    except TypeError:
        values, length = [None if value is None else str(value) for value in values], _MOST_OF_VALUES + 1
    if length > _MOST_OF_VALUES:
        values = [value and value[:_MOST_OF_VALUE] for value in values]
        length = sum([len(value) for value in values if value])
    found.kept_length = length
    found.kept_facts.append((show_request, (values,)))
    header = get("HTTP_COOKIE")
    if header:
        note_cookies(found, header)


def show_request(found: Recording, values: list[str | None]) -> None:
    """Show what `note_request` has kept of an environ."""
    scheme, mount, path, host, server, query, address, agent, content_type, *origin = values
    found.path = decoded((mount or "") + (path or ""), 1000)
    found.scheme = (scheme or "http")[:10]
    found.host = (host or server or "")[:300]
    found.query = decoded(query or "", 1000)
    found.address = (address or "")[:60]
    found.agent = decoded(agent or "", 300)
    found.content_type = (content_type or "")[:100]
    named = zip(_ORIGIN_HEADERS, origin, strict=True)
    found.origin_headers = {name: value[:300] for name, value in named if value is not None}


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
        cookies = []
        for name, value in pairs:
            pair = name, hash(value), len(value), found.session_names
            shown = _shown_cookies.get(pair)
            if shown is None:
                shown = ReceivedCookie(cut(name, LONGEST_NAME), show_cookie(found, name, value))
                if len(_shown_cookies) >= _MOST_SHOWN:
                    _shown_cookies.clear()
                if len(name) <= LONGEST_NAME:
                    _shown_cookies[pair] = shown
            cookies.append(shown)
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
            found.response_type = value if len(value) <= 100 else cut(value, 100)
        elif lowered == "location":
            found.location = cut(value, 1000)
            found.kept_length += len(found.location)
        elif lowered == "content-length" and value.isdigit():
            found.body_length = int(value[:15])


def note_declarations(found: Recording, app: Flask, headers: Iterable[tuple[str, str]]) -> None:
    """Record which cookies of a response are not declared, and which were withheld for want of consent."""
    if found.set_cookies and app.declared_cookies:
        lines = [value for name, value in headers if name.lower() == "set-cookie"]
        found.undeclared = [cut(name, LONGEST_NAME) for name in app.undeclared_cookies(lines[:MOST_COOKIES])]
    context = current_value(None)
    cookies = None if context is None or context.request is None else context._cookies
    if cookies is not None and cookies._withheld:
        found.withheld = dict(cookies._withheld)


def set_cookie_of(found: Recording, line: str) -> SetCookie:
    """Return the parts of a Set-Cookie line."""
    known = found.split_lines.get(line)
    if known is not None:
        return known
    pair, separator, attributes = line.partition(";")
    name, _, value = pair.partition("=")
    name, value = name.strip(" \t"), value.strip(" \t")
    is_secret = name in found.session_names or name in found.secret_cookies or is_secret_name(name)
    shown = show(value, is_secret=is_secret)
    parts = SetCookie(cut(name, 1000), shown, cut(separator + attributes, _MOST_OF_ATTRIBUTES), len(value))
    if len(found.split_lines) < MOST_COOKIES:
        found.split_lines[line] = parts
    return parts


def note_end(found: Recording, beginning: Iterable[bytes], length: int) -> None:
    """Record how long a body is, and its beginning if it is text."""
    found.body_length = length if length or found.method != "HEAD" else found.body_length
    if length and found.response_type.startswith(_TEXTS):
        pieces = list(beginning)[:4]
        start = (pieces[0] if len(pieces) == 1 else b"".join(pieces))[: 4 * _MOST_OF_BODY]
        found.kept_length += len(start)
        found.kept_facts.append((show_body, (start,)))


def show_body(found: Recording, start: bytes) -> None:
    """Show the beginning of a body."""
    found.body_start = _beginning(start.decode("utf-8", "replace"))


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
    found.add("error", where, name, None, None, place_of_error(error), note)


def note_rule(found: Recording, app: Flask) -> None:
    """Record the rule of the current request and its view, if a rule matched."""
    context = current_value(None)
    rule = None if context is None or context.request is None else context.request.url_rule
    if rule is not None:
        found.kept_facts.append((show_rule, (rule, app.view_functions.get(rule.endpoint))))


def note_response(found: Recording, app: Flask, response: Response) -> None:
    """Record what is known when the view has returned: the rule, the form, and why there is no fast path."""
    context = current_value(None)
    request = None if context is None else context.request
    if context is None or request is None:
        return
    note_rule(found, app)
    if found.method not in WITHOUT_BODY:
        note_body(found, request)
    reasons = reasons_of(app, context, found)
    if reasons:
        found.slow_reasons = [*found.slow_reasons, *reasons]
    take_snapshot(found, "response", response)


def show_rule(found: Recording, rule: Rule, view: object) -> None:
    """Show which rule and view have answered."""
    found.endpoint, found.rule = cut(str(rule.endpoint), 100), cut(str(rule.rule), 200)
    found.view = cut(f"{getattr(view, '__module__', '')}.{getattr(view, '__qualname__', '')}", 200)


def note_body(found: Recording, request: Request) -> None:
    """Record the form or the JSON of a request, if the application has read it."""
    known = vars(request)
    form, files = known.get("form"), known.get("files")
    if isinstance(form, MultiDict):
        pairs = list(form.items(multi=True))[:_MOST_FIELDS]
        found.form = [(cut(str(name), LONGEST_NAME), cut(str(value), _MOST_OF_FIELD)) for name, value in pairs]
    if isinstance(files, MultiDict):
        pairs = list(files.items(multi=True))[:_MOST_FIELDS]
        found.files = [(cut(str(name), LONGEST_NAME), cut(str(file.filename), LONGEST_NAME)) for name, file in pairs]
    sent = known.get("_cached_data")
    content_type = request.environ.get("CONTENT_TYPE") or ""
    if isinstance(sent, bytes) and "json" in content_type[:100] and len(sent) <= _MOST_OF_FIELD:
        found.json = sent.decode("utf-8", "replace")


def take_snapshot(found: Recording, step: str, response: Response | None = None) -> None:
    """Record the session and the cookies of the response as they are now."""
    context = current_value(None)
    if context is None or context.request is None:
        return
    snapshots = found.kept_snapshots
    opened, cookies = context._opened_session, context._cookies
    # Without the exception that looking for a header that is missing leads to.
    lines = [] if response is None else [line for name, line in response.headers._list if name == "Set-Cookie"]
    if step == "response" and found.returned and snapshots and snapshots[-1][0] == "view":
        # The view has returned, and no code of the user has run since.
        _, session, written, _ = snapshots[-1]
        if not lines:
            return
        written = _response_cookies(found, cookies, lines)
        snapshots.append((step, session, written, perf_counter_ns()))
        return
    written = {}
    if lines or (cookies is not None and cookies._written):
        written = _response_cookies(found, cookies, lines)
    elif response is None and snapshots:
        written = snapshots[-1][2]
    session = None if opened is None else _session_of(found, opened)
    if snapshots and step != "view" and session is snapshots[-1][1] and written == snapshots[-1][2]:
        return
    snapshots.append((step, session, written, perf_counter_ns()))


def _session_of(found: Recording, session: SessionMixin) -> dict[object, object]:
    """Return the content of a session as it is kept: the object of the last call if nothing can have changed."""
    if not isinstance(session, dict):
        return {}
    # Without reading it through its own methods.
    keys, values = [*dict.keys(session)], [*dict.values(session)]
    last = found.last_session
    if last is not None and keys == last[0] and all(map(is_, values, last[1])):
        return last[2]
    kept: dict[object, object] = {}
    can_change = False
    for key, value in zip(keys[:_MOST_KEYS], values, strict=False):
        name = key if type(key) is not str or len(key) <= LONGEST_NAME else cut(key, LONGEST_NAME)
        kept[name] = keep_key(found, key, value)
        can_change = can_change or type(value) not in IMMUTABLE
    found.last_session = None if can_change else (keys, values, kept)
    return kept


def _response_cookies(found: Recording, cookies: Cookies | None, lines: list[str]) -> dict[str, Shown | None]:
    shown: dict[str, Shown | None] = {}
    for line in lines[:MOST_COOKIES]:
        parts = set_cookie_of(found, line)
        shown[parts.name[:LONGEST_NAME]] = None if _deletes(parts.attributes) else parts.value
    if cookies is not None:
        for name, value in list(cookies._written.items())[:MOST_COOKIES]:
            shown[cut(name, 100)] = None if value is None else show_cookie(found, name, value)
    return shown


def _deletes(attributes: str) -> bool:
    return "max-age=0" in attributes.lower().replace(" ", "")
