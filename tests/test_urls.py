"""Building the URL of an endpoint."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.beside_flask import make_app, outcome, same
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


def test_urls_outside_a_request_without_a_server_name_are_refused_as_in_flask() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.add_url_rule("/about", "about", lambda: "")
        app.url_build_error_handlers.append(lambda *_: "handled")
        other = make_app(lib)
        calls: list[dict[str, Any]] = [
            {}, {"_external": False}, {"_scheme": "https"}, {"_scheme": "https", "_external": False}, {"q": 1}
        ]  # fmt: skip
        found = []
        for endpoint in ("about", "missing", ".about", "static"):
            for values in calls:
                with app.app_context():
                    found += [outcome(url_for, endpoint, **values) for url_for in (lib.url_for, app.url_for)]
                    found.append(outcome(other.url_for, endpoint, **values))
                    with app.test_request_context():
                        found.append(outcome(lib.url_for, endpoint, **values))
                    found.append(outcome(lib.url_for, endpoint, **values))
                found.append(outcome(app.url_for, endpoint, **values))
        return found

    same(program)
