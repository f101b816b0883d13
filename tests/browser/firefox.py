"""Firefox as an oracle: what it keeps, sends and says about cookies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.browser.marionette import Firefox

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.cookie_server import CookieServer
    from tests.browser.oracles import Facts, Said

_SAMESITE = {0: "None", 1: "Lax", 2: "Strict", 256: "Default"}
_COOKIES = """
return Services.cookies.cookies.filter(cookie => cookie.isSession || cookie.expiry > Date.now())
    .map(cookie => [cookie.host, cookie.path, cookie.isSecure, cookie.isHttpOnly,
    cookie.sameSite, cookie.isSession ? null : cookie.expiry, cookie.originAttributes.partitionKey]);
"""
_MESSAGES = """
return Services.console.getMessageArray().filter(message => message instanceof Ci.nsIScriptError
    && message.category.startsWith("cookie"))
    .map(message => [message.category, message.errorMessage, message.sourceName]);
"""


class FirefoxTab:
    """A tab of a Firefox whose requests all go to our server."""

    profile = "firefox"
    is_silent_about_redirects = True

    def __init__(self, executable: str, folder: Path, server: CookieServer) -> None:
        self.firefox = Firefox(executable, folder, server.ports["http"])
        self.version = self.firefox.version

    def goto(self, url: str) -> None:
        """Open a URL as if it was typed."""
        self.firefox.ask("WebDriver:Navigate", {"url": url})

    def run(self, script: str, *arguments: object, frame: tuple[int, ...] = ()) -> Any:
        """Run the body of an async function in a frame, with `args`, and return what it returns."""
        if not frame:
            return self.firefox.run(script, *arguments)
        try:
            for index in frame:
                self.firefox.ask("WebDriver:SwitchToFrame", {"id": index, "focus": False})
            return self.firefox.run(script, *arguments)
        finally:
            self.firefox.ask("WebDriver:SwitchToFrame", {"id": None, "focus": False})

    def clear(self) -> None:
        """Delete all cookies, and forget what was said about cookies."""
        self.firefox.run_privileged("Services.cookies.removeAll(); Services.console.reset();")

    def stored(self) -> list[Facts]:
        """Return the facts about all cookies."""
        found: list[Facts] = []
        for host, path, secure, httponly, samesite, expiry, key in self.firefox.run_privileged(_COOKIES):
            expires = None if expiry is None else expiry / 1000
            found.append((host, path, secure, httponly, _SAMESITE[samesite], expires, _partition(key, host)))
        return found

    def refused(self) -> list[Said]:
        """Return what the console says about cookies, since the last `clear`."""
        messages = self.firefox.run_privileged(_MESSAGES)
        return [(urlsplit(url or "").hostname or "", text, (category,)) for category, text, url in messages]

    def withheld(self) -> None:
        """Return None: Firefox does not say why it does not send a cookie."""

    def stop(self) -> None:
        """Quit."""
        self.firefox.stop()


def _partition(key: str, host: str) -> tuple[str, bool] | None:
    """Read a partition key: ``(https,shop.example)``, with ``,f`` if another site is between it and one of its own."""
    if not key:
        return None
    found = re.fullmatch(r"\((\w+),([^,)]*)(?:,(\d+))?(,f)?\)", key)
    assert found, key
    return f"{found[1]}://{found[2]}", bool(found[4]) or not f".{host}".endswith(f".{found[2]}")
