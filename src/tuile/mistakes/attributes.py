"""Hints on attributes, items and calls of requests, responses, sessions, `g` and settings."""

from __future__ import annotations

import re
import typing as t

from .mistake import says

if t.TYPE_CHECKING:
    from .mistake import Hint, Mistake

# What requests of other frameworks have.
_OF_REQUESTS = {
    "set_cookie": "cookies.set('name', 'value')",
    "delete_cookie": "cookies.delete('name')",
    "cookie": "request.cookies",
    "header": "request.headers",
    "get_header": "request.headers.get('Name')",
    "GET": "request.args",
    "query": "request.args",
    "query_params": "request.args",
    "params": "request.args, or request.view_args for the variables of the rule",
    "path_params": "request.view_args",
    "POST": "request.form",
    "post": "request.form",
    "forms": "request.form",
    "FILES": "request.files",
    "file": "request.files",
    "body": "request.data",
    "text": "request.get_data(as_text=True)",
    "content": "request.data",
    "get": "request.args.get('name')",
    "session": "session, which is imported: from tuile import session",
    "user": "session['user'], or current_user of Flask-Login",
    "COOKIES": "request.cookies",
    "META": "request.environ, or request.headers",
    "ip": "request.remote_addr",
    "client": "request.remote_addr",
    "client_ip": "request.remote_addr",
    "is_ajax": "request.headers.get('X-Requested-With')",
    "uri": "request.url",
    "get_full_path": "request.full_path",
    "build_absolute_uri": "request.url",
    "protocol": "request.scheme",
    "app": "current_app, which is imported: from tuile import current_app",
    "state": "g, which is imported: from tuile import g",
}
_OF_RESPONSES = {
    "cookies": "response.set_cookie('name', 'value')",
    "cookie": "response.set_cookie('name', 'value')",
    "setCookie": "response.set_cookie('name', 'value')",
    "add_cookie": "response.set_cookie('name', 'value')",
    "del_cookie": "response.delete_cookie('name')",
    "remove_cookie": "response.delete_cookie('name')",
    "unset_cookie": "response.delete_cookie('name')",
    "clear_cookie": "response.delete_cookie('name')",
    "body": "response.data",
    "content": "response.data",
    "text": "response.get_data(as_text=True)",
    "write": "response.data = b'...'",
    "header": "response.headers['Name'] = 'value'",
    "set_header": "response.headers['Name'] = 'value'",
    "add_header": "response.headers.add('Name', 'value')",
    "code": "response.status_code",
    "status_int": "response.status_code",
    "media_type": "response.mimetype",
}
_OF_SESSIONS = {
    "set": "session['name'] = value",
    "put": "session['name'] = value",
    "delete": "session.pop('name', None)",
    "remove": "session.pop('name', None)",
    "unset": "session.pop('name', None)",
    "has_key": "'name' in session",
    "flush": "session.clear()",
    "destroy": "session.clear()",
    "invalidate": "session.clear()",
    "is_new": "session.new",
    "set_expiry": "session.permanent = True, and PERMANENT_SESSION_LIFETIME",
    "expires": "session.permanent = True, and PERMANENT_SESSION_LIFETIME",
    "max_age": "session.permanent = True, and PERMANENT_SESSION_LIFETIME",
    "cycle_key": "session.regenerate()",
    "rotate": "session.regenerate()",
    "regenerate_id": "session.regenerate()",
}
# Properties that are often called.
_MAPPINGS = ("args", "form", "files", "cookies", "headers", "values", "view_args", "environ")
_CALLED: dict[str, str] = {
    "json": "{0}.json, or {0}.get_json(silent=True)",
    "permanent": "session.permanent = True",
    "modified": "session.modified = True",
    **{name: f"{{0}}.{name}.get('name')" for name in _MAPPINGS},
}
_CALL = re.compile(r"\b(\w+)\.(\w+)\(")
_ITEM = re.compile(r"\b(session|g|os\.environ|(?:app|current_app)\.config|request\.\w+)\[(['\"])([^'\"]*)\2\]")


def _of_request(mistake: Mistake) -> str | None:
    instead = _OF_REQUESTS.get(mistake.match[1])
    return None if instead is None else f"Write: {instead}"


def _of_response(mistake: Mistake) -> str | None:
    instead = _OF_RESPONSES.get(mistake.match[1])
    return None if instead is None else f"Write: {instead}"


def _of_values(mistake: Mistake) -> str:
    name = mistake.match[1]
    return f"Values are items here. Write: request.args['{name}'], or request.args.get('{name}') if it may be missing."


def _of_session(mistake: Mistake) -> str:
    name = mistake.match[1]
    if name in {"save", "commit"}:
        return "It is saved with the response, without a call. After changing a list in it: session.modified = True"
    if name in _OF_SESSIONS:
        return f"Write: {_OF_SESSIONS[name]}"
    return f"Values of a session are items. Write: session['{name}'], or session.get('{name}') if it may be missing."


def _of_g(mistake: Mistake) -> str | None:
    if type(getattr(mistake.error, "obj", None)).__name__ != "_AppCtxGlobals":
        return None
    name = mistake.match[1]
    return (
        f"Nothing has set it in this request. Write: g.{name} = ... in a before_request function,"
        f" or g.get('{name}') if it may be missing."
    )


def _called(mistake: Mistake) -> str | None:
    """A property that was called as if it were a method."""
    for owner, name in _CALL.findall(mistake.line()):
        if owner in {"request", "session", "response"} and (name in _CALLED or name.startswith("is_")):
            instead = (_CALLED.get(name) or f"{{0}}.{name}").format(owner)
            return f"{owner}.{name} is no method. Write: {instead}"
    return None


def _missing_item(mistake: Mistake) -> str | None:
    for owner, _, name in _ITEM.findall(mistake.line()):
        if repr(name) == mistake.match[1]:
            return f"It is not there. Write {owner}.get({name!r}) if it may be missing."
    return None


def _not_subscriptable(mistake: Mistake) -> str | None:
    found = re.search(r"\burl_for\(\s*([\w.]+)", mistake.line())
    if found is None:
        return None
    return f"url_for() takes the name of an endpoint. Write: url_for('{found[1].rpartition('.')[2]}')"


TABLE: tuple[tuple[str, Hint], ...] = (
    (r"^AttributeError: 'Request' object has no attribute '(\w+)'", _of_request),
    (r"^AttributeError: 'Response' object has no attribute '(\w+)'", _of_response),
    (r"^AttributeError: '(?:Immutable|Combined)MultiDict' object has no attribute '(\w+)'", _of_values),
    (
        r"^TypeError: '(?:Immutable|Combined)MultiDict' objects are immutable",
        says(
            "This is what the client sent. Write cookies with: cookies.set('name', 'value');"
            " copy values to change them: request.args.copy()"
        ),
    ),
    (r"^AttributeError: '\w*Session' object has no attribute '(\w+)'", _of_session),
    (
        r"^AttributeError: 'Config' object has no attribute '(\w+)'",
        says("Settings are items. Write: app.config['{0}'], or app.config.get('{0}') if it may be missing."),
    ),
    (r"^AttributeError: (\w+)$", _of_g),
    (r"^TypeError: '\w+' object is not callable$", _called),
    (r"^TypeError: 'function' object is not subscriptable$", _not_subscriptable),
    (r"^(?:KeyError|BadRequestKeyError): ('[^']*')$", _missing_item),
)
