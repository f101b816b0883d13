"""A session interface as most are: it reads the whole session, and writes the whole session. A control of the judge."""

from __future__ import annotations

import json
import os
import secrets
import time
from typing import TYPE_CHECKING, Any

from tuile.sessions import SecureCookieSession, SessionInterface

if TYPE_CHECKING:
    from tuile import Flask, Request, Response


class NaiveSession(SecureCookieSession):
    """A session with the name of its file."""

    name: str


class NaiveInterface(SessionInterface):
    """Sessions in files, each written as a whole."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def open_session(self, app: Flask, request: Request) -> NaiveSession:
        name = request.cookies.get("session", "")
        content: dict[str, Any] = {}
        if name:
            with open(os.path.join(self.folder, name), encoding="utf-8") as file:
                content = json.load(file)
        opened = NaiveSession(content)
        opened.name = name or secrets.token_hex(16)
        return opened

    def save_session(self, app: Flask, session: Any, response: Response) -> None:
        if not session.modified:
            return
        time.sleep(0.001)  # as a view that works for a moment, so that the outcome does not depend on the machine
        # Whole, so that nobody reads half a file; what another request has written meanwhile is gone.
        temporary = os.path.join(self.folder, secrets.token_hex(16))
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(dict(session), file)
        os.replace(temporary, os.path.join(self.folder, session.name))
        response.set_cookie("session", session.name)
