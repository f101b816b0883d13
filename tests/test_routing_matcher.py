"""What adapters match is Werkzeug's, with its errors, for generated rules and paths."""

from __future__ import annotations

import random
from typing import Any

import pytest
from werkzeug.exceptions import Gone
from werkzeug.routing import BaseConverter, MapAdapter, ValidationError
from werkzeug.routing.matcher import StateMachineMatcher

from tests.beside_flask import make_app, same


class Odd(BaseConverter):
    """A converter that refuses some values in several ways."""

    def to_python(self, value: str) -> Any:
        if value == "no":
            raise ValidationError
        if value == "gone":
            raise Gone
        if value == "raise":
            raise KeyError(value)
        return [value]


PIECES = ["a", "b", "<name>", "<int:n>", "<path:rest>", "<odd:o>", "<any(x, y):w>", "v<int:v>", "<float:f>"]
PARTS = ["a", "b", "c", "1", "-1", "1.5", "v2", "x", "no", "gone", "raise", "ü", "a b", "", "a.b", "%2F"]


OPTIONS: list[tuple[str, Any]] = [
    ("strict_slashes", False),
    ("merge_slashes", False),
    ("redirect_to", "/elsewhere"),
    ("redirect_to", lambda adapter, **values: "/called"),
    ("websocket", True),
    ("alias", True),
    ("defaults", {"extra": 1}),
    ("subdomain", "api"),
    ("subdomain", "<sub>"),
]


def _some_rules(choose: random.Random, app: Any) -> None:
    app.url_map.converters["odd"] = Odd
    for number in range(choose.randrange(1, 12)):
        pieces = [choose.choice(PIECES) for _ in range(choose.randrange(4))]
        if len(set(pieces)) < len(pieces):
            continue
        text = "/" + "/".join(pieces) + choose.choice(("", "/"))
        options = dict(choose.sample(OPTIONS, choose.choice((0, 0, 1, 1, 2))))
        methods = ["GET"] if "websocket" in options else choose.choice((["GET"], ["POST"], ["GET", "PUT"], ["DELETE"]))
        app.add_url_rule(
            text.replace("//", "/"),
            f"e{number % 7}" if choose.random() < 0.3 else f"own{number}",
            methods=methods,
            **options,
        )


def _matched(match: Any, *args: Any, **options: Any) -> Any:
    try:
        found, values = match(*args, **options)
    except Exception as error:  # noqa: BLE001 - which one is what is compared
        methods = getattr(error, "valid_methods", None)
        return type(error).__name__, str(error), getattr(error, "new_url", None), methods and sorted(methods)
    return getattr(found, "rule", found), values


@pytest.mark.parametrize("seed", range(40))
def test_paths_are_matched_as_by_werkzeug(seed: int) -> None:
    def program(lib: Any) -> list[Any]:
        choose = random.Random(seed)
        app = make_app(lib)
        app.url_map.merge_slashes = choose.random() < 0.8
        _some_rules(choose, app)
        found: list[Any] = []
        for subdomain in ("", "api", "other"):
            adapter = app.url_map.bind("example.com", subdomain=subdomain)
            for _ in range(60):
                path = "/".join(choose.choice(PARTS) for _ in range(choose.randrange(6)))
                path = choose.choice(("/", "", "//")) + path + choose.choice(("", "/"))
                method = choose.choice(("GET", "POST", "put", "PATCH", None))
                options: dict[str, Any] = {}
                if choose.random() < 0.2:
                    options = {"return_rule": True, "query_args": {"q": "x y"}, "websocket": choose.random() < 0.5}
                found.append((path, method, _matched(adapter.match, path, method, **options)))
                found.append(
                    (adapter.test(path, method), sorted(adapter.allowed_methods(path)))
                    if "raise" not in path and "gone" not in path
                    else None
                )
            if choose.random() < 0.3:
                app.add_url_rule("/added/<name>", f"added{subdomain}")
        return found

    same(program)


@pytest.mark.parametrize("owner", [StateMachineMatcher, MapAdapter])
def test_a_patched_match_is_called_at_once(owner: type, monkeypatch: pytest.MonkeyPatch) -> None:
    def program(lib: Any) -> list[Any]:
        app = make_app(lib)
        app.add_url_rule("/a/<name>", "a")
        adapter = app.url_map.bind("example.com")
        found = [adapter.match("/a/b")]
        stock = owner.match  # type: ignore[attr-defined]

        def match(self: Any, *args: Any, **options: Any) -> Any:
            rule, _ = stock(self, *args, **options)
            return rule, {"patched": 1}

        with monkeypatch.context() as patched:
            patched.setattr(owner, "match", match)
            found.append(adapter.match("/a/b"))
        return [*found, adapter.match("/a/b")]

    same(program)


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST"])
@pytest.mark.parametrize("path", ["/a/b/c", "/a//b/c", "//a/b//c"])
def test_several_slashes_are_merged_where_a_websocket_has_the_same_rule(path: str, method: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.add_url_rule("/a/b/c", endpoint="socket", websocket=True)
        app.add_url_rule("/a/b/c", endpoint="page", view_func=lambda: "page")
        answer = app.test_client().open(path, method=method)
        return answer.status, answer.headers.get("Location"), answer.headers.get("Allow")

    same(program)
