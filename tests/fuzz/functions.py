"""What views and hooks do and answer: one function for each word that a program may use."""

from __future__ import annotations

import builtins
import io
import threading
from contextvars import Context
from typing import TYPE_CHECKING, Any

import werkzeug.exceptions
from werkzeug.wrappers import Response as WerkzeugResponse

from tests.beside_flask import outcome
from tests.fuzz.world import DEEPEST, MOST_ACTIONS, SITE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fuzz.world import Step, World

Action = "Callable[[World, Step], Any]"


class OwnHTTP(werkzeug.exceptions.HTTPException):
    """An HTTP exception with a code that nobody else has."""

    code = 499
    description = "own"


class Elsewhere(werkzeug.exceptions.HTTPException):
    """One whose constructor does not call the base's, as applications write them."""

    def __init__(self) -> None:
        self.where = "/login"

    def get_response(self, environ: Any = None, scope: Any = None) -> Any:
        return WerkzeugResponse("elsewhere", 303, {"Location": self.where})


def error_class(name: str) -> Any:
    """The exception class that a program names."""
    if name in {"OwnHTTP", "Elsewhere"}:
        return globals()[name]
    found = getattr(werkzeug.exceptions, name, None)
    if found is None and name == "RequestRedirect":
        from werkzeug.routing import RequestRedirect  # noqa: PLC0415 - for one word

        return RequestRedirect
    return found or getattr(builtins, name)


def make_error(name: str) -> BaseException:
    """An exception of a class, made with what it wants."""
    kind = error_class(name)
    arguments = {"Elsewhere": (), "OwnHTTP": (), "RequestRedirect": ("/redirected",)}.get(name, ("told",))
    error: BaseException = kind(*arguments)
    return error


def run_actions(world: World, does: list[Step], given: Any = None) -> None:
    """Do what a function of the program does; given: the response or error that a hook was called with."""
    if world.depth >= DEEPEST:
        return
    world.depth += 1
    try:
        _run_actions(world, does, given)
    finally:
        world.depth -= 1


def _run_actions(world: World, does: list[Step], given: Any) -> None:
    for action in does:
        if world.actions >= MOST_ACTIONS:
            return
        world.actions += 1
        function = ACTIONS[action["do"]]
        if action.get("try", True):
            world.note(action["do"], outcome(function, world, action, given))
        else:
            world.note(action["do"], function(world, action, given))


def _session(world: World, action: Step, _: Any) -> Any:
    session = world.lib.session
    key, value = action.get("key", "a"), action.get("value")
    how = action["how"]
    calls: dict[str, Callable[[], Any]] = {
        "set": lambda: session.__setitem__(key, value),
        "get": lambda: session.get(key),
        "item": lambda: session[key],
        "pop": lambda: session.pop(key, None),
        "del": lambda: session.__delitem__(key),
        "clear": session.clear,
        "permanent": lambda: setattr(session, "permanent", bool(value)),
        "flags": lambda: [session.new, session.modified, session.accessed, session.permanent],
        "unmodified": lambda: setattr(session, "modified", False),
        "modified": lambda: setattr(session, "modified", True),
        "all": lambda: dict(session),
        "update": lambda: session.update({key: value, "up": 1}),
        "setdefault": lambda: session.setdefault(key, value),
        # Without a word, the change inside the list is noticed by Tuile alone.
        "nested": lambda: (session.setdefault("nested", []).append(1), session.__setattr__("modified", True)),
        "bool": lambda: (bool(session), len(session), key in session),
        "unserializable": lambda: session.__setitem__(key, object()),
        "bytes": lambda: session.__setitem__(key, b"\xff"),
        "tuple": lambda: session.__setitem__(key, (1, "x")),
        "type": lambda: type(session._get_current_object()).__name__,
    }
    return calls[how]()


def _flash(world: World, action: Step, _: Any) -> Any:
    if action["how"] == "flash":
        return world.lib.flash(action.get("value", "told"), action.get("key", "message"))
    return world.lib.get_flashed_messages(with_categories=action["how"] == "categories")


def _read(world: World, action: Step, _: Any) -> Any:
    name = action["name"]
    value = getattr(world.lib.request, name)
    if name in {"args", "form", "values", "cookies"}:
        return sorted((key, value.getlist(key) if hasattr(value, "getlist") else value[key]) for key in value)
    if name == "headers":
        return sorted(value)
    if name == "files":
        return [(key, file.filename, file.read()) for key, file in value.items(multi=True)]
    return value


