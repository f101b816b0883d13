"""Applications with one step, or one class, of their own."""

from __future__ import annotations

from typing import Any

from benchmarks.breadth.registry import Subject, f


def _register(app: Any) -> None:
    app.add_url_rule("/", "view", lambda: "text")
    app.add_url_rule("/json", "json", lambda: {"id": 1})


SUBJECT = Subject("subclasses", _register)

# The steps that an application overrides to call super, each by its own.
_STEPS = (
    "wsgi_app",
    "full_dispatch_request",
    "preprocess_request",
    "dispatch_request",
    "finalize_request",
    "make_response",
    "process_response",
    "ensure_sync",
    "do_teardown_request",
    "do_teardown_appcontext",
    "create_url_adapter",
    "request_context",
    "app_context",
    "handle_user_exception",
    "url_for",
)


def _overriding(step: str) -> Any:
    def make(name: str, **options: Any) -> Any:
        def own(self: Any, *args: Any, **kwargs: Any) -> Any:
            return getattr(super(cls, self), step)(*args, **kwargs)

        cls = type("Own", (f.Flask,), {step: own})
        return cls(name, **options)

    return make


for _step in _STEPS:
    SUBJECT.app(f"own {_step}", make=_overriding(_step))(lambda app: None)


@SUBJECT.app(
    "a subclass that overrides nothing", make=lambda name, **options: type("Own", (f.Flask,), {})(name, **options)
)
def _(app: Any) -> None: ...


@SUBJECT.app("wsgi_app wrapped by middleware")
def _(app: Any) -> None:
    inner = app.wsgi_app
    app.wsgi_app = lambda environ, start_response: inner(environ, start_response)


@SUBJECT.app("own Request with a property")
def _(app: Any) -> None:
    class Request(f.Request):
        @property
        def user(self) -> str:
            return "ada"

    app.request_class = Request
    app.view_functions["view"] = lambda: f.request.user


@SUBJECT.app("own Request.__init__")
def _(app: Any) -> None:
    class Request(f.Request):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.user = "ada"

    app.request_class = Request
    app.view_functions["view"] = lambda: f.request.user


@SUBJECT.app("own Response with a default mimetype", "/json")
def _(app: Any) -> None:
    class Response(f.Response):
        default_mimetype = "application/xml"

    app.response_class = Response


@SUBJECT.app("own Response.__init__")
def _(app: Any) -> None:
    class Response(f.Response):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.headers["X-Own"] = "1"

    app.response_class = Response


@SUBJECT.app("own JSON provider with a default", "/json")
def _(app: Any) -> None:
    class Provider(f.json.provider.DefaultJSONProvider):
        def default(self, value: Any) -> Any:
            return str(value)

    app.json = Provider(app)


@SUBJECT.app("own Config class", make=lambda name, **options: _own_config(name, options))
def _(app: Any) -> None: ...


def _own_config(name: str, options: dict[str, Any]) -> Any:
    config = type("Config", (f.Config,), {"__getattr__": lambda self, key: self[key]})
    return type("Own", (f.Flask,), {"config_class": config})(name, **options)
