"""What the steps of a program do: one function for each word, called with the step's data."""

from __future__ import annotations

import gc
import io
from functools import partial
from typing import TYPE_CHECKING, Any

from werkzeug.routing import BaseConverter, Rule, ValidationError

from tests.beside_flask import outcome, sort_methods
from tests.fuzz.behaviours import override, patch
from tests.fuzz.functions import error_class, make_answer, run_actions
from tests.fuzz.world import NAME, SITE, describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fuzz.world import Step, World


def run_step(world: World, step: Step) -> Step:
    """Run one step; what it came to."""
    if world.app is None and step["step"] != "app":
        return {"outcome": "no app"}
    if step["step"] == "request":
        return _request(world, step)
    how, *rest = outcome(STEPS[step["step"]], world, step)
    return {"outcome": _cleaned(how, rest)}


def _cleaned(how: str, rest: list[Any]) -> list[Any]:
    return [how, *map(describe, rest)] if how == "raised" else [how, None]


class List(BaseConverter):
    """Words between plus signs; "bad" is refused."""

    def to_python(self, value: str) -> list[str]:
        if value == "bad":
            raise ValidationError
        return value.split("+")

    def to_url(self, value: Any) -> str:
        return "+".join(super(List, self).to_url(item) for item in value)


class Regex(BaseConverter):
    """A regular expression of the rule's own."""

    def __init__(self, map: Any, regex: str) -> None:
        super().__init__(map)
        self.regex = regex
        self.part_isolating = "/" not in regex and ".*" not in regex


def classes(world: World) -> dict[str, Any]:
    """The framework's classes that programs derive and patch."""
    lib = world.lib
    return {
        "flask": lib.Flask,
        "request": lib.Request,
        "response": lib.Response,
        "session": world.module("sessions").SecureCookieSessionInterface,
        "json": world.module("json.provider").DefaultJSONProvider,
        "g": world.module("ctx")._AppCtxGlobals,
        "config": lib.Config,
        "context": world.module("ctx").RequestContext,
    }


def _derive(world: World, kind: str, step: Step) -> Any:
    return override(world, classes(world)[kind], step.get("overrides", []), dict(step.get("attributes", [])))


def _make_app(world: World, step: Step) -> None:
    lib = world.lib
    derived = {kind: _derive(world, kind, what) for kind, what in step.get("derive", {}).items()}
    kind = derived.get("flask", lib.Flask)
    names = {
        "request": "request_class",
        "response": "response_class",
        "json": "json_provider_class",
        "g": "app_ctx_globals_class",
        "config": "config_class",
    }
    for name, attribute in names.items():
        if name in derived:
            kind = (
                type("Flask", (kind,), {attribute: derived[name]})
                if kind is lib.Flask
                else _with(kind, attribute, derived[name])
            )
    if "session" in derived:
        kind = _with(kind, "session_interface", derived["session"]())
    options = {"static_folder": None, "root_path": str(SITE), **step.get("options", {})}
    app = kind(NAME, **options)
    world.app = app
    app.url_map.converters.update(list=List, regex=Regex)
    app.config.update({"COOKIE_CHECKS": "off", **dict(step.get("settings", []))})


def _with(kind: Any, attribute: str, value: Any) -> Any:
    return type(kind.__name__, (kind,), {attribute: value})


def make_view(world: World, view: Step) -> Any:
    """A view: a function, a coroutine function, or one of a class of views."""
    name = view.get("name", "view")

    def function(**arguments: Any) -> Any:
        world.note(f"view {name}", {key: str(value) for key, value in arguments.items()})
        run_actions(world, view.get("does", []))
        return make_answer(world, view["answer"], arguments)

    kind = view.get("kind", "function")
    views = world.module("views")
    if kind == "function":
        function.__name__ = name
        return function
    if kind == "async":

        async def coroutine(**arguments: Any) -> Any:
            return function(**arguments)

        coroutine.__name__ = name
        return coroutine
    if kind == "method view":
        methods = dict.fromkeys(view.get("has", ["get", "post"]), lambda self, **arguments: function(**arguments))
        methods_class: Any = type("Methods", (views.MethodView,), methods)
        return methods_class.as_view(name)
    options = {
        "dispatch_request": lambda self, **arguments: function(**arguments),
        "init_every_request": view.get("init", True),
        "methods": view.get("methods"),
    }
    view_class: Any = type("Class", (views.View,), options)
    return view_class.as_view(name)


def _target(world: World, step: Step) -> Any:
    return world.blueprints.get(step.get("on", "app"), world.app)


