"""Building the URL of an endpoint."""

from __future__ import annotations

from typing import Any

import pytest

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
