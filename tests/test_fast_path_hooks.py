"""The functions before and after the view: in the order, with the arguments and as often as on Flask."""

from __future__ import annotations

import random
from typing import Any
from unittest import mock
from weakref import ref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tuile
from tests.asgi import driver
from tests.beside_flask import make_environ, outcome, same, send
from tuile.asgi import _generated

# What one function does, besides being noted.
CHANGES: dict[str, Any] = {
    "nothing": lambda lib, app, note: None,
    "answers": lambda lib, app, note: "early",
    "answers falsely": lambda lib, app, note: "",
    "fails": lambda lib, app, note: vars(app)["missing"],
    "another view": lambda lib, app, note: setattr(lib.request.url_rule, "endpoint", "other"),
    "other arguments": lambda lib, app, note: setattr(lib.request, "view_args", {"name": "changed"}),
    "an error of routing": lambda lib, app, note: setattr(lib.request, "routing_exception", ValueError("routing")),
    "another method": lambda lib, app, note: setattr(lib.request, "method", "OPTIONS"),
    "one more function": lambda lib, app, note: app.before_request_funcs.setdefault(None, []).append(
        lambda: note("added")
    ),
    "another ensure_sync": lambda lib, app, note: setattr(
        app, "ensure_sync", lambda function: lambda *args, **named: note("synchronous", bool(function(*args, **named)))
    ),
    "another dispatch_request": lambda lib, app, note: setattr(app, "dispatch_request", lambda: "dispatched"),
    "another make_response": lambda lib, app, note: setattr(app, "make_response", lambda rv: app.response_class("own")),
}


def replace(app: Any, response: Any, **methods: Any) -> Any:
    for name, method in methods.items():
        setattr(app, name, method)
    return response


# What one function after the view does with its response, besides being noted.
AFTER: dict[str, Any] = {
    "nothing": lambda lib, app, note, response: response,
    "a header": lambda lib, app, note, response: (response.headers.add("X-After", "1"), response)[1],
    "a cookie": lambda lib, app, note, response: (response.set_cookie("after", "1"), response)[1],
    "the session": lambda lib, app, note, response: (lib.session.update(seen=True), response)[1],
    "the session read": lambda lib, app, note, response: (note(lib.session.get("seen")), response)[1],
    "another response": lambda lib, app, note, response: app.response_class(b"other " + response.data, 202),
    "fails": lambda lib, app, note, response: vars(app)["missing"],
    "no response": lambda lib, app, note, response: None,
    "a signal": lambda lib, app, note, response: (
        app.extensions.setdefault("receiver", receiver := lambda *_, response: note("finished", response.status_code)),
        lib.request_finished.connect(receiver, app),
        response,
    )[2],
    "after this request": lambda lib, app, note, response: (
        lib.after_this_request(lambda given: (note("late"), given)[1]),
        response,
    )[1],
    "one more function": lambda lib, app, note, response: (
        app.after_request_funcs.setdefault(None, []).append(lambda given: (note("added"), given)[1]),
        response,
    )[1],
    "another ensure_sync": lambda lib, app, note, response: replace(
        app, response, ensure_sync=lambda function: lambda *args: (note("synchronous"), function(*args))[1]
    ),
    "another process_response": lambda lib, app, note, response: replace(
        app, response, process_response=lambda given: (note("processed"), given)[1]
    ),
}
ANSWERS: dict[str, Any] = {
    "text": lambda lib, name: f"text {name}",
    "bytes": lambda lib, name: name.encode(),
    "subclass of bytes": lambda lib, name: type("Own", (bytes,), {})(name.encode()),
    "bytearray": lambda lib, name: bytearray(name.encode()),
    "JSON": lambda lib, name: {"name": name},
    "list": lambda lib, name: [name],
    "tuple": lambda lib, name: (name, 201),
    "response": lambda lib, name: lib.Response(name, headers={"X-View": "1"}),
    "session": lambda lib, name: (lib.session.update(view=name), name)[1],
    "after this request": lambda lib, name: (lib.after_this_request(lambda given: given), name)[1],
    "error": lambda lib, name: lib.abort(404),
}


def kept(app: Any, what: Any) -> None:
    app.extensions["kept"] = what


