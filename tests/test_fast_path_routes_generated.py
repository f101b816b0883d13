"""Routes with variables of all kinds, and paths that hit and miss them, on the fast path and on Flask."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import pytest
from werkzeug.exceptions import abort
from werkzeug.routing import BaseConverter, ValidationError

import tuile
from tests.beside_flask import make_app, make_environ, outcome, same, send

_VARIABLES = (
    "<{}>", "<int:{}>", "<int(min=2, max=50):{}>", "<int(fixed_digits=2):{}>", "<int(signed=True):{}>", "<float:{}>",
    "<float(max=3):{}>", "<uuid:{}>", "<any(de, en):{}>", "<string(length=2):{}>", "<list:{}>", "<picky:{}>",
    "<lower:{}>", "v<int:{}>.txt", "<deep:{}>",
)  # fmt: skip
_STATIC = ("a", "b", "de", "\N{LATIN SMALL LETTER E WITH ACUTE}", "a b", "7")
_TEXTS = (
    "a", "b", "de", "en", "\N{LATIN SMALL LETTER E WITH ACUTE}", "a b", "7", "07", "99", "-7", "1.5", "4.5", "x+y", "",
    "no", "gone", "raise", "ABC", "v3.txt", "12345678-1234-5678-1234-567812345678", "9" * 5000,
    "\N{ARABIC-INDIC DIGIT THREE}",    "a\nb", "\n", ".", "..", "%2F",
)  # fmt: skip
_UUID = "12345678-1234-5678-1234-567812345678"
_FITTING = {"<{}>": "a", "<float:{}>": "1.5", "<uuid:{}>": _UUID, "<any(de, en):{}>": "de", "<list:{}>": "x+y"}


class Calls:
    """Notes what converters are asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def converters(self) -> dict[str, type[BaseConverter]]:
        asked = self.asked

        class Listed(BaseConverter):
            def to_python(self, value: str) -> Any:
                asked.append(value)
                return value.split("+")

        class Picky(BaseConverter):
            def to_python(self, value: str) -> Any:
                asked.append(value)
                if value == "no":
                    raise ValidationError
                if value == "gone":
                    abort(410)
                if value == "raise":
                    raise ValueError(value)
                return f"picked {value}"

        class Lower(BaseConverter):
            regex = "[a-z]+"

        class Deep(BaseConverter):
            part_isolating = False
            regex = "[a-z].*?"

            def to_python(self, value: str) -> Any:
                asked.append(value)
                return value.split("/")

        return {"list": Listed, "picky": Picky, "lower": Lower, "deep": Deep}


def random_rule(choose: random.Random) -> str:
    parts = [
        choose.choice(_STATIC) if choose.random() < 0.5 else choose.choice(_VARIABLES).format(f"n{number}")
        for number in range(choose.randrange(1, 5))
    ]
    if choose.random() < 0.25:
        parts[-1] = "<path:rest>"
    return f"/{'/'.join(parts)}{choose.choice(('', '', '/'))}"


def random_path(choose: random.Random) -> str:
    parts = [choose.choice(_TEXTS) for _ in range(choose.randrange(1, 6))]
    return f"/{'/'.join(parts)}{choose.choice(('', '', '/'))}".encode().decode("latin-1")


@pytest.mark.parametrize("seed", range(40))
def test_paths_lead_to_the_same_views(seed: int) -> None:
    def program(lib: Any) -> Any:
        choose, calls = random.Random(seed), Calls()
        app = make_app(lib)
        app.url_map.converters.update(calls.converters())
        for number in range(choose.randrange(1, 9)):
            methods = choose.choice((["GET"], ["GET", "POST"], ["POST"]))
            options: dict[str, Any] = {"methods": methods, "strict_slashes": choose.random() < 0.7}
            if choose.random() < 0.2:
                options["defaults"] = {"page": choose.randrange(3)}

            def view(_number: int = number, **given: Any) -> str:
                return f"{_number} {given!r} {lib.request.view_args!r}"

            app.add_url_rule(random_rule(choose), f"view{choose.randrange(number + 1)}-{number}", view, **options)
        paths = [random_path(choose) for _ in range(40)]
        found = []
        # Routes are made for what was asked before.
        for _, path, method in product(range(3), paths, ("GET", "POST")):
            found.append(outcome(send, app, make_environ(path, REQUEST_METHOD=method)))
            found.append(("asked", *calls.asked))
            calls.asked.clear()
        return found

    same(program)