def _rule(world: World, step: Step) -> None:
    view = make_view(world, step["view"]) if "view" in step else None
    options = dict(step.get("options", {}))
    if "redirect_to" in options and options["redirect_to"] == "function":
        options["redirect_to"] = lambda adapter, **arguments: "plain"
    _target(world, step).add_url_rule(step["rule"], step["endpoint"], view, **options)


def _blueprint(world: World, step: Step) -> None:
    world.blueprints[step["name"]] = world.lib.Blueprint(
        step["name"], NAME, root_path=str(SITE), **step.get("options", {})
    )


def _register(world: World, step: Step) -> None:
    _target(world, step).register_blueprint(world.blueprints[step["blueprint"]], **step.get("options", {}))


def _hook(world: World, step: Step) -> None:
    kind, does, answer = step["kind"], step.get("does", []), step.get("answer")
    target = _target(world, step)

    def before(*_: Any) -> Any:
        world.note(kind)
        run_actions(world, does)
        return None if answer is None else make_answer(world, answer)

    def after(response: Any) -> Any:
        world.note(kind, type(response).__name__)
        run_actions(world, does, response)
        return response if answer is None else make_answer(world, answer)

    def teardown(error: Any) -> None:
        world.note(kind, error)
        run_actions(world, does, error)

    def preprocess(endpoint: Any, values: Any) -> None:
        world.note(kind, [endpoint, {key: str(value) for key, value in (values or {}).items()}])
        if values is not None and step.get("key"):
            values.pop(step["key"], None)
        run_actions(world, does)

    def defaults(endpoint: Any, values: Any) -> None:
        world.note(kind, endpoint)
        values.setdefault(step.get("key", "lang"), step.get("value", "de"))

    def context() -> Any:
        world.note(kind)
        return {"extra": step.get("value"), "name": "from context"} if step.get("key") else {"extra": step.get("value")}

    def handle(error: Any) -> Any:
        world.note(kind, error)
        run_actions(world, does)
        return error if answer is None else make_answer(world, answer)

    if "error" in kind:
        wanted = step["for"]
        getattr(target, kind)(error_class(wanted) if isinstance(wanted, str) else wanted)(handle)
        return
    if kind in {"template_filter", "template_test", "template_global"}:
        getattr(target, kind)("twice")(lambda value: f"{value}{value}")
        return
    functions: dict[str, Callable[..., Any]] = {
        "before": before,
        "after": after,
        "teardown": teardown,
        "url_value": preprocess,
        "url_defaults": defaults,
        "context": context,
    }
    function = next(found for word, found in functions.items() if word in kind.replace("app_", "") or word in kind)
    getattr(target, kind)(function)


def _signal(world: World, step: Step) -> None:
    name = step["name"]

    def receive(sender: Any, **named: Any) -> None:
        told = [key for key in sorted(named) if not key.startswith("_")]
        world.note(f"signal {name}", [type(sender).__name__, told, named.get("exc"), named.get("exception")])
        run_actions(world, step.get("does", []), named.get("response"))

    if name in world.receivers:
        # One receiver calls the others: signals keep theirs in a set, whose order is that of addresses.
        world.receivers[name].append(receive)
        return
    receivers = world.receivers[name] = [receive]

    def receive_all(sender: Any, **named: Any) -> None:
        for function in receivers.copy():
            function(sender, **named)

    signal = getattr(world.module("signals"), name)
    if step.get("mine"):
        signal.connect(receive_all, world.app, weak=False)
    else:
        signal.connect(receive_all, weak=False)


def _config(world: World, step: Step) -> None:
    config, key, value, how = world.app.config, step.get("key"), step.get("value"), step["how"]
    calls: dict[str, Callable[[], Any]] = {
        "set": lambda: config.__setitem__(key, value),
        "update": lambda: config.update({key: value}),
        "update named": lambda: config.update(**{str(key): value}),
        "update pairs": lambda: config.update([(key, value)]),
        "or": lambda: config.__ior__({key: value}),
        "setdefault": lambda: config.setdefault(key, value),
        "pop": lambda: config.pop(key, None),
        "popitem": lambda: config.popitem() and None,
        "del": lambda: config.__delitem__(key),
        "clear": lambda: config.clear(),
        "mapping": lambda: config.from_mapping({key: value}),
        "object": lambda: config.from_object(type("Settings", (), {str(key): value})),
        "prefixed": lambda: config.from_prefixed_env(),
        "dict": lambda: dict.__setitem__(config, key, value),
        "dict pop": lambda: dict.pop(config, key, None),
        "replace": lambda: setattr(world.app, "config", type(config)(config.root_path, {**config, key: value})),
        "attribute": lambda: setattr(
            world.app,
            {"DEBUG": "debug", "TESTING": "testing", "SECRET_KEY": "secret_key"}.get(key or "", "extra"),
            value,
        ),
    }
    calls[how]()
    world.note("config", [key in config, config.get(key)])