# What a function after the view changes of a response that would otherwise be sent without it.
CHANGED: dict[str, Any] = {
    "nothing": lambda app, response: None,
    "header": lambda app, response: response.headers.add("X-After", "1"),
    "header replaced": lambda app, response: response.headers.set("Content-Type", "text/plain"),
    "header deleted": lambda app, response: response.headers.remove("Content-Type"),
    "headers replaced": lambda app, response: setattr(response, "headers", type(response.headers)([("X-Own", "1")])),
    "headers deleted": lambda app, response: delattr(response, "headers"),
    "status": lambda app, response: setattr(response, "status", "299 Own"),
    "status without content": lambda app, response: setattr(response, "status_code", 204),
    "code alone": lambda app, response: setattr(response, "_status_code", 204),
    "same status": lambda app, response: setattr(response, "status_code", 200),
    "data": lambda app, response: response.set_data("other"),
    "same data": lambda app, response: response.set_data(response.get_data()),
    "part": lambda app, response: response.response.append(b" more"),
    "part replaced": lambda app, response: response.response.__setitem__(0, b"other"),
    "parts": lambda app, response: setattr(response, "response", iter([b"a", b"b"])),
    "parts deleted": lambda app, response: delattr(response, "response"),
    "closing": lambda app, response: response.call_on_close(lambda: app.extensions["log"].append("closed")),
    "method": lambda app, response: setattr(response, "iter_encoded", lambda: iter([b"own"])),
    "class": lambda app, response: setattr(response, "__class__", app.extensions["class"]),
    "kept": kept,
    "parts kept": lambda app, response: kept(app, response.response),
    "headers kept": lambda app, response: kept(app, response.headers),
    "method kept": lambda app, response: kept(app, response.get_data),
    "kept weakly": lambda app, response: kept(app, ref(response)),
}


def changing(lib: Any, changes: list[str], at_end: str, returned: str, method: str) -> list[object]:
    """Return the answers of an app with a function after the view that makes some changes, and what is left."""
    app = lib.Flask("changing")
    log = app.extensions["log"] = []

    class Own(lib.Response):  # type: ignore[misc] # of either framework
        def __call__(self, environ: Any, start_response: Any) -> Any:
            log.append("called")
            return super().__call__(environ, start_response)

    app.extensions["class"] = Own

    def after(response: Any) -> Any:
        for change in changes:
            CHANGED[change](app, response)
        return response

    def end(error: object) -> None:
        left = app.extensions.pop("kept", None)
        if isinstance(left, ref):
            left = left()
        if at_end and isinstance(left, lib.Response):
            CHANGED[at_end](app, left)
        elif at_end and isinstance(left, list):
            left.append(b" at the end")
        log.append(type(left).__name__)

    app.after_request(after)
    if at_end:
        app.teardown_request(end)
    app.add_url_rule("/", "index", lambda: {"text": "text", "JSON": {"a": 1}, "bytes": b"bytes", "": ""}[returned])
    answers = [outcome(send, app, make_environ(REQUEST_METHOD=method)) for _ in range(4)]
    return [*answers, log]


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.sampled_from(list(CHANGED)), max_size=2),
    st.sampled_from(["", "", "nothing", "part", "data", "header", "closing", "part replaced"]),
    st.sampled_from(["text", "JSON", "bytes", ""]),
    st.sampled_from(["GET", "HEAD"]),
)
def test_what_functions_after_the_view_leave_of_a_response_is_sent_as_on_flask(
    changes: list[str], at_end: str, returned: str, method: str
) -> None:
    # A class with a method of its own is sent by it, as it was then.
    late = "" if "class" in changes else at_end
    same(lambda lib: changing(lib, changes, late, returned, method))


def program(lib: Any, chosen: random.Random) -> list[object]:  # noqa: C901 - one application
    """Make an app with random functions before the view, send requests, and return all that was seen."""
    log: list[object] = []

    def note(*what: object) -> Any:
        log.append(what)

    app = lib.Flask("hooks")
    app.testing = False
    app.logger.disabled = True
    parent, child = lib.Blueprint("parent", __name__), lib.Blueprint("child", __name__)

    def function(number: int, kind: str) -> Any:
        def hook() -> object:
            note(number, kind, lib.request.endpoint, lib.request.view_args, lib.request.blueprints)
            return CHANGES[kind](lib, app, note) if lib.request.args.get("go") == "yes" else None

        return hook

    for number in range(chosen.randrange(4)):
        kind = chosen.choice(list(CHANGES))
        owner = chosen.choice([app, app, parent, child])
        owner.before_request(function(number, kind))
    if chosen.random() < 0.3:
        app.url_value_preprocessor(lambda endpoint, values: note("values", endpoint, values))
    if chosen.random() < 0.5:
        app.after_request(lambda response: (note("after"), response)[1])
    for endpoint in ("index", "with.dot", "other"):
        app.add_url_rule(f"/{endpoint}/<name>", endpoint, lambda name, endpoint=endpoint: f"{endpoint} {name}")
    app.before_request_funcs.setdefault("with", []).append(function(9, "nothing"))
    child.add_url_rule("/page/<name>", "page", lambda name: f"page {name}")
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    for query in ("", "", "", "go=yes", "", "go=yes", ""):
        for path in ("/index/a", "/with.dot/b", "/page/c"):
            try:
                log.append(send(app, make_environ(path, QUERY_STRING=query)))
            except Exception as error:  # noqa: BLE001 - it is compared
                log.append(type(error))
    return log


