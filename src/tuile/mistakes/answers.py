"""Hints on what views return, and on what they call for it: templates, URLs, abort, JSON."""

from __future__ import annotations

import typing as t

from .mistake import says

if t.TYPE_CHECKING:
    from .mistake import Hint, Mistake

_CONVERSIONS = {
    "int": "return str(value)",
    "float": "return str(value)",
    "Decimal": "return str(value)",
    "UUID": "return str(value)",
    "datetime": "return value.isoformat()",
    "date": "return value.isoformat()",
    "bool": 'return {"ok": value}, or text',
    "set": "return list(value)",
    "frozenset": "return list(value)",
    "map": "return list(value)",
    "zip": "return list(value)",
    "dict_keys": "return list(value)",
    "dict_values": "return list(value)",
    "range": "return list(value)",
    "coroutine": "define the view with `async def`, or await it",
    "generator": "return Response(generator)",
    "async_generator": "return Response(generator), from an `async def` view",
    "function": "return function(), with parentheses",
    "builtin_function_or_method": "return function(), with parentheses",
    "method": "return function(), with parentheses",
    "bytearray": "return bytes(value)",
    "BytesIO": "return send_file(file, mimetype='...')",
    "Template": "return template.render(), or render_template('name.html')",
}
_ELSE = "return a dict of what is to be sent of it, or str(value)"


def _invalid_answer(mistake: Mistake) -> str:
    kind = mistake.match[1]
    return f"Views return text, dict, list or a response. Write: {_CONVERSIONS.get(kind, _ELSE)}"


def _status(mistake: Mistake) -> str:
    given = mistake.match[1]
    bare = given.strip("'")
    if bare.isdecimal() and given.startswith("'"):
        return f"The status is a number. Write: abort({bare})"
    if not bare.isdecimal():
        return f"The status comes first. Write: abort(400, {given})"
    if int(bare) < 400:
        return f"abort() is for errors, from 400 on. Write: return 'text', {given}"
    return f"There is no such error. Write: abort(400), or return 'text', {given}"


def _json(mistake: Mistake) -> str:
    kind = mistake.match[1]
    instead = {"set": "list(value)", "frozenset": "list(value)", "bytes": "value.decode()", "Decimal": "str(value)"}
    if kind in {"function", "method", "builtin_function_or_method"}:
        return f"JSON has no {kind}. Call it: function(), with parentheses"
    return f"JSON has no {kind}. Write: {instead.get(kind, 'a dict of what is to be sent of it, such as {...}')}"


def _template(mistake: Mistake) -> str:
    name = mistake.match[1]
    if any(sign in name for sign in "{<\n") or (" " in name and "." not in name):
        return "This is the name of a file. To render text, write: render_template_string('...')"
    if name.startswith(("templates/", "/", "./")):
        bare = name.removeprefix(".").lstrip("/").removeprefix("templates/")
        return f"Names are relative to the folder 'templates'. Write: '{bare}'"
    return f"Templates are in the folder 'templates' beside the module of the app: templates/{name}"


def _url(mistake: Mistake) -> str:
    endpoint, values = mistake.match.groups()
    if endpoint.startswith("/") or "://" in endpoint or endpoint.endswith(".html"):
        return "url_for() takes the name of an endpoint, by default the name of the view. `tuile routes` lists them."
    if values:
        named = ", ".join(f"{name.strip(chr(39))}=..." for name in values.split(", "))
        return f"Write: url_for('{endpoint}', {named}). `tuile routes` lists the endpoints."
    return "`tuile routes` lists the endpoints."


TABLE: tuple[tuple[str, Hint], ...] = (
    (r"^LookupError: no exception for (.+)$", _status),
    (
        r"(?s)^TypeError: .*did not return a valid response\. The function either returned None",
        says("Write: return ..."),
    ),
    (r"(?s)^TypeError: .*did not return a valid response\. The return type must .* it was a (\w+)\.", _invalid_answer),
    (
        r"(?s)^TypeError: .*did not return a valid response tuple",
        says("Write: return body, 201, {{'X-Name': 'value'}}"),
    ),
    (r"^TypeError: Object of type (\w+) is not JSON serializable", _json),
    (r"(?s)^TemplateNotFound: (.+)$", _template),
    (
        r"(?s)^BuildError: Could not build url for endpoint '(\S+)'(?:.*Did you forget to specify values \[(.*)\])?",
        _url,
    ),
)