def _call_request(world: World, action: Step, _: Any) -> Any:
    request = world.lib.request
    calls: dict[str, Callable[[], Any]] = {
        "get_json": request.get_json,
        "get_json silent": lambda: request.get_json(silent=True),
        "get_json force": lambda: request.get_json(force=True),
        "get_data": request.get_data,
        "get_data text": lambda: request.get_data(as_text=True),
        "get_data parse": lambda: request.get_data(parse_form_data=True),
        "stream": lambda: request.stream.read(),
        "stream some": lambda: request.stream.read(2),
        "form item": lambda: request.form["missing"],
        "args item": lambda: request.args["missing"],
        "args int": lambda: request.args.get("n", type=int),
        "header": lambda: request.headers.get("X-Own"),
        "repr": lambda: repr(request),
        "own": lambda: setattr(request, "own", 1),
        "get own": lambda: request.own,
        "set remote_addr": lambda: setattr(request, "remote_addr", "9.9.9.9"),
        "set host": lambda: setattr(request, "host", "set.example.com"),
        "set path": lambda: setattr(request, "path", "/set"),
        "set method": lambda: setattr(request, "method", "PUT"),
        "set view_args": lambda: setattr(request, "view_args", {}),
        "set url_rule": lambda: setattr(request, "url_rule", None),
        "set limit": lambda: setattr(request, "max_content_length", 2),
        "set routing_exception": lambda: setattr(request, "routing_exception", None),
        "change view_args": lambda: request.view_args.update(extra=1) if request.view_args is not None else None,
        "bool": lambda: bool(request),
        "close": request.close,
        "on failure": lambda: request.on_json_loading_failure(None),
        "environ": lambda: sorted(name for name in request.environ if name.startswith("HTTP_")),
    }
    return calls[action["how"]]()


def _g(world: World, action: Step, _: Any) -> Any:
    g, key = world.lib.g, action.get("key", "x")
    calls: dict[str, Callable[[], Any]] = {
        "set": lambda: setattr(g, key, action.get("value")),
        "get": lambda: g.get(key),
        "attribute": lambda: getattr(g, key),
        "pop": lambda: g.pop(key, "default"),
        "pop item": lambda: g.pop(key),
        "del": lambda: delattr(g, key),
        "setdefault": lambda: g.setdefault(key, action.get("value")),
        "in": lambda: key in g,
        "all": lambda: sorted(g),
        "repr": lambda: repr(g),
        "type": lambda: type(g._get_current_object()).__name__,
    }
    return calls[action["how"]]()


def _url_for(world: World, action: Step, _: Any) -> Any:
    return world.lib.url_for(action["endpoint"], **action.get("values", {}))


def _render(world: World, action: Step, _: Any) -> Any:
    lib = world.lib
    function = getattr(lib, action["how"])
    answer = function(action["source"], name=action.get("value", "N"))
    return answer if isinstance(answer, str) else "".join(answer)


def _after_this(world: World, action: Step, _: Any) -> Any:
    def function(response: Any) -> Any:
        world.note("after this")
        run_actions(world, action.get("does", []), response)
        return response

    world.lib.after_this_request(function)


def _log(world: World, action: Step, _: Any) -> Any:
    getattr(world.app.logger, action["how"])("told %s", action.get("value"))


def _step(world: World, action: Step, _: Any) -> Any:
    from tests.fuzz.steps import run_step  # noqa: PLC0415 - steps make functions, which do steps

    return run_step(world, action["step"])


def _contexts(world: World, action: Step, _: Any) -> Any:
    lib, app = world.lib, world.app
    how = action["how"]
    if how == "has":
        return lib.has_request_context(), lib.has_app_context()
    if how == "current":
        return [lib.current_app.name, lib.current_app == app, lib.request.path]
    if how == "copied":
        return lib.copy_current_request_context(lambda: lib.request.path)()
    if how == "thread":
        seen: list[Any] = []
        function = lib.copy_current_request_context(
            lambda: (lib.request.path, lib.request.args.get("a"), lib.session.get("a"))
        )
        if world.threads:
            # A thread has an empty context too, and costs much more.
            Context().run(lambda: seen.append(outcome(function)))
            return seen
        world.threads += 1
        thread = threading.Thread(target=lambda: seen.append(outcome(function)))
        thread.start()
        thread.join()
        return seen
    with app.app_context() if how == "app" else app.test_request_context("/inner/x"):
        run_actions(world, action.get("does", []))
        return lib.request.path if lib.has_request_context() else None