def finishing(lib: Any, chosen: random.Random) -> list[object]:  # noqa: C901 - one application
    """Make an app with random functions after the view, send requests, and return all that was seen."""
    log: list[object] = []

    def note(*what: object) -> Any:
        log.append(what)

    app = lib.Flask("after")
    app.secret_key = "of the tests"
    app.testing = False
    app.logger.disabled = True
    parent, child = lib.Blueprint("parent", __name__), lib.Blueprint("child", __name__)

    def function(number: int, kind: str) -> Any:
        def hook(response: Any) -> object:
            note(number, kind, response.status_code, response.headers.get("Content-Length"), lib.request.blueprints)
            going = lib.request.args.get("go") == "yes"
            return AFTER[kind](lib, app, note, response) if going else response

        return hook

    for number in range(chosen.randrange(1, 4)):
        owner = chosen.choice([app, app, parent, child])
        owner.after_request(function(number, chosen.choice(list(AFTER))))
    if chosen.random() < 0.3:
        app.before_request(lambda: note("before"))
    answer = ANSWERS[chosen.choice(list(ANSWERS))]
    for endpoint in ("index", "with.dot"):
        app.add_url_rule(f"/{endpoint}/<name>", endpoint, lambda name: answer(lib, name))
    app.after_request_funcs.setdefault("with", []).append(function(9, "a header"))
    child.add_url_rule("/page/<name>", "page", lambda name: answer(lib, name))
    child.add_url_rule("/still", "still", lambda: answer(lib, "still"))
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    cookies = chosen.choice(["", "other=1", "session=forged"])
    for query in ("", "", "", "go=yes", "", "go=yes", ""):
        for path in ("/index/a", "/with.dot/b", "/page/c", "/still"):
            given = {"HTTP_COOKIE": cookies} if cookies else {}
            try:
                log.append(send(app, make_environ(path, QUERY_STRING=query, **given)))
            except Exception as error:  # noqa: BLE001 - it is compared
                log.append(type(error))
    return log


@pytest.mark.parametrize("seed", range(250))
def test_random_functions_after_the_view_are_called_as_on_flask(seed: int) -> None:
    same(lambda lib: finishing(lib, random.Random(seed)))


@pytest.mark.parametrize("seed", range(150))
def test_random_functions_before_the_view_are_called_as_on_flask(seed: int) -> None:
    same(lambda lib: program(lib, random.Random(seed)))


def test_blueprints_of_an_own_request_class_count() -> None:
    def own(lib: Any) -> list[object]:
        class Request(lib.Request):  # type: ignore[misc]
            @property
            def blueprints(self) -> list[str]:
                return ["own"]

        app = lib.Flask("hooks")
        app.request_class = Request
        log: list[str] = []

        def after(response: Any) -> Any:
            log.append("after own")
            return response

        app.before_request(lambda: log.append("app"))
        app.before_request_funcs["own"] = [lambda: log.append("own")]
        app.after_request_funcs["own"] = [after]
        app.add_url_rule("/", "index", lambda: "text")
        return [send(app).body, send(app).body, log]

    assert same(own)[2] == ["app", "own", "after own"] * 2


def test_blueprints_patched_on_the_class_between_requests_count_at_once() -> None:
    app = tuile.Flask("hooks")
    log: list[str] = []
    app.before_request(lambda: log.append("app"))
    app.before_request_funcs["own"] = [lambda: log.append("own")]
    app.add_url_rule("/", "index", lambda: "text")
    send(app)
    send(app)
    with mock.patch.object(tuile.Request, "blueprints", property(lambda _: ["own"])):
        send(app)
    send(app)
    assert log == ["app", "app", "app", "own", "app"]


# They fail, or the body does not have the announced length, which ASGI servers are not given.
REFUSED = {"headers deleted", "parts deleted", "part", "part replaced", "parts", "method"}


def ask_often(app: tuile.Flask, method: str = "GET") -> list[driver.Answer]:
    """Send requests in one event loop, as the first of a loop is answered by the steps."""

    async def main() -> list[driver.Answer]:
        return [await driver.ask(app, "/", method) for _ in range(5)]

    answers: list[driver.Answer] = driver.run(main)
    return answers


@pytest.mark.parametrize("change", [change for change in CHANGED if change not in REFUSED])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_functions_after_the_view_leave_of_a_response_is_sent_to_asgi_servers_too(
    change: str, method: str
) -> None:
    app = tuile.Flask("changed")
    app.extensions.update(log=[], **{"class": type("Own", (tuile.Response,), {})})
    app.after_request(lambda response: (CHANGED[change](app, response), response)[1])
    app.add_url_rule("/", "index", lambda: "text")
    expected = send(app, make_environ(REQUEST_METHOD=method))
    for found in ask_often(app, method):
        assert (found.status, found.body) == (expected.code, expected.body)
        assert [(name.lower(), value) for name, value in expected.headers] == [
            (name.decode(), value.decode()) for name, value in found.headers
        ]


def test_an_untouched_response_is_sent_to_asgi_servers_without_it() -> None:
    def finish(*args: Any) -> Any:
        finished.append(original(*args))
        return finished[-1]

    original, finished = vars(_generated)["finish_by_functions"], list[Any]()
    app = tuile.Flask("untouched")
    app.after_request(lambda response: response)
    app.add_url_rule("/", "index", lambda: "text")
    with mock.patch.object(_generated, "finish_by_functions", finish):
        assert {answer.body for answer in ask_often(app)} == {b"text"}
    assert {body for _, body, _ in finished} == {b"text"}