def test_nearly_every_kind_of_variable_has_a_function() -> None:
    for variable, text in _FITTING.items():
        app = make_app(tuile)
        app.url_map.converters.update(Calls().converters())
        app.add_url_rule(f"/w/{variable.format('n')}", "view", lambda **_: "found")
        for _ in range(20):
            send(app, make_environ(f"/w/{text}"))
        assert app.plan.variable_routes, variable


def test_paths_defaults_other_scripts_and_loose_slashes_have_functions() -> None:
    for rule, path, options in (
        ("/files/<path:name>", "/files/a/b.txt", {}),
        ("/archive", "/archive", {"defaults": {"page": 1}}),
        ("/archive/<name>", "/archive/a", {"defaults": {"page": 1}}),
        ("/\xe9/<name>", "/\xc3\xa9/\xc3\xa9", {}),
        ("/loose/<name>", "/loose/a/", {"strict_slashes": False}),
        ("/loose/<name>/", "/loose/a", {"strict_slashes": False}),
    ):
        app = make_app(tuile)
        app.add_url_rule(rule, "view", lambda **_: "found", **options)
        for _ in range(20):
            send(app, make_environ(path))
        assert app.plan.variable_routes, rule


def test_a_variable_of_several_parts_is_tried_before_others() -> None:
    def program(lib: Any) -> Any:
        app, calls = make_app(lib), Calls()
        app.url_map.converters.update(calls.converters())
        for rule in ("/<deep:rest>", "/<name>/<int:n>", "/<name>/<path:more>", "/x/<deep:rest>", "/x/<int:n>/<path:p>"):
            app.add_url_rule(rule, rule, lambda **given: f"{lib.request.url_rule} {given}")
        paths = ("/7/8", "/a/8", "/7/b/c", "/a/b", "/x/7/y/z", "/x/a/7", "/x/7/1", "/8/a/b", "/8/8", "/8")
        found = [outcome(send, app, make_environ(path)) for _ in range(4) for path in paths]
        return found, calls.asked

    same(program)