def _adapter(world: World, action: Step, _: Any) -> Any:
    adapter = world.module("globals").request_ctx.url_adapter
    if action["how"] == "match":
        rule, values = adapter.match(action["path"], return_rule=True)
        return rule.endpoint, values
    if action["how"] == "methods":
        return sorted(adapter.allowed_methods())
    return adapter.build(action["endpoint"], action.get("values", {}))


def _respond(world: World, action: Step, given: Any) -> Any:
    """What a hook does to the response that it is given."""
    if not isinstance(given, WerkzeugResponse):
        return "no response"
    response: Any = given
    how, key, value = action["how"], action.get("key", "k"), action.get("value")
    calls: dict[str, Callable[[], Any]] = {
        "set header": lambda: response.headers.__setitem__("X-Set", value),
        "add header": lambda: response.headers.add("X-Add", "1"),
        "del header": lambda: response.headers.pop("Content-Type", None),
        "del length": lambda: response.headers.pop("Content-Length", None),
        "status": lambda: setattr(response, "status", value),
        "status_code": lambda: setattr(response, "status_code", 202),
        "data": lambda: response.set_data("changed"),
        "get_data": response.get_data,
        "cookie": lambda: response.set_cookie(key, str(value)),
        "cookie options": lambda: response.set_cookie(
            key, "v", max_age=5, path="/x", domain="example.com", secure=True, samesite="Lax"
        ),
        "delete cookie": lambda: response.delete_cookie(key),
        "etag": response.add_etag,
        "conditional": lambda: response.make_conditional(world.lib.request),
        "conditional ranges": lambda: response.make_conditional(world.lib.request, accept_ranges=True),
        "freeze": response.freeze,
        "on close": lambda: response.call_on_close(lambda: world.note("closed response")).__name__,
        "mimetype": lambda: setattr(response, "mimetype", "text/x-own"),
        "content_type": lambda: setattr(response, "content_type", None),
        "location": lambda: setattr(response, "location", "/moved"),
        "vary": lambda: response.vary.add("X-Own"),
        "cache": lambda: setattr(response.cache_control, "max_age", 5),
        "is": lambda: [response.is_sequence, response.is_streamed, response.is_json, response.content_length],
        "iterable": lambda: setattr(response, "response", iter([b"it", b"er"])),
        "list": lambda: setattr(response, "response", [b"li", b"st"]),
        "append": lambda: response.response.append(b"+"),
        "stream": lambda: response.stream.write("more"),
        "type": lambda: type(response).__name__,
        "headers object": lambda: type(response.headers).__name__,
        "passthrough": lambda: setattr(response, "direct_passthrough", True),
        "clear headers": response.headers.clear,
        "json": lambda: response.get_json(silent=True),
    }
    return calls[how]()


def _raise(world: World, action: Step, _: Any) -> Any:
    raise make_error(action["error"])


def _abort(world: World, action: Step, _: Any) -> Any:
    world.lib.abort(action["code"])


ACTIONS: dict[str, Callable[[World, Step, Any], Any]] = {
    "session": _session,
    "flash": _flash,
    "read": _read,
    "request": _call_request,
    "g": _g,
    "url_for": _url_for,
    "render": _render,
    "after this": _after_this,
    "log": _log,
    "step": _step,
    "contexts": _contexts,
    "adapter": _adapter,
    "respond": _respond,
    "raise": _raise,
    "abort": _abort,
}


def make_answer(world: World, answer: Step, arguments: dict[str, Any] | None = None) -> Any:
    """What a view returns; it may raise instead."""
    return ANSWERS[answer["is"]](world, answer, arguments or {})


def _tuple(world: World, answer: Step, arguments: dict[str, Any]) -> Any:
    parts = [[tuple(pair) for pair in part] if isinstance(part, list) else part for part in answer.get("parts", [])]
    return (make_answer(world, answer["body"], arguments), *parts)


