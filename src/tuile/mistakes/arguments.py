"""Hints on calls with wrong arguments: of cookies, of helpers, of test clients, of views and hooks."""

from __future__ import annotations

import typing as t
from difflib import get_close_matches

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .mistake import Hint, Mistake

    Entry = t.TypeVar("Entry")

_OF_COOKIES = ("max_age", "expires", "path", "domain", "secure", "httponly", "samesite", "partitioned")
_OF_DECLARED = (*_OF_COOKIES, "default", "type", "choices", "prefix", "signed", "encrypted", "invalid", "purpose")
_OTHER_WORDS = {
    "maxage": "max_age",
    "lifetime": "max_age",
    "age": "max_age",
    "ttl": "max_age",
    "expiry": "expires",
    "expire": "expires",
    "options": "choices",
    "allowed": "choices",
    "description": "purpose",
}
# By the end of a function's qualified name: how it is called with an attribute of a cookie.
_SETS_COOKIES = {
    "Response.set_cookie": "response.set_cookie('name', 'value', {})",
    "Response.delete_cookie": "response.delete_cookie('name', {})",
    "Cookies.set": "cookies.set('name', 'value', {})",
    "Cookies.delete": "cookies.delete('name', {})",
    "TokenCookies.set": "cookies.signed.set('name', 'value', {})",
    "DeclaredCookie.__init__": "app.cookie('name', {})",
}
# The same for functions that have another name for what other libraries or earlier versions call so.
_OTHER_ARGUMENTS = {
    "EnvironBuilder.__init__": {
        "params": "query_string={'name': 'value'}",
        "body": "data=...",
        "content": "data=...",
        "form": "data={'name': 'value'}",
        "files": "data={'field': (io.BytesIO(b'...'), 'name.txt')}",
        "cookies": "client.set_cookie('name', 'value'), before the request",
        "allow_redirects": "follow_redirects=True",
    },
    "redirect": {"status": "redirect(location, code=303)", "status_code": "redirect(location, code=303)"},
    "Response.__init__": {
        "status_code": "status=201",
        "body": "Response('text'): the body is the first argument",
        "content": "Response('text'): the body is the first argument",
        "media_type": "mimetype='text/plain'",
    },
    "send_file": {
        "filename": "download_name='name.txt'",
        "attachment_filename": "download_name='name.txt'",
        "cache_timeout": "max_age=3600",
        "add_etags": "etag=True",
        "content_type": "mimetype='text/plain'",
        "media_type": "mimetype='text/plain'",
    },
    "Flask.run": {"reload": "use_reloader=True", "workers": "`tuile serve --workers 2`"},
}
# Calls with too many arguments without a name, or with none at all.
_OTHER_CALLS = {
    "render_template": "Values are given by name. Write: render_template('name.html', **values)",
    "render_template_string": "Values are given by name. Write: render_template_string(source, **values)",
    "url_for": "Values are given by name. Write: url_for('endpoint', name='value')",
    **dict.fromkeys(
        (f"Scaffold.{method}" for method in ("route", "get", "post", "put", "delete", "patch")),
        "It is a decorator. Write it above the view, as @app.get('/'), or: app.add_url_rule('/', view_func=function)",
    ),
    "Flask.__init__": "Write: Flask(__name__)",
    "Blueprint.__init__": "Write: Blueprint('name', __name__)",
}


def _ending(function: str, table: Mapping[str, Entry]) -> Entry | None:
    """Return the entry of a table for a function by the end of its qualified name."""
    return next((entry for name, entry in table.items() if f".{function}".endswith(f".{name}")), None)


def _keyword(mistake: Mistake) -> str | None:
    function, given = mistake.match.groups()
    call = _ending(function, _SETS_COOKIES)
    if call is not None:
        return _attribute_of_a_cookie(call, given)
    instead = (_ending(function, _OTHER_ARGUMENTS) or {}).get(given)
    if instead is not None:
        return f"Write: {instead}"
    rule = mistake.rule
    if rule is None or given not in rule.arguments:
        return None
    name = function.rpartition(".")[2]
    return f"The rule {rule.rule!r} passes {given!r} to the view. Write: def {name}({given}): ..."


def _attribute_of_a_cookie(call: str, given: str) -> str:
    known = _OF_DECLARED if call.startswith("app.cookie") else _OF_COOKIES
    bare = given.replace("_", "").lower()
    close = get_close_matches(bare, known, 1, 0.6)
    found = next((name for name in known if name.replace("_", "") == bare), None)
    argument = found or _OTHER_WORDS.get(bare) or (close[0] if close else None)
    if argument not in known:
        return f"The attributes of a cookie are {', '.join(known)}."
    return f"The argument is {argument!r}, not {given!r}. Write: {call.format(f'{argument}=...')}"


def _number(mistake: Mistake) -> str | None:
    """A call with too many arguments without a name, or too few."""
    function = mistake.match[1]
    call = _ending(function, _SETS_COOKIES)
    if call is not None:
        return f"Attributes are given by name. Write: {call.format('max_age=...')}"
    return _ending(function, _OTHER_CALLS) or _hook(mistake)


def _missing(mistake: Mistake) -> str | None:
    function, given = mistake.match.groups()
    rule = mistake.rule
    if rule is None or function.rpartition(".")[2] != str(rule.endpoint).rpartition(".")[2]:
        return _ending(function, _OTHER_CALLS) or _hook(mistake)
    if given == "self":
        return "It is a method of a class, and needs an object: register object.method, or use tuile.views.MethodView."
    if given in rule.arguments:
        return None
    written = next((form for form in (f"{{{given}}}", f":{given}") if form in rule.rule), None)
    path = rule.rule.replace(written, f"<{given}>") if written else f"{rule.rule.rstrip('/')}/<{given}>"
    return f"The rule {rule.rule!r} has no <{given}>. Write: @app.route('{path}')"


# By kind of function: what it is called with, and how it is written.
_HOOKS = {
    "before_request_funcs": "A before_request function gets no arguments. Write: def {}(): ...",
    "after_request_funcs": "An after_request function gets the response. Write: def {}(response): ...; return response",
    "teardown_request_funcs": "A teardown_request function gets the exception or None. Write: def {}(error): ...",
    "template_context_processors": "A context processor gets no arguments. Write: def {}(): return {{'name': value}}",
    "error_handler_spec": "An error handler gets the error. Write: def {}(error): ...",
    "teardown_appcontext_funcs": "A teardown_appcontext function gets the exception or None. Write: def {}(error): ...",
}


def _hook(mistake: Mistake) -> str | None:
    """A function that was registered for something else than it is written for."""
    if mistake.app is None or mistake.is_raised_by_user():
        return None
    name = mistake.match[1]
    for registry, hint in _HOOKS.items():
        if any(getattr(f, "__qualname__", None) == name for f in _leaves(getattr(mistake.app, registry))):
            return hint.format(name.rpartition(".")[2])
    return None


def _leaves(registry: object) -> Iterator[object]:
    """Yield the functions of a registry, however deep it is."""
    if isinstance(registry, dict):
        registry = list(registry.values())
    if isinstance(registry, list):
        for entry in registry:
            yield from _leaves(entry)
    else:
        yield registry


TABLE: tuple[tuple[str, Hint], ...] = (
    (r"^TypeError: (\S+)\(\) got an unexpected keyword argument '(\w+)'", _keyword),
    (r"^TypeError: (\S+)\(\) takes (?:from )?\d.* positional arguments? but \d+ (?:was|were) given$", _number),
    (r"^TypeError: (\S+)\(\) missing 1 required positional argument: '(\w+)'$", _missing),
)