def _same(value: Any) -> Any:
    return value


def owners(world: World) -> dict[str, Callable[[], Any]]:
    """What a program may patch by name."""
    app, globals_ = world.app, world.module("globals")
    found: dict[str, Callable[[], Any]] = {
        f"class {name}": partial(_same, kind) for name, kind in classes(world).items()
    }
    found.update({
        "app": lambda: app,
        "app class": lambda: type(app),
        "session_interface": lambda: app.session_interface,
        "json": lambda: app.json,
        "url_map": lambda: app.url_map,
        "config": lambda: app.config,
        "request": lambda: globals_.request._get_current_object(),
        "current context": lambda: globals_.request_ctx._get_current_object(),
        "jinja_env": lambda: app.jinja_env,
        "rule": lambda: next(app.url_map.iter_rules()),
        "converter": lambda: List,
    })  # fmt: skip
    return found


def _patch(world: World, step: Step) -> None:
    owner = owners(world)[step["owner"]]()
    if owner is List:
        original = vars(List)[step["name"]]
        world.set_attribute(
            List, step["name"], lambda self, value: (world.note(step["name"]), original(self, value))[1]
        )
        return
    patch(world, owner, step["name"], step.get("how", "pass"))


def _unpatch(world: World, step: Step) -> None:
    owner = owners(world)[step["owner"]]()
    if isinstance(owner, type):
        world.restore()
    elif step["name"] in vars(owner):
        delattr(owner, step["name"])


def _assign(world: World, step: Step) -> None:
    """Give the app, or what belongs to it, something else."""
    app, lib, what, value = world.app, world.lib, step["what"], step.get("value")
    if what == "attribute":
        world.set_attribute(owners(world)[step["owner"]](), step["name"], value)
    elif what == "class":
        attribute = {"request": "request_class", "response": "response_class", "g": "app_ctx_globals_class"}[
            step["kind"]
        ]
        setattr(app, attribute, _derive(world, step["kind"], step))
    elif what == "json":
        app.json = _derive(world, "json", step)(app)
    elif what == "session":
        app.session_interface = _derive(world, "session", step)()
    elif what == "class attribute":
        world.set_attribute(classes(world)[step["kind"]], step["name"], value)
    elif what == "aborter":
        app.aborter = app.make_aborter()
    else:
        app.url_map = lib.Flask(NAME, static_folder=None).url_map


def _registry(world: World, step: Step) -> None:
    app, how = world.app, step["how"]
    names = ("before_request_funcs", "after_request_funcs", "teardown_request_funcs", "url_value_preprocessors", "error_handler_spec",
             "template_context_processors", "url_default_functions")  # fmt: skip
    if how == "clear":
        getattr(app, names[step["n"] % len(names)]).clear()
    elif how == "replace view":
        if step["endpoint"] in app.view_functions:
            app.view_functions[step["endpoint"]] = make_view(world, step["view"])
    elif how == "pop view":
        app.view_functions.pop(step["endpoint"], None)
    elif how == "reverse":
        for functions in getattr(app, names[step["n"] % 4]).values():
            functions.reverse()
    elif how == "clear teardown":
        app.teardown_appcontext_funcs.clear()
    elif how == "add rule":
        app.url_map.add(Rule(step["rule"], endpoint=step["endpoint"], methods=step.get("methods")))
    elif how == "build error":
        app.url_build_error_handlers.append(
            lambda error, endpoint, values: world.note("build error", [endpoint, error]) or "/built"
        )
    elif how == "map flag":
        setattr(app.url_map, step["flag"], step["value"])
    elif how == "converters":
        app.url_map.converters["int"] = app.url_map.converters["list"]
    elif how == "got first":
        app._got_first_request = step["value"]
    else:
        app.jinja_env.globals["extra"] = "global"


