"""Find out which call wrote a Set-Cookie line, so that its cure is in the words of that call."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ..ctx.cookie_defaults import PREFIX, prefixed
from ..user_agent.cures import COOKIES, IS_SECURE, RESPONSE, Call
from ..user_agent.set_cookie import split_set_cookie
from ..user_agent.verdicts import decode_octets

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from ..app import Flask
    from ..ctx.cookies import Cookies
    from .declared import DeclaredCookie


class Calls:
    """The calls that wrote the lines of one response: ``calls(line)`` returns the one that wrote a line.

    Args:
        app: The application.
        cookies: The cookies of the request; None if none were written.
    """

    def __init__(self, app: Flask, cookies: Cookies | None) -> None:
        self._app = app
        self._names = {} if cookies is None else cookies._written
        self._lines = () if cookies is None else cookies.lines()
        name = str(app.config.get("SESSION_COOKIE_NAME"))
        #: The names that the cookie of the session may have.
        self.session_names = {name, prefixed(name)}

    def __call__(self, line: str) -> Call:
        """Return the call that wrote a line."""
        name = decode_octets(split_set_cookie(line).name)
        if line not in self._lines:
            return SessionSettings(config=self._app.config) if name in self.session_names else RESPONSE
        declared = self._app.declared_cookies.get(name)
        if declared is not None:
            return _declaration(self._app, declared)
        given = name if name in self._names else name.removeprefix(PREFIX)
        return COOKIES if given == name else replace(COOKIES, name=given)


@dataclass(frozen=True)
class SessionSettings(Call):
    """The settings of the session's cookie."""

    config: Mapping[str, object] = field(default_factory=dict)

    def write(self, name: str, arguments: Mapping[str, object], *, deletion: bool) -> str:
        """Return the settings that are to be changed."""
        settings = {f"SESSION_COOKIE_{argument.upper()}": value for argument, value in arguments.items()}
        return ", ".join(
            f"{setting} = {False if value is IS_SECURE else value!r}"
            for setting, value in settings.items()
            if self.config.get(setting) != value
        )


def _declaration(app: Flask, declared: DeclaredCookie[t.Any]) -> Call:
    by_blueprint = any(
        blueprint.declared_cookies.get(declared.name) is declared for blueprint in app.blueprints.values()
    )
    call = "blueprint.cookie" if by_blueprint else "app.cookie"
    return Call(call, call, declared.name_without_prefix, is_declaration=True)
