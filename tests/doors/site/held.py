"""An application that reads a request after its server has taken the environ back.

Its last argument is the framework.
"""

# mypy: disable-error-code="untyped-decorator"
# (The framework is one or the other, so that its decorators are Any.)

from __future__ import annotations

import importlib
import sys
import threading
from typing import Any

FRAMEWORK = sys.argv[-1] if sys.argv[-1] in {"flask", "tuile"} else "tuile"
lib: Any = importlib.import_module(FRAMEWORK)

FIXED = ("method", "path", "full_path", "query_string", "args", "remote_addr", "host", "url", "root_path", "scheme")

app: Any = lib.Flask(__name__)
held: list[Any] = []
seen: dict[str, Any] = {}


def read(request: Any) -> dict[str, str]:
    return {name: str(getattr(request, name)) for name in FIXED}


@app.route("/begin/<name>", methods=["GET", "POST"])
def begin(name: str) -> str:
    """Leave behind who will read the request later: the object, and a thread with a copied context."""
    held.append((name, lib.request._get_current_object()))
    go = threading.Event()

    @lib.copy_current_request_context
    def later() -> None:
        go.wait(100)
        seen[f"thread {name}"] = read(lib.request) | {"url_for": lib.url_for("begin", name="x", _external=True)}

    thread = threading.Thread(target=later, daemon=True)
    thread.start()
    held[-1] += (go, thread)
    return "begun"


@app.route("/end", methods=["GET", "POST"])
def end() -> Any:
    """Read them all, within a request of its own."""
    for name, request, go, thread in held:
        seen[f"object {name}"] = read(request)
        go.set()
        thread.join(100)
    return {"seen": seen, "framework": FRAMEWORK}