def _middleware(world: World, step: Step) -> None:
    inner, how = world.app.wsgi_app, step["how"]

    def application(environ: Any, start_response: Any) -> Any:
        world.note(f"middleware {how}")
        if how == "prefix":
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + "/pre"
        elif how == "path":
            environ["PATH_INFO"] = environ["PATH_INFO"].lower()
        elif how == "method":
            environ["REQUEST_METHOD"] = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", environ["REQUEST_METHOD"])
        elif how == "twice":
            discarded = inner(dict(environ), lambda *_: lambda data: None)
            if hasattr(discarded, "close"):
                discarded.close()
        elif how == "header":
            given = start_response

            def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
                return given(status, [*headers, ("X-Middleware", "1")], *([exc_info] if exc_info else []))

        elif how == "answers" and environ["PATH_INFO"].startswith("/p"):
            start_response("200 OK", [])
            return [b"middleware"]
        return inner(environ, start_response)

    world.app.wsgi_app = application


def _inside(world: World, step: Step) -> None:
    """Do things outside of a request, in a context that is entered by hand."""
    app = world.app
    how = step["how"]
    if how == "none":
        run_actions(world, step["does"])
        return
    context = (
        app.app_context()
        if how == "app"
        else app.test_request_context(step.get("path", "/plain"), **step.get("options", {}))
    )
    with context:
        if step.get("preprocess"):
            world.note("preprocessed", outcome(app.preprocess_request))
        run_actions(world, step["does"])


def _client(world: World, step: Step) -> None:
    client = world.app.test_client()
    for path in step["paths"]:
        answer = client.open(
            path,
            method=step.get("method", "GET"),
            follow_redirects=step.get("follow", False),
            **step.get("options", {}),
        )
        world.note(
            "client", [answer.status, _headers(answer.headers), answer.data, [each.status for each in answer.history]]
        )
    if step.get("transaction"):
        with client.session_transaction() as session:
            world.note("transaction", dict(session))
            session["a"] = "transaction"


def _headers(headers: Any) -> list[tuple[str, str]]:
    return sorted((name, sort_methods(name, value)) for name, value in headers if name != "Date")


def make_environ(world: World, step: Step) -> dict[str, Any]:
    """The WSGI environ of a request step."""
    content_type, body = step.get("body", (None, ""))
    data = body.encode("latin-1")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": step.get("method", "GET"),
        "SCRIPT_NAME": "",
        "PATH_INFO": step.get("path", "/"),
        "QUERY_STRING": step.get("query", ""),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": step.get("host", "localhost"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(data),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if content_type is not None:
        environ["CONTENT_TYPE"] = content_type
    if data:
        environ["CONTENT_LENGTH"] = str(len(data))
    for name, value in step.get("headers", {}).items():
        environ["HTTP_" + name.upper().replace("-", "_")] = value
    cookies = [step["cookie"]] if "cookie" in step else []
    if step.get("jar", True):
        cookies += [f"{name}={value}" for name, value in world.jar.items()]
    if cookies:
        environ["HTTP_COOKIE"] = "; ".join(cookies)
    environ.update(step.get("environ", {}))
    return {key: value for key, value in environ.items() if value is not None}


def _request(world: World, step: Step) -> Step:
    environ = make_environ(world, step)
    started: list[tuple[str, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        started.append((status, list(headers)))
        return written.append

    def call() -> None:
        parts = world.app(environ, start_response)
        try:
            for number, part in enumerate(parts):
                written.append(part)
                if step.get("leaves") == number:
                    break
        finally:
            if hasattr(parts, "close"):
                parts.close()

    how, *rest = outcome(call)
    # A generator that nobody has finished is finished now, not when the collector comes by.
    if step.get("leaves") is not None:
        gc.collect(0)
    status, headers = started[-1] if started else ("none", [])
    _keep_cookies(world, headers)
    return {
        "outcome": _cleaned(how, rest),
        "status": status,
        "headers": _headers(headers),
        "body": b"".join(map(_as_bytes, written)),
        "started": len(started),
    }


def _as_bytes(part: Any) -> bytes:
    return part if isinstance(part, bytes) else repr(part).encode()


def _keep_cookies(world: World, headers: list[tuple[str, str]]) -> None:
    for name, value in headers:
        if name == "Set-Cookie":
            pair, _, attributes = value.partition(";")
            key, _, text = pair.partition("=")
            if "Max-Age=0" in attributes or not text:
                world.jar.pop(key, None)
            elif len(world.jar) < 5:
                world.jar[key] = text


STEPS: dict[str, Callable[[World, Step], Any]] = {
    "app": _make_app,
    "rule": _rule,
    "blueprint": _blueprint,
    "register": _register,
    "hook": _hook,
    "signal": _signal,
    "config": _config,
    "patch": _patch,
    "unpatch": _unpatch,
    "assign": _assign,
    "registry": _registry,
    "middleware": _middleware,
    "inside": _inside,
    "client": _client,
}
