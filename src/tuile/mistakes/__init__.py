"""What to write instead, for mistakes that are often made: hints on errors that no view and no handler has handled.

The errors are Python's, Flask's and Werkzeug's own, with their texts. This module is imported with the first of them.
"""

from __future__ import annotations

import re
import typing as t
from difflib import get_close_matches

from ..hints import add_hint

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from werkzeug.routing import Rule

_COOKIE_ARGUMENTS = ("max_age", "expires", "path", "domain", "secure", "httponly", "samesite", "partitioned")
_OTHER_WORDS = {"maxage": "max_age", "lifetime": "max_age", "age": "max_age", "expiry": "expires", "expire": "expires"}
_SETS_COOKIES = {
    "Response.set_cookie": "response.set_cookie('name', 'value', {})",
    "Response.delete_cookie": "response.delete_cookie('name', {})",
    "Cookies.set": "cookies.set('name', 'value', {})",
    "Cookies.delete": "cookies.delete('name', {})",
    "TokenCookies.set": "cookies.signed.set('name', 'value', {})",
}
# What requests of other frameworks have.
_OF_REQUESTS = {
    "set_cookie": "cookies.set('name', 'value')",
    "delete_cookie": "cookies.delete('name')",
    "cookie": "request.cookies",
    "header": "request.headers",
    "GET": "request.args",
    "query": "request.args",
    "query_params": "request.args",
    "params": "request.args",
    "POST": "request.form",
    "post": "request.form",
    "FILES": "request.files",
    "body": "request.data",
    "text": "request.get_data(as_text=True)",
    "content": "request.data",
    "get": "request.args.get('name')",
    "session": "session, which is imported: from tuile import session",
    "user": "session['user'], or current_user of Flask-Login",
    "COOKIES": "request.cookies",
    "META": "request.environ, or request.headers",
    "ip": "request.remote_addr",
    "is_ajax": "request.headers.get('X-Requested-With')",
}
_CONVERSIONS = {
    "int": "return str(value)",
    "float": "return str(value)",
    "bool": 'return {"ok": value}, or text',
    "set": "return list(value)",
    "frozenset": "return list(value)",
    "coroutine": "define the view with `async def`, or await it",
    "generator": "return Response(generator)",
}


class _Mistake(t.NamedTuple):
    error: BaseException
    match: re.Match[str]
    config: Mapping[str, object]
    rule: Rule | None


def explain(error: BaseException, config: Mapping[str, object], rule: Rule | None) -> None:
    """Add a hint to an error if it comes from a frequent mistake.

    Args:
        error: The error.
        config: The settings of the application.
        rule: The rule that matched the request.
    """
    text = f"{type(error).__name__}: {error}"
    if len(text) > 2000:
        return
    for pattern, hint in _TABLE:
        match = pattern.search(text)
        if match is not None:
            found = hint(_Mistake(error, match, config, rule))
            if found:
                add_hint(error, found)
            return


def _keyword(mistake: _Mistake) -> str | None:
    function, given = mistake.match.groups()
    call = next((line for name, line in _SETS_COOKIES.items() if function.endswith(name)), None)
    if call is None:
        rule = mistake.rule
        if rule is not None and given in rule.arguments:
            name = function.rpartition(".")[2]
            return f"The rule {rule.rule!r} passes {given!r} to the view. Write: def {name}({given}): ..."
        return None
    bare = given.replace("_", "").lower()
    close = get_close_matches(bare, _COOKIE_ARGUMENTS, 1, 0.6)
    found = next((name for name in _COOKIE_ARGUMENTS if name.replace("_", "") == bare), None)
    argument = found or _OTHER_WORDS.get(bare) or (close[0] if close else None)
    if argument is None:
        return f"The attributes of a cookie are {', '.join(_COOKIE_ARGUMENTS)}."
    return f"The argument is {argument!r}, not {given!r}. Write: {call.format(f'{argument}=...')}"


def _missing_argument(mistake: _Mistake) -> str | None:
    function, given = mistake.match.groups()
    rule = mistake.rule
    if rule is None or given in rule.arguments or function.rpartition(".")[2] != str(rule.endpoint).rpartition(".")[2]:
        return None
    return f"The rule {rule.rule!r} has no <{given}>. Write: @app.route('{rule.rule.rstrip('/')}/<{given}>')"


def _of_request(mistake: _Mistake) -> str | None:
    instead = _OF_REQUESTS.get(mistake.match[1])
    return None if instead is None else f"Write: {instead}"


def _of_values(mistake: _Mistake) -> str:
    name = mistake.match[1]
    return f"Values are items here. Write: request.args['{name}'], or request.args.get('{name}') if it may be missing."


