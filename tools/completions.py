"""Ask pyright's language server what an editor shows after `request.` and other names."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

# Some of what must be offered. Names with an underscore in front may not be.
WANTED = {
    "request": {"args", "form", "cookies", "method", "path", "json", "files", "endpoint", "last_event_id"},
    "session": {"permanent", "modified", "new", "get", "pop", "regenerate", "handle"},
    "g": {"get", "pop", "setdefault"},
    "cookies": {"get", "set", "delete", "signed", "encrypted", "permanent", "items"},
    "current_app": {"config", "logger", "extensions", "sessions", "cookie"},
    "app": {"route", "get", "post", "cookie", "test_client", "errorhandler", "websocket"},
    "websocket": {"send", "receive", "accept", "close", "path"},
    "make_response('')": {"set_cookie", "delete_cookie", "headers", "status_code"},
    "app.test_client()": {"get", "post", "set_cookie", "session_transaction"},
}
# What replaces them at run time is nobody's business.
UNWANTED = {"_get_current_object"}


class LanguageServer:
    """A language server on standard input and output, as an editor starts it."""

    def __init__(self, command: list[str], folder: Path, python: Path) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._settings = {"pythonPath": str(python), "analysis": {"diagnosticMode": "openFilesOnly"}}
        self._asked = 0
        uri = folder.as_uri()
        workspace = {"configuration": True, "workspaceFolders": True}
        self.ask(
            "initialize",
            {
                "processId": None,
                "rootUri": uri,
                "workspaceFolders": [{"uri": uri, "name": "project"}],
                "capabilities": {"workspace": workspace},
            },
        )
        self._send({"method": "initialized", "params": {}})

    def ask(self, method: str, params: object) -> Any:
        """Ask something, answer what the server asks meanwhile, and return its answer."""
        self._asked += 1
        self._send({"id": self._asked, "method": method, "params": params})
        while True:
            message = self._receive()
            if "method" in message and "id" in message:
                self._send({"id": message["id"], "result": self._answer(message)})
            elif message.get("id") == self._asked:
                return message.get("result")

    def open(self, uri: str, text: str) -> None:
        """Tell the server of an open file."""
        document = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})

    def stop(self) -> None:
        """End the server."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _answer(self, message: dict[str, Any]) -> object:
        if message["method"] != "workspace/configuration":
            return None
        sections = {"python": self._settings, "python.analysis": self._settings["analysis"]}
        return [sections.get(item.get("section")) for item in message["params"]["items"]]

    def _send(self, message: dict[str, object]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        pipe = self._process.stdin
        if pipe is not None:
            pipe.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            pipe.flush()

    def _receive(self) -> dict[str, Any]:
        pipe = self._process.stdout
        if pipe is None or not (line := pipe.readline()):
            message = "The language server ended."
            raise ConnectionError(message)
        length = 0
        while line.strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
            line = pipe.readline()
        received: dict[str, Any] = json.loads(pipe.read(length))
        return received


def missing_completions(server: list[str], python: Path, folder: Path) -> list[str]:
    """Return what the language server does not offer, or should not.

    Args:
        server: The command that starts it.
        python: The interpreter that has tuile installed.
        folder: A folder without sources.
    """
    head = "from tuile import Flask, cookies, current_app, g, make_response, request, session, websocket\n"
    lines = [f"{head}app = Flask('shop')", *(f"{name}." for name in WANTED)]
    uri = (folder / "editor.py").as_uri()
    started = LanguageServer(server, folder, python)
    wrong: list[str] = []
    try:
        started.open(uri, "\n".join(lines) + "\n")
        for number, (name, wanted) in enumerate(WANTED.items(), 2):
            position = {"line": number, "character": len(name) + 1}
            answer = started.ask("textDocument/completion", {"textDocument": {"uri": uri}, "position": position})
            items = answer["items"] if isinstance(answer, dict) else answer or []
            offered = {item["label"] for item in items}
            wrong += [f"{name}. does not complete {missing}" for missing in sorted(wanted - offered)]
            wrong += [f"{name}. completes {one}" for one in sorted(UNWANTED & offered)]
            print(f"{name}. completes {len(offered)} names")
    finally:
        started.stop()
    return wrong
