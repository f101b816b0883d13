"""Examine the values of settings and the rules of URLs for what cannot have been meant.

Flask takes such values as they are: a text for a list is read letter by letter, and the text "false" is true.
"""

from __future__ import annotations

import inspect
import re
from datetime import timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING

from tuile.config import DEFAULTS, Default

from .report import DOUBTFUL, FAILS, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.routing import Rule

    from tuile.app import Flask

# Settings that are checked with what they belong to, when the application starts.
_CHECKED_ELSEWHERE = re.compile(
    r"SECRET_KEY|CSRF|COOKIE_(DEFAULTS|CHECKS|UNDECLARED)|DOCTOR_|SESSION_(?!COOKIE_|REFRESH_)|SESSION_COOKIE_SAMESITE"
)
_HOSTS = ("SERVER_NAME", "SESSION_COOKIE_DOMAIN", "TRUSTED_HOSTS")
_PATHS = ("APPLICATION_ROOT", "SESSION_COOKIE_PATH")
_OTHER_RULE = re.compile(r"\{(?P<braces>\w+)\}|/:(?P<colon>\w+)")


def examine_values(app: Flask) -> Iterator[Finding]:
    """Yield the settings and rules of an application that are written for something else."""
    for setting in DEFAULTS:
        value: object = app.config.get(setting.name)
        if value is not None and not _CHECKED_ELSEWHERE.match(setting.name):
            yield from _examine_type(setting, value)
    yield from _examine_hosts(app)
    yield from _examine_names(app)
    for rule in app.url_map.iter_rules():
        yield from _examine_rule(app, rule)


def _examine_type(setting: Default, value: object) -> Iterator[Finding]:
    name, unit = setting.name, setting.unit
    is_text = isinstance(value, str)
    if unit.startswith("bool") and is_text:
        meant = str(value).lower() in {"1", "true", "yes", "on"}
        reason = f"is the text {value!r}, and every text but '' counts as on. Write: {name} = {meant}"
        yield Finding(DOUBTFUL, name, reason, id="setting-type")
    elif unit.startswith("list") and is_text:
        reason = f"is one text, which is read letter by letter. Write: {name} = [{value!r}]"
        yield Finding(FAILS, name, reason, id="setting-type")
    elif unit.startswith(("int", "timedelta", "seconds")) and not isinstance(value, (int, float, timedelta)):
        example = "timedelta(days=1)" if unit.startswith("timedelta") else "16 * 1024 * 1024"
        if unit in {"int", "seconds"} or "fields" in unit:
            example = "1000"
        yield Finding(
            FAILS, name, f"is {value!r}, not {unit}. Write for example: {name} = {example}", id="setting-type"
        )
    elif unit.startswith("str") and not is_text and value is not False:  # older settings have False for "none"
        yield Finding(FAILS, name, f"is {value!r}, not {unit}", id="setting-type")


def _examine_hosts(app: Flask) -> Iterator[Finding]:
    """Yield what is a URL where a host belongs, or no path where one belongs."""
    for name in _HOSTS:
        value: object = app.config.get(name)
        for host in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(host, str) and "/" in host:
                bare = host.partition("://")[2] or host
                reason = f"has {host!r}. A host has no scheme and no path: {bare.partition('/')[0]!r}"
                yield Finding(FAILS, name, reason, id="setting-host")
    for name in _PATHS:
        path: object = app.config.get(name)
        if isinstance(path, str) and not path.startswith("/"):
            yield Finding(FAILS, name, f"is {path!r}. A path begins with a slash: '/{path}'", id="setting-path")
    scheme: object = app.config.get("PREFERRED_URL_SCHEME")
    if isinstance(scheme, str) and not scheme.isalnum():
        reason = f"is {scheme!r}. Write the scheme alone: 'https'"
        yield Finding(FAILS, "PREFERRED_URL_SCHEME", reason, id="setting-scheme")


def _examine_names(app: Flask) -> Iterator[Finding]:
    """Yield settings that are there under a name which is nearly that of another one."""
    known = {setting.name for setting in DEFAULTS}
    for name in app.config:
        close = [] if name in known else get_close_matches(name, known, 1, 0.9)
        if close:
            yield Finding(DOUBTFUL, name, f"is not a setting of Tuile's; there is {close[0]}", id="setting-name")


def _examine_rule(app: Flask, rule: Rule) -> Iterator[Finding]:
    """Yield a rule whose variables are written as in other frameworks, which match only their own text."""
    view = app.view_functions.get(str(rule.endpoint))
    takes = set() if view is None else _parameters(view)
    for match in _OTHER_RULE.finditer(rule.rule):
        name = match["braces"] or match["colon"]
        if name in takes and name not in rule.arguments:
            meant = rule.rule.replace(match[0], ("" if match["braces"] else "/") + f"<{name}>")
            reason = f"matches {match[0].lstrip('/')} literally, and the view takes {name!r}. Write: {meant!r}"
            yield Finding(FAILS, f"the rule {rule.rule!r}", reason, id="rule-variable")


def _parameters(view: object) -> set[str]:
    if not callable(view):
        return set()
    try:
        return set(inspect.signature(view).parameters)
    except (TypeError, ValueError):  # no signature: of C
        return set()