def _invalid_answer(mistake: _Mistake) -> str:
    kind = mistake.match[1]
    return f"Views return text, dict, list or a response. Write: {_CONVERSIONS.get(kind, 'return str(value)')}"


def _status(mistake: _Mistake) -> str:
    given = mistake.match[1]
    if given.strip("'").isdecimal() and given.startswith("'"):
        return f"The status is a number. Write: abort({given.strip(chr(39))})"
    return f"abort() is for errors, from 400 on. Write: return 'text', {given}"


def _of_g(mistake: _Mistake) -> str | None:
    if type(getattr(mistake.error, "obj", None)).__name__ != "_AppCtxGlobals":
        return None
    name = mistake.match[1]
    return (
        f"Nothing has set it in this request. Write: g.{name} = ... in a before_request function,"
        f" or g.get('{name}') if it may be missing."
    )


def _session_attribute(mistake: _Mistake) -> str:
    name = mistake.match[1]
    return f"Values of a session are items. Write: session['{name}'], or session.get('{name}') if it may be missing."


def _lifetime(mistake: _Mistake) -> str | None:
    value = mistake.config.get("PERMANENT_SESSION_LIFETIME")
    if not isinstance(value, str):
        return None
    return f"PERMANENT_SESSION_LIFETIME is {value!r}. Write: PERMANENT_SESSION_LIFETIME = timedelta(days=31)"


def _length(mistake: _Mistake) -> str | None:
    for name in ("MAX_CONTENT_LENGTH", "MAX_FORM_MEMORY_SIZE", "MAX_FORM_PARTS", "MAX_COOKIE_SIZE"):
        value = mistake.config.get(name)
        if isinstance(value, str):
            return f"{name} is {value!r}, not a number of bytes. Write: {name} = 16 * 1024 * 1024"
    return None


def _samesite(mistake: _Mistake) -> str | None:
    value = mistake.config.get("SESSION_COOKIE_SAMESITE")
    if value is None or str(value).title() in {"Strict", "Lax", "None"}:
        return None
    return f"The setting SESSION_COOKIE_SAMESITE is {value!r}. Write: SESSION_COOKIE_SAMESITE = 'Lax'"


def _json(mistake: _Mistake) -> str:
    kind = mistake.match[1]
    instead = {"set": "list(value)", "bytes": "value.decode()", "Decimal": "str(value)"}.get(kind)
    return f"JSON has no {kind}. Write: {instead or 'a dict of what is to be sent of it, such as {...}'}"


def _says(text: str) -> Callable[[_Mistake], str]:
    return lambda mistake: text.format(*mistake.match.groups())


_TABLE: tuple[tuple[re.Pattern[str], Callable[[_Mistake], str | None]], ...] = tuple(
    (re.compile(pattern), hint)
    for pattern, hint in (
        (r"^TypeError: (\S+)\(\) got an unexpected keyword argument '(\w+)'", _keyword),
        (r"^TypeError: (\S+)\(\) missing 1 required positional argument: '(\w+)'$", _missing_argument),
        (r"^AttributeError: 'Request' object has no attribute '(\w+)'", _of_request),
        (r"^AttributeError: '(?:Immutable|Combined)MultiDict' object has no attribute '(\w+)'", _of_values),
        (
            r"^TypeError: '(?:Immutable|Combined)MultiDict' objects are immutable",
            _says(
                "This is what the client sent. Write cookies with: cookies.set('name', 'value');"
                " copy values to change them: request.args.copy()"
            ),
        ),
        (r"^AttributeError: '\w*Session' object has no attribute '(\w+)'", _session_attribute),
        (r"^AttributeError: (\w+)$", _of_g),
        (r"^LookupError: no exception for ('?[\w ]+'?)$", _status),
        (r"did not return a valid response\. The function either returned None", _says("Write: return ...")),
        (r"did not return a valid response\. The return type must .* it was a (\w+)\.", _invalid_answer),
        (r"did not return a valid response tuple", _says("Write: return body, 201, {{'X-Name': 'value'}}")),
        (r"^TypeError: Object of type (\w+) is not JSON serializable", _json),
        (
            r"^TemplateNotFound: (\S+)$",
            _says("Templates are in the folder 'templates' beside the module of the app: templates/{0}"),
        ),
        (
            r"^RuntimeError: The session is unavailable because no secret key was set",
            _says("Write: app.config['SECRET_KEY'] = ..., with what `tuile secret` prints."),
        ),
        (r"^TypeError: unsupported type for timedelta", _lifetime),
        (r"^TypeError: '[<>]=?' not supported between instances of '(?:int|str)' and '(?:int|str)'", _length),
        (r"^CookieSyntaxError: SameSite must be", _samesite),
        (r"^BuildError: Could not build url for endpoint '(\S+)'", _says("`tuile routes` lists the endpoints.")),
    )
)
