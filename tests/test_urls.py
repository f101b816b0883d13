"""Building the URL of an endpoint."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.beside_flask import same
from tuile import Flask, url_for


def test_every_argument_reaches_the_applications_method() -> None:
    received: list[tuple[str, dict[str, Any]]] = []

    class Recorder(Flask):
        def url_for(self, /, endpoint: str, **arguments: Any) -> str:
            received.append((endpoint, arguments))
            return "built"

    with Recorder("recorder", root_path=".").app_context():
        assert url_for("a", _anchor="b", _method="GET", _scheme="https", _external=True, c=1) == "built"
        assert url_for("a") == "built"
    given = {"_anchor": "b", "_method": "GET", "_scheme": "https", "_external": True, "c": 1}
    defaults = dict.fromkeys(["_anchor", "_method", "_scheme", "_external"])
    assert received == [("a", given), ("a", defaults)]


def test_a_url_needs_an_application() -> None:
    with pytest.raises(RuntimeError, match="Working outside of application context"):
        url_for("index")


@pytest.mark.parametrize("seed", range(40))
def test_urls_below_a_prefix_are_flasks_with_any_options(seed: int) -> None:
    def program(lib: Any) -> list[object]:
        chosen = random.Random(seed)
        app = lib.Flask("prefixed")
        app.add_url_rule("/", "index", lambda: "")
        app.add_url_rule("/a/<int:number>", "one", lambda number: "", methods=["GET"])
        app.add_url_rule("/b/<int:number>", "one", methods=["POST"])
        app.add_url_rule("/c/<path:rest>", "path", lambda rest: "", defaults={"page": 1})
        found: list[object] = []
        for _ in range(12):
            values = {
                name: chosen.choice(some)
                for name, some in (
                    ("number", [1, -1, "2", "x"]),
                    ("rest", ["a/b", "ü ?", ""]),
                    ("page", [1, 2]),
                    ("next", ["/a?b&c", None, "\r\nX: y"]),
                    ("_external", [True, False, None]),
                    ("_scheme", ["https", None, ""]),
                    ("_anchor", ["top", "a b#", None]),
                    ("_method", ["GET", "POST", None]),
                )
                if chosen.random() < 0.5
            }
            endpoint = chosen.choice(["index", "one", "path", "missing", ".index"])
            prefix = chosen.choice(["", "/p", "/p q"])
            with app.test_request_context("/", environ_overrides={"SCRIPT_NAME": prefix}):
                try:
                    found.append(lib.url_for(endpoint, **values))
                except Exception as error:  # noqa: BLE001 - it is compared
                    found.append((type(error).__name__, str(error)))
        return found

    same(program)