@pytest.mark.parametrize("prefix", ["/api/v1", "/api", ""])
def test_each_of_many_resources_has_a_function(prefix: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        for number in range(20):
            for end in ("", "/edit", "/parts/<part>"):
                app.add_url_rule(
                    f"{prefix}/r{number}/<int:n>{end}",
                    f"r{number}{end[:2]}",
                    lambda **given: f"{lib.request.endpoint} {given}",
                )
        app.add_url_rule(f"{prefix}/<name>/<int:n>", "any", lambda **given: f"any {given}")
        paths = [
            f"{prefix}/r{number}/{number}{end}" for number in range(22) for end in ("", "/edit", "/parts/x", "/other")
        ]
        found = [outcome(send, app, make_environ(path)) for _ in range(4) for path in paths]
        if lib is tuile:
            assert len({id(rule) for rule in app.plan.rules_tried.values()}) > 50
            made: set[Any] = set()
            for each in app.plan.variable_routes.values():
                for routes in each.values():
                    made.update(vars(routes[0]).get("chosen", routes))
            assert len(made) == 61
        return found

    same(program)


def test_defaults_that_change_count_at_once() -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.add_url_rule("/archive/<name>", "view", lambda **given: f"{given}", defaults={"page": 1})
        found = [send(app, make_environ("/archive/a")) for _ in range(20)]
        rule: Any = next(rule for rule in app.url_map.iter_rules() if rule.endpoint == "view")
        for change in (
            lambda: rule.defaults.update(more=2),
            rule.defaults.clear,
            lambda: setattr(rule, "defaults", None),
        ):
            change()
            found += [outcome(send, app, make_environ("/archive/a")) for _ in range(5)]
        return found

    same(program)


@pytest.mark.parametrize(
    "kind", ["FloatConverter", "UUIDConverter", "PathConverter", "AnyConverter", "IntegerConverter"]
)
@pytest.mark.parametrize("when", ["before", "later"])
def test_a_patched_converter_counts(kind: str, when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from werkzeug.routing import converters  # noqa: PLC0415 - patched

    cls = getattr(converters, kind)

    def program(lib: Any) -> Any:
        app = make_app(lib)
        for number, (variable, _) in enumerate([*_FITTING.items(), ("<path:{}>", "a/b"), ("<int:{}>", "7")]):
            if variable != "<list:{}>":
                app.add_url_rule(f"/w{number}/{variable.format('n')}", f"w{number}", lambda n: f"{n!r}")
        paths = [f"/w{number}/{text}" for number, text in enumerate([*_FITTING.values(), "a/b", "7"])]
        with monkeypatch.context() as patched:
            if when == "before":
                patched.setattr(cls, "to_python", lambda _, text: f"patched {text}")
            found = [outcome(send, app, make_environ(path)) for _ in range(5) for path in paths]
            patched.setattr(cls, "to_python", lambda _, text: f"patched again {text}")
            found += [outcome(send, app, make_environ(path)) for path in paths]
        return found + [outcome(send, app, make_environ(path)) for path in paths]

    same(program)


@pytest.mark.parametrize("ends", [("", ""), ("", "/"), ("/", ""), ("/", "/"), ("/<path:p>", ""), ("/<x>", "/")])
def test_slashes_that_do_not_count(ends: tuple[str, str]) -> None:
    def program(lib: Any) -> Any:
        found = []
        for one, other in product((True, False), repeat=2):
            app = make_app(lib)
            for number, (end, strict) in enumerate(zip(ends, (one, other), strict=True)):
                for start in ("/a", "/a/<n>", ""):
                    options: dict[str, Any] = {"methods": ["GET" if number else "POST"], "strict_slashes": strict}
                    if f"{start}{end}":
                        app.add_url_rule(f"{start}{end}", f"v{number}{start}", lambda **given: f"{given}", **options)
            paths = ("/a", "/a/", "/a/b", "/a/b/", "/a//", "/", "", "//", "/a/b//", "/c", "/c/", "/a/b/c/", "/a/b/c")
            for _, path, method in product(range(4), paths, ("GET", "POST", "PUT", "OPTIONS")):
                found.append(outcome(send, app, make_environ(path, REQUEST_METHOD=method)))
            for rule in app.url_map.iter_rules():
                rule.strict_slashes = not rule.strict_slashes
            for path, method in product(paths, ("GET", "POST")):
                found.append(outcome(send, app, make_environ(path, REQUEST_METHOD=method)))
        return found

    same(program)


def app_with_rivals(lib: Any, choose: random.Random) -> Any:
    app, calls = make_app(lib), Calls()
    app.url_map.converters.update(calls.converters())
    app.url_map.redirect_defaults = choose.random() < 0.85
    kind = choose.choice(("int:", "", "float:", "picky:", "any(a, b, '1'):", "int(min=1):"))
    fitting = (1, 2, "a", "b", 1.0, "1", "picked 1", 1.5, None, [1])

    def view(**given: Any) -> str:
        return repr(given)

    for number in range(choose.randrange(2, 5)):
        given = choose.choice(({}, {"page": choose.choice(fitting)}, {"page": choose.choice(fitting), "sort": "a"}))
        parts = [f"<{kind}page>" if "page" not in given else "p", "<sort>" if "sort" not in given else "s"]
        options: dict[str, Any] = {"methods": choose.choice((["GET"], ["GET", "POST"], ["POST"]))}
        if given:
            options["defaults"] = dict(given)
        if choose.random() < 0.1:
            options["redirect_to"] = "/elsewhere"
        if choose.random() < 0.1:
            options["alias"] = True
        rule = f"/{'/'.join(parts)}{choose.choice(('', f'/x{number}'))}"
        app.add_url_rule(rule, "view", view, **options)
    return app


def change_defaults(app: Any, choose: random.Random) -> None:
    for rule in app.url_map.iter_rules("view"):
        if rule.defaults and choose.random() < 0.5:
            rule.defaults["page"] = 2


@pytest.mark.parametrize("seed", range(25))
def test_rules_beside_some_with_defaults_lead_to_the_same(seed: int) -> None:
    def program(lib: Any) -> Any:
        choose = random.Random(seed)
        app = app_with_rivals(lib, choose)
        ends = ("", "/x0", "/x1")
        paths = [f"/{page}/{sort}{end}" for page in ("1", "2", "p") for sort in ("a", "s") for end in ends]
        adapter = app.url_map.bind("localhost", path_info="/", query_args="q=1")
        found: list[Any] = []
        for turn in range(3):
            for path, method in product(paths, ("GET", "PUT")):
                found.append(outcome(send, app, make_environ(path, REQUEST_METHOD=method)))
                found += [outcome(adapter.match, path, method) for _ in range(14)]
                found.append(outcome(adapter.test, path, method))
                found.append(outcome(lambda path=path: sorted(adapter.allowed_methods(path))))
            if turn == 0:
                change_defaults(app, choose)
        return found

    same(program)


def path_of(rule: str, choose: random.Random) -> str:
    """Return a path that may fit a rule."""
    parts = [choose.choice(_TEXTS[:16]) if "<" in part else part for part in rule.split("/")]
    return "/".join(parts).encode().decode("latin-1")


@pytest.mark.parametrize("seed", range(40))
def test_wrong_methods_are_refused_alike_for_paths_with_variables(seed: int) -> None:
    def program(lib: Any) -> Any:
        choose, calls = random.Random(seed), Calls()
        app = lib.Flask("methods", static_folder=None, subdomain_matching=seed % 2 == 0)
        app.config["SERVER_NAME"] = "localhost" if seed % 2 == 0 else None
        app.url_map.converters.update(calls.converters())
        app.url_map.merge_slashes = choose.random() < 0.7
        rules: list[str] = []
        for number in range(choose.randrange(1, 7)):
            methods = choose.choice((["GET"], ["GET", "POST"], ["POST"], ["PUT", "PATCH"], ["DELETE"]))
            rule = choose.choice([random_rule(choose), *rules])
            rules.append(rule)
            options: dict[str, Any] = {"strict_slashes": choose.random() < 0.8}
            if choose.random() < 0.1:
                options["merge_slashes"] = choose.random() < 0.5
            if seed % 2 == 0:
                options["subdomain"] = choose.choice(("", "api", "api", "<site>", "<int:shop>"))
            app.add_url_rule(rule, f"view{number}", lambda **given: repr(given), methods=methods, **options)
        adapter = app.url_map.bind("localhost")
        found = []
        paths = [random_path(choose) for _ in range(15)]
        paths += [path_of(choose.choice(rules), choose) for _ in range(120)]
        for path, method in product(paths, ("TRACE", "DELETE", "GET", "put")):
            host = choose.choice(("localhost", "api.localhost", "5.localhost"))
            found.append(outcome(send, app, make_environ(path, REQUEST_METHOD=method, HTTP_HOST=host)))
            text = path.encode("latin-1").decode(errors="replace")
            found += [outcome(adapter.match, text, method), outcome(adapter.test, text, method)]
            found.append(outcome(adapter.allowed_methods, text))
            found.append(tuple(calls.asked))
            calls.asked.clear()
        return found

    same(program)
