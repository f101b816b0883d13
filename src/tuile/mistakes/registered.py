"""Hints on what is registered with an application - rules, views, hooks, blueprints - and on settings."""

from __future__ import annotations

import typing as t
from difflib import get_close_matches

from .mistake import says

if t.TYPE_CHECKING:
    from .mistake import Hint, Mistake

_CONVERTERS = ("string", "int", "float", "path", "any", "uuid")
_OTHER_CONVERTERS = {
    "integer": "int",
    "number": "int",
    "num": "int",
    "id": "int",
    "digit": "int",
    "str": "string",
    "text": "string",
    "slug": "string",
    "double": "float",
    "decimal": "float",
    "file": "path",
    "guid": "uuid",
}


def _converter(mistake: Mistake) -> str:
    given = mistake.match[1]
    close = get_close_matches(given.lower(), _CONVERTERS, 1, 0.5)
    name = _OTHER_CONVERTERS.get(given.lower()) or (close[0] if close else None)
    instead = f"Write: <{name}:name>. " if name else ""
    return f"{instead}There are {', '.join(_CONVERTERS)}, and those that are added to app.url_map.converters."


def _malformed(mistake: Mistake) -> str:
    rule = mistake.match[1]
    if rule.count("<") > rule.count(">"):
        return f"A variable ends with '>'. Write: '{rule}>'"
    return "Variables are written <name> or <int:name>, with a name that Python accepts."


def _no_text(mistake: Mistake) -> str | None:
    if mistake.is_raised_by_user() or "add_url_rule" not in mistake.functions():
        return None
    return f"A rule is text such as '/' or '/user/<name>', not {mistake.match[1]}."


def _no_blueprint(mistake: Mistake) -> str | None:
    if "register_blueprint" not in mistake.functions():
        return None
    return f"register_blueprint() takes a Blueprint, not {mistake.match[1]}. Write: app.register_blueprint(blueprint)"


def _same_name(mistake: Mistake) -> str:
    name = mistake.match[1].rpartition(".")[2]
    return (
        f"Two views have the name {name!r}. Rename one of them, or write: @app.route('/...', endpoint='another')."
        " A decorator names all views alike unless it uses functools.wraps."
    )


def _none_returned(mistake: Mistake) -> str | None:
    """A function of the application that has returned None where its result is used."""
    if mistake.app is None or mistake.is_raised_by_user():
        return None
    functions = set(mistake.functions())
    if "update_template_context" in functions:
        return "A context processor returned None. Write: return {'name': value}"
    if functions & {"process_response", "save_session", "finalize_request"} and mistake.app.after_request_funcs:
        names = [getattr(f, "__name__", repr(f)) for each in mistake.app.after_request_funcs.values() for f in each]
        return f"An after_request function returned None; there is {', '.join(names)}. Write: return response"
    return None


def _lifetime(mistake: Mistake) -> str | None:
    found = mistake.setting("PERMANENT_SESSION_LIFETIME")
    if found is None:
        return None
    return f"PERMANENT_SESSION_LIFETIME is {found[1]!r}. Write: PERMANENT_SESSION_LIFETIME = timedelta(days=31)"


def _length(mistake: Mistake) -> str | None:
    found = mistake.setting("MAX_CONTENT_LENGTH", "MAX_FORM_MEMORY_SIZE", "MAX_FORM_PARTS", "MAX_COOKIE_SIZE")
    if found is None:
        return None
    name, value = found
    number = "1000" if name == "MAX_FORM_PARTS" else "16 * 1024 * 1024"
    what = "a number" if name == "MAX_FORM_PARTS" else "a number of bytes"
    return f"{name} is {value!r}, not {what}. Write: {name} = {number}"


def _samesite(mistake: Mistake) -> str | None:
    value = mistake.config.get("SESSION_COOKIE_SAMESITE")
    if value is None or str(value).title() in {"Strict", "Lax", "None"}:
        return None
    return f"The setting SESSION_COOKIE_SAMESITE is {value!r}. Write: SESSION_COOKIE_SAMESITE = 'Lax'"


TABLE: tuple[tuple[str, Hint], ...] = (
    (r"^LookupError: the converter '(.*)' does not exist$", _converter),
    (r"^ValueError: malformed url rule: '(.*)'$", _malformed),
    (r"^ValueError: URL rule '(.*)' must start with a slash", says("Write: '/{0}'")),
    (r"^AssertionError: View function mapping is overwriting an existing endpoint function: (\S+)$", _same_name),
    (
        r"^SyntaxError: duplicate argument '(\w+)' in function definition \(<werkzeug routing>",
        says("The rule has <{0}> twice. Give its variables different names."),
    ),
    (
        r"^(?:AttributeError|TypeError): '(\w+)' object has no attribute '(?:startswith|lstrip|partition)'",
        _no_text,
    ),
    (
        r"^AttributeError: '?(\w+)'?(?: object)? .*has no attribute 'register'",
        _no_blueprint,
    ),
    (r"^(?:AttributeError|TypeError): 'NoneType' object ", _none_returned),
    (
        r"^RuntimeError: The session is unavailable because no secret key was set",
        says("Write: app.config['SECRET_KEY'] = ..., with what `tuile secret` prints."),
    ),
    (r"^TypeError: unsupported type for timedelta", _lifetime),
    (r"^TypeError: '[<>]=?' not supported between instances of '(?:int|str)' and '(?:int|str)'", _length),
    (r"^CookieSyntaxError: SameSite must be", _samesite),
)