def _generator(world: World, answer: Step, arguments: dict[str, Any]) -> Any:
    def pieces() -> Iterator[Any]:
        try:
            for piece in answer.get("pieces", ["a", "b"]):
                if piece == "raise":
                    raise_now("in the stream")
                if piece == "read":
                    yield outcome(lambda: world.lib.request.path)[0]
                else:
                    yield piece.encode() if answer.get("bytes") else piece
        finally:
            world.note("generator closed")

    return world.lib.stream_with_context(pieces()) if answer.get("with context") else pieces()


def raise_now(text: str) -> None:
    """Raise where a statement is not possible."""
    raise ValueError(text)


def _response(world: World, answer: Step, _: dict[str, Any]) -> Any:
    kind = WerkzeugResponse if answer.get("foreign") else world.app.response_class
    options = {name: answer[name] for name in ("status", "mimetype", "content_type", "headers") if name in answer}
    response = kind(answer.get("body", "response"), **options)
    run_actions(world, answer.get("does", []), response)
    return response


def _wsgi(world: World, answer: Step, _: dict[str, Any]) -> Any:
    def application(environ: Any, start_response: Any) -> Any:
        world.note("wsgi application", environ["PATH_INFO"])
        start_response("202 Accepted", [("X-W", "1"), ("Content-Type", "text/w")])
        return [b"wsgi ", b"app"]

    return application


def _json(world: World, answer: Step, _: dict[str, Any]) -> Any:
    value = answer.get("value")
    how = answer.get("how", "one")
    jsonify = world.lib.jsonify
    if how == "one":
        return jsonify(value)
    if how == "two":
        return jsonify(value, 2)
    return jsonify(a=value, b=1) if how == "named" else jsonify(value, a=1)


def _file(world: World, answer: Step, _: dict[str, Any]) -> Any:
    lib = world.lib
    if answer.get("how") == "directory":
        return lib.send_from_directory(str(SITE), answer["name"])
    if answer.get("how") == "object":
        return lib.send_file(io.BytesIO(b"file object"), mimetype="text/x-o", download_name="o.txt", as_attachment=True)
    return lib.send_file(
        str(SITE / answer["name"]), conditional=answer.get("conditional", True), max_age=answer.get("age")
    )


def _special(world: World, answer: Step, arguments: dict[str, Any]) -> Any:
    values: dict[str, Any] = {
        "none": None,
        "number": 7,
        "object": object,
        "bytearray": bytearray(b"array"),
        "markup": world.lib.__dict__.get("Markup", str)("<m>"),
        "set": {1},
        "nan": float("nan"),
        "request": world.lib.request if world.lib.has_request_context() else None,
        "own text": type("Own", (str,), {})("own text"),
        "own dict": type("OwnDict", (dict,), {})(a=1),
        "surrogate": "\udc80",
        "empty tuple": (),
        "long tuple": ("a", 200, {}, 1),
        "none tuple": (None, 200),
        "deep": {"a": {"b": [{"c": [1, {"d": None}]}]}},
        "keys": {2: "b", "1": "a"},
        "number keys": {2: "b", 1: "a"},
        "view args": {"args": {key: str(value) for key, value in arguments.items()}},
        "no json": {"a": object()},
    }
    return values[answer["what"]]


ANSWERS: dict[str, Callable[[World, Step, dict[str, Any]], Any]] = {
    "value": lambda world, answer, _: answer.get("value", "text"),
    "bytes": lambda world, answer, _: answer.get("value", "bytes").encode(),
    "special": _special,
    "tuple": _tuple,
    "generator": _generator,
    "response": _response,
    "made": lambda world, answer, _: world.lib.make_response(*answer.get("arguments", [])),
    "wsgi": _wsgi,
    "json": _json,
    "file": _file,
    "exception object": lambda world, answer, _: make_error(answer["error"]),
    "raise": lambda world, answer, _: _raise(world, answer, None),
    "abort": lambda world, answer, _: world.lib.abort(answer["code"]),
    "abort text": lambda world, answer, _: world.lib.abort(answer["code"], description="told"),
    "abort response": lambda world, answer, _: world.lib.abort(world.lib.make_response("aborted", 409)),
    "redirect": lambda world, answer, _: world.lib.redirect(answer["to"], answer.get("code", 302)),
    "render": lambda world, answer, _: _render(world, answer, None),
    "stream": lambda world, answer, _: getattr(world.lib, answer["how"])(answer["source"], name="S"),
    "url": lambda world, answer, _: _url_for(world, answer, None),
    "kept": lambda world, answer, _: world.kept.setdefault("response", world.app.response_class("kept")),
}
