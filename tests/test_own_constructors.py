"""Objects of users whose constructors do not call the constructor of the base class behave as on Flask.

Each program defines a subclass whose `__init__` does not call the base class's, or gives one object an attribute that
replaces a method.
"""

# mypy: disable-error-code="name-defined, misc, valid-type, var-annotated, untyped-decorator, method-assign, unused-ignore"
# ruff: noqa: B023, C901, E501, PLW0108, SIM905 - a program has many cases; its lambdas look proxies up when called

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import werkzeug.exceptions
from werkzeug.datastructures import CallbackDict, Headers
from werkzeug.exceptions import Aborter, HTTPException, NotFound
from werkzeug.routing import BaseConverter, IntegerConverter, Map, Rule, UnicodeConverter
from werkzeug.routing.exceptions import RequestRedirect
from werkzeug.wrappers import Response as WerkzeugResponse

from tests.beside_flask import make_app, make_environ, make_post, outcome, part, same, send

if TYPE_CHECKING:
    from collections.abc import Callable


def ask(app: Any, *environs: dict[str, Any]) -> list[Any]:
    """Send requests to an application and return its responses or errors."""
    return [outcome(send, app, environ) for environ in environs or [make_environ(), make_environ()]]


# Exceptions


class Elsewhere(HTTPException):
    """A redirect as in ihatemoney."""

    def __init__(self, place: str) -> None:
        self.place = place

    def get_response(self, *_: Any, **__: Any) -> Any:
        return WerkzeugResponse("see there", 303, {"Location": self.place})


class Bare(HTTPException):
    code = 418

    def __init__(self) -> None:
        pass


class BareWithDescription(NotFound):
    description = "Nothing of that <name>."

    def __init__(self, *_: Any) -> None:
        self.extra = 1


class CalledItself(HTTPException):
    code = 410

    def __init__(self) -> None:
        pass

    def __call__(self, environ: Any, start_response: Any) -> Any:
        start_response("410 GONE", [("Content-Type", "text/plain"), ("Content-Length", "4")])
        return [b"gone"]


class CodeAsProperty(HTTPException):
    def __init__(self, number: int) -> None:
        self.number = number

    @property
    def code(self) -> int:  # type: ignore[override]
        return self.number


class ResponseAsProperty(HTTPException):
    code = 400

    def __init__(self) -> None:
        pass

    @property
    def response(self) -> Any:
        return WerkzeugResponse("its own", 402)

    @response.setter
    def response(self, value: Any) -> None:
        pass


class NamedByItself(HTTPException):
    code = 409

    def __init__(self) -> None:
        pass

    @property
    def name(self) -> str:
        return "A Name"

    def get_body(self, *_: Any, **__: Any) -> str:
        return f"body of {self.name}"

    def get_headers(self, *_: Any, **__: Any) -> list[tuple[str, str]]:
        return [("Content-Type", "text/plain"), ("X-Of", "get_headers")]


class RedirectedByItself(RequestRedirect):
    def __init__(self, place: str) -> None:
        self.place = place

    def get_response(self, *_: Any, **__: Any) -> Any:
        return WerkzeugResponse("", 307, {"Location": self.place})


class Guarded(HTTPException):
    """An object that rejects access to anything it does not define itself."""

    code = 403

    def __init__(self) -> None:
        pass

    def __getattribute__(self, name: str) -> Any:
        if name == "response":
            raise AttributeError(name)
        return super().__getattribute__(name)

    def get_response(self, *_: Any, **__: Any) -> Any:
        return WerkzeugResponse("guarded", 403)


def with_own(error: HTTPException, **attributes: Any) -> HTTPException:
    for name, value in attributes.items():
        setattr(error, name, value)
    return error


def never_initialised(kind: type[HTTPException], **attributes: Any) -> HTTPException:
    return with_own(kind.__new__(kind), **attributes)


EXCEPTIONS: dict[str, Callable[[], Any]] = {
    "elsewhere": lambda: Elsewhere("/login"),
    "bare": Bare,
    "bare with description": BareWithDescription,
    "called itself": CalledItself,
    "code as property": lambda: CodeAsProperty(451),
    "code as property, unknown": lambda: CodeAsProperty(799),
    "response as property": ResponseAsProperty,
    "named by itself": NamedByItself,
    "redirected by itself": lambda: RedirectedByItself("/there"),
    "guarded": Guarded,
    "never initialised": lambda: never_initialised(NotFound),
    "never initialised, own description": lambda: never_initialised(NotFound, description="none"),
    "never initialised, own get_body": lambda: never_initialised(NotFound, get_body=lambda *_: "own body"),
    "never initialised, own response": lambda: never_initialised(NotFound, response=WerkzeugResponse("own", 402)),
    "own get_response": lambda: with_own(NotFound(), get_response=lambda *_: WerkzeugResponse("own", 402)),
    "own get_body": lambda: with_own(NotFound(), get_body=lambda *_: "own body"),
    "own get_headers": lambda: with_own(NotFound(), get_headers=lambda *_: [("X-Own", "1")]),
    "own get_description": lambda: with_own(NotFound(), get_description=lambda *_: "<p>own</p>"),
    "own code": lambda: with_own(NotFound(), code=410),
    "own call": lambda: with_own(NotFound(), __call__=lambda *_: [b"not asked"]),
    "own response later": lambda: with_own(NotFound(), response=WerkzeugResponse("own", 402)),
    "own description": lambda: with_own(NotFound(), description="own"),
    "no description": lambda: with_own(NotFound(), description=None),
    "without response": lambda: _without(NotFound(), "response"),
    "response with no call": lambda: with_own(NotFound(), response=0),
}


def _without(error: HTTPException, name: str) -> HTTPException:
    delattr(error, name)
    return error


@pytest.mark.parametrize("handled", [None, "class", "code", "app"])
@pytest.mark.parametrize("how", ["raised", "returned", "raised in a hook", "aborted", "in a tuple"])
@pytest.mark.parametrize("name", EXCEPTIONS)
def test_an_http_exception_answers_for_itself(name: str, how: str, handled: str | None) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        make = EXCEPTIONS[name]

        def view() -> Any:
            if how == "returned":
                return make()
            if how == "in a tuple":
                return make(), 203, {"X-More": "1"}
            if how == "aborted":
                lib.abort(lib.make_response(make()))
            if how == "raised":
                raise make()
            return "not reached"

        app.add_url_rule("/", view_func=view)
        if how == "raised in a hook":

            @app.before_request
            def refuse() -> None:
                raise make()

        if handled == "class":
            app.register_error_handler(HTTPException, lambda error: (f"handled {error.code}", 299))
        elif handled == "code":
            app.register_error_handler(404, lambda error: f"handled {error.code}")
        elif handled == "app":
            app.handle_http_exception = lambda e: e  # type: ignore[method-assign]
        return ask(app)

    same(program)


@pytest.mark.parametrize("name", EXCEPTIONS)
@pytest.mark.parametrize("setting", ["TRAP_HTTP_EXCEPTIONS", "TRAP_BAD_REQUEST_ERRORS", "DEBUG", "TESTING"])
def test_an_http_exception_is_trapped_as_on_flask(name: str, setting: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, **{setting: True})

        @app.route("/")
        def view() -> Any:
            error = EXCEPTIONS[name]()
            raise error

        return ask(app)

    same(program)


def test_an_aborters_exception_answers_for_itself() -> None:
    def program(lib: Any) -> Any:
        class Own(Aborter):
            def __init__(self) -> None:
                self.mapping = dict(werkzeug.exceptions.default_exceptions)
                self.mapping[777] = Elsewhere  # type: ignore[assignment]

        class App(lib.Flask):  # type: ignore[misc]
            aborter_class = Own

        app = App("beside")
        app.add_url_rule("/", view_func=lambda: lib.abort(777, "/x"))
        app.add_url_rule("/404", "404", view_func=lambda: lib.abort(404))
        return ask(app, make_environ(), make_environ("/404"))

    same(program)


# Responses


def own_response(lib: Any, kind: str) -> Any:
    base = lib.Response

    class Minimal(base):  # type: ignore[misc]
        def __init__(self, response: Any = None, status: Any = None, headers: Any = None, **_: Any) -> None:
            self.headers = Headers(headers or {})
            self.headers["X-Own"] = "1"
            self._status = f"{status or 200} OWN"
            self._status_code = int(status or 200)
            self.response = [response.encode() if isinstance(response, str) else response or b""]
            self.direct_passthrough = False
            self._on_close = []

    class NoOnClose(Minimal):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            del self._on_close

        def close(self) -> None:
            pass

    class NoStatus(Minimal):
        status = "299 FIXED"
        status_code = 299

        def __init__(self, response: Any = None, status: Any = None, headers: Any = None, **_: Any) -> None:
            self.headers = Headers()
            self.response = [b"fixed"]
            self.direct_passthrough = False
            self._on_close = []

    class NoStatusCode(Minimal):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            del self._status_code

    class NoPassthrough(Minimal):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            del self.direct_passthrough

    class Wsgi(base):  # type: ignore[misc]
        def __init__(self, *_: Any, **__: Any) -> None:
            pass

        def __call__(self, environ: Any, start_response: Any) -> Any:
            start_response("222 WSGI", [])
            return [b"wsgi"]

    class BodyAsProperty(Minimal):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.given = args
            self.headers = Headers()
            self._status, self._status_code = "200 OK", 200
            self.direct_passthrough = False
            self._on_close = []

        @property
        def response(self) -> Any:
            return [b"property"]

        @response.setter
        def response(self, value: Any) -> None:
            pass

    class Nothing(base):  # type: ignore[misc]
        def __init__(self, *_: Any, **__: Any) -> None:
            pass

    class PlainHeaders(Minimal):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.headers = type("Own", (Headers,), {})(self.headers)

    class Mimetype(base):  # type: ignore[misc]
        default_mimetype = "text/x-own"
        default_status = 201

    class IterEncoded(Minimal):
        def iter_encoded(self) -> Any:
            return iter([b"encoded"])

    class GetData(Minimal):
        def get_data(self, as_text: bool = False) -> Any:
            return "own" if as_text else b"own"

    class Slotted(Minimal):
        __slots__ = ("more",)

    found = {name: value for name, value in locals().items() if isinstance(value, type) and name != "base"}
    return found[kind]


RESPONSES = (
    "Minimal NoOnClose NoStatus NoStatusCode NoPassthrough Wsgi BodyAsProperty Nothing PlainHeaders Mimetype"
    " IterEncoded GetData Slotted"
).split()
ANSWERS: dict[str, Callable[[Any, Any], Any]] = {
    "text": lambda lib, kind: "text",
    "bytes": lambda lib, kind: b"bytes",
    "json": lambda lib, kind: {"a": 1},
    "tuple": lambda lib, kind: ("text", 201, {"X-T": "1"}),
    "made": lambda lib, kind: kind("made"),
    "made in tuple": lambda lib, kind: (kind("made"), 202, {"X-T": "1"}),
    "werkzeug": lambda lib, kind: WerkzeugResponse("w", 206),
    "redirect": lambda lib, kind: lib.redirect("/x"),
    "iterator": lambda lib, kind: iter(["a", "b"]),
    "exception": lambda lib, kind: NotFound(),
}


@pytest.mark.parametrize("as_class", [True, False])
@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("kind", RESPONSES)
def test_a_response_is_what_its_own_constructor_made(kind: str, answer: str, as_class: bool) -> None:
    def program(lib: Any) -> Any:
        own = own_response(lib, kind)
        app = make_app(lib, SECRET_KEY="k")
        if as_class:
            app.response_class = own
        app.add_url_rule("/", view_func=lambda: ANSWERS[answer](lib, own))

        @app.route("/session")
        def session() -> Any:
            lib.session["a"] = 1
            return ANSWERS[answer](lib, own)

        hidden = re.compile(r"session=[^;]*")
        return hidden.sub("session=", repr(ask(app, make_environ(), make_environ(), make_environ("/session"))))

    same(program)


METHODS: dict[str, Any] = {
    "close": lambda: None,
    "get_wsgi_headers": lambda environ: Headers({"X-Own": "headers"}),
    "get_app_iter": lambda environ: iter([b"own"]),
    "get_wsgi_response": lambda environ: ([b"own"], "203 OWN", [("X-Own", "1")]),
    "iter_encoded": lambda: iter([b"own"]),
    "set_cookie": lambda *args, **kwargs: None,
    "set_data": lambda value: None,
    "calculate_content_length": lambda: 3,
    "make_conditional": lambda *args, **kwargs: None,
    "get_data": lambda as_text=False: b"own",
    "_ensure_sequence": lambda mutable=False: None,
    "__call__": lambda environ, start_response: [b"not asked"],
    "default_status": 500,
    "default_mimetype": "text/x-own",
    "is_streamed": True,
    "max_cookie_size": 1,
    "autocorrect_location_header": True,
    "automatically_set_content_length": False,
    "implicit_sequence_conversion": False,
    "status": "299 OWN",
    "status_code": 299,
    "data": b"own data",
    "response": [b"own", b" body"],
    "headers": Headers({"X-Own": "1"}),
    "direct_passthrough": True,
    "mimetype": "text/x-own",
    "content_length": 2,
    "_on_close": [],
    "_status": "298 OWN",
    "_status_code": 298,
}


@pytest.mark.parametrize("name", METHODS)
def test_what_one_response_has_of_its_own_counts(name: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, SECRET_KEY="k")

        def view() -> Any:
            response = lib.make_response("made")
            setattr(response, name, METHODS[name])
            return response

        def moved() -> Any:
            response = lib.redirect("/somewhere")
            setattr(response, name, METHODS[name])
            return response

        app.add_url_rule("/", view_func=view)
        app.add_url_rule("/moved", view_func=moved)
        return ask(app, make_environ(), make_environ("/moved"), make_environ(REQUEST_METHOD="HEAD"))

    same(program)


# Requests


def own_request(lib: Any, kind: str) -> Any:
    base = lib.Request

    class Minimal(base):  # type: ignore[misc]
        def __init__(self, environ: Any, *_: Any, **__: Any) -> None:
            self.environ = environ
            self.method = environ["REQUEST_METHOD"]
            self.path = "/own"
            self.root_path = ""
            self.query_string = b""
            self.scheme = "http"
            self.headers = werkzeug.datastructures.EnvironHeaders(environ)
            self.server = None
            self.remote_addr = None
            self.shallow = False

    class Nothing(base):  # type: ignore[misc]
        def __init__(self, environ: Any, *_: Any, **__: Any) -> None:
            pass

    class EnvironAlone(base):  # type: ignore[misc]
        def __init__(self, environ: Any, *_: Any, **__: Any) -> None:
            self.environ = environ

        path = "/fixed"
        method = "GET"
        root_path = ""
        query_string = b"q=1"
        scheme = "https"
        server = ("own", 1)
        remote_addr = "1.2.3.4"
        shallow = True

        @property
        def headers(self) -> Any:
            return Headers({"Host": "own.example", "Cookie": "a=1", "Content-Type": "application/json"})

    class OwnRule(Minimal):
        @property
        def endpoint(self) -> Any:
            return "own"

        @property
        def blueprints(self) -> Any:
            return ["nowhere"]

    class OwnArgs(Minimal):
        @property
        def args(self) -> Any:
            return {"q": "own"}

        @property
        def cookies(self) -> Any:
            return {"a": "own", "session": "bad"}

        @property
        def host(self) -> str:
            return "own.example"

        @host.setter
        def host(self, value: str) -> None:
            pass

        @property
        def is_json(self) -> bool:
            return True

        def get_data(self, *_: Any, **__: Any) -> Any:
            return b'{"own": 1}'

    class Closing(Minimal):
        def close(self) -> None:
            self.environ["closed"] = True

    class OwnViewArgs(Minimal):
        @property
        def view_args(self) -> Any:
            return {}

        @view_args.setter
        def view_args(self, value: Any) -> None:
            pass

        @property
        def routing_exception(self) -> Any:
            return None

        @routing_exception.setter
        def routing_exception(self, value: Any) -> None:
            pass

    found = {name: value for name, value in locals().items() if isinstance(value, type) and name != "base"}
    return found[kind]


REQUESTS = "Minimal Nothing EnvironAlone OwnRule OwnArgs Closing OwnViewArgs".split()


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_request_is_what_its_own_constructor_made(kind: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, SECRET_KEY="k")
        app.request_class = own_request(lib, kind)

        @app.route("/", methods=["GET", "POST"])
        @app.route("/<name>", methods=["GET", "POST"])
        def view(name: str = "") -> Any:
            request = lib.request
            lib.session["a"] = 1
            names = (
                "method path args cookies host url base_url remote_addr endpoint blueprint blueprints view_args is_json"
                " query_string scheme root_path full_path is_secure access_route script_root user_agent"
                " max_content_length content_type mimetype"
            ).split()
            return {key: repr(outcome(getattr, request, key)) for key in names} | {
                "json": repr(outcome(request.get_json, silent=True)),
                "form": repr(outcome(lambda: request.form)),
                "data": repr(outcome(lambda: request.get_data())),
                "url_for": repr(outcome(lib.url_for, "view")),
            }

        app.teardown_request(lambda error: lib.request.environ.setdefault("torn", []).append(repr(error)))
        environs = [make_environ(), make_environ("/a"), make_environ("/a/b"), make_post(b"a=1", path="/p")]
        answers = [re.sub(r"session=[^;]*", "session=", repr(answer)) for answer in ask(app, *environs)]
        return answers, [[environ.get("closed"), environ.get("torn")] for environ in environs]

    same(program)


# What a constructor does after that of Flask's class.
DONE_WHILE_CONSTRUCTED: dict[str, Any] = {
    "nothing": lambda lib, request: None,
    "an attribute": lambda lib, request: setattr(request, "user", "ada"),
    "a method": lambda lib, request: setattr(request, "method", "OPTIONS"),
    "a method of the environ": lambda lib, request: request.environ.update(REQUEST_METHOD="POST"),
    "a path of the environ": lambda lib, request: request.environ.update(PATH_INFO="/other"),
    "a host of the environ": lambda lib, request: request.environ.update(HTTP_HOST="own.example:8000"),
    "another environ": lambda lib, request: setattr(request, "environ", {**request.environ, "PATH_INFO": "/other"}),
    "hosts": lambda lib, request: setattr(request, "trusted_hosts", ["own.example"]),
    "an error": lambda lib, request: setattr(request, "routing_exception", lib.wrappers.BadRequest("own")),
    "arguments": lambda lib, request: setattr(request, "view_args", {"name": "own"}),
    "a failure": lambda lib, request: request.environ["missing"],
    "reads the body": lambda lib, request: request.get_data(),
    "a form": lambda lib, request: setattr(request, "form", {"own": "form"}),
    "a class": lambda lib, request: setattr(request, "__class__", lib.Request),
    "a session": lambda lib, request: outcome(lambda: lib.session),
}


@pytest.mark.parametrize("done", DONE_WHILE_CONSTRUCTED)
def test_a_constructor_that_calls_super_is_called_once_for_each_request(done: str) -> None:
    def program(lib: Any) -> Any:
        constructed: list[str] = []

        class Request(lib.Request):  # type: ignore[misc]
            def __init__(self, *arguments: Any, **named: Any) -> None:
                super().__init__(*arguments, **named)
                constructed.append(self.environ["PATH_INFO"])
                if self.environ["QUERY_STRING"]:
                    DONE_WHILE_CONSTRUCTED[done](lib, self)

        app = make_app(lib, SECRET_KEY="k")
        app.request_class = Request
        app.add_url_rule("/other", "other", lambda: "other", methods=["GET", "POST"])

        @app.route("/", methods=["GET", "POST"])
        @app.route("/<name>")
        def view(name: str = "") -> Any:
            request = lib.request
            return [name, request.method, request.path, request.host, request.view_args, getattr(request, "user", None)]

        environs = [make_environ("/", QUERY_STRING=query) for query in ("", "", "", "q", "", "q")]
        environs += [make_environ("/a", QUERY_STRING=query) for query in ("", "", "", "q", "", "q")]
        environs += [make_post(b"a=1", path="/"), make_post(b"a=1", path="/", QUERY_STRING="q")]
        return ask(app, *environs), constructed, [repr(one.get("werkzeug.request", "absent")) for one in environs]

    same(program)


# Sessions and their interface


def own_interface(lib: Any, kind: str) -> Any:
    sessions = part(lib, "sessions")

    class Bare(dict[str, Any]):
        pass

    class MixinOnly(sessions.SessionMixin, dict[str, Any]):  # type: ignore[misc]
        def __init__(self, *_: Any) -> None:
            pass

    class Careless(sessions.SecureCookieSession):  # type: ignore[misc]
        def __init__(self, initial: Any = None) -> None:
            CallbackDict.__init__(self, initial or {})

    class Slotted(CallbackDict, sessions.SessionMixin):  # type: ignore[type-arg, misc]
        __slots__ = ()

    class Interface(sessions.SessionInterface):  # type: ignore[misc]
        def __init__(self) -> None:
            pass

        def open_session(self, app: Any, request: Any) -> Any:
            return {"bare": Bare, "mixin": MixinOnly, "careless": Careless, "slotted": Slotted}[kind]()

        def save_session(self, app: Any, session: Any, response: Any) -> None:
            response.headers["X-Session"] = json.dumps(dict(session))

    class Signed(sessions.SecureCookieSessionInterface):  # type: ignore[misc]
        session_class = Careless

        def __init__(self) -> None:
            self.unrelated = 1

        def get_cookie_name(self, app: Any) -> str:
            return "own"

        def should_set_cookie(self, app: Any, session: Any) -> bool:
            return bool(session)

    return Signed() if kind == "signed" else Interface()


@pytest.mark.parametrize("kind", ["bare", "mixin", "careless", "slotted", "signed"])
def test_a_session_is_what_its_own_constructor_made(kind: str) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib, SECRET_KEY="k")
        app.session_interface = own_interface(lib, kind)

        @app.route("/")
        def view() -> Any:
            session = lib.session
            session["n"] = session.get("n", 0) + 1
            names = ("permanent", "new", "modified", "accessed")
            return {name: repr(outcome(getattr, session, name)) for name in names} | {"n": session["n"]}

        app.add_url_rule("/none", view_func=lambda: "none")
        answers = ask(app, make_environ(), make_environ("/none"), make_environ(HTTP_COOKIE="own=bad; session=bad"))
        return re.sub(r"own=[^;]*", "own=", repr(answers))

    same(program)


def test_an_interface_with_attributes_or_methods_of_its_own_is_asked() -> None:
    def program(lib: Any) -> Any:
        sessions = part(lib, "sessions")
        seen = []
        for name, value in {
            "get_cookie_name": lambda app: "other",
            "get_cookie_domain": lambda app: "own.example",
            "get_cookie_path": lambda app: "/p",
            "get_cookie_secure": lambda app: True,
            "get_cookie_httponly": lambda app: False,
            "get_cookie_samesite": lambda app: "Strict",
            "get_cookie_partitioned": lambda app: True,
            "get_expiration_time": lambda app, session: None,
            "should_set_cookie": lambda app, session: False,
            "get_signing_serializer": lambda app: None,
            "open_session": lambda app, request: None,
            "is_null_session": lambda session: True,
            "save_session": lambda app, session, response: None,
            "make_null_session": lambda app: {},
            "salt": "another",
            "key_derivation": "concat",
            "digest_method": None,
        }.items():
            app = make_app(lib, SECRET_KEY="k")
            interface = sessions.SecureCookieSessionInterface()
            if value is not None:
                setattr(interface, name, value)
            app.session_interface = interface

            @app.route("/")
            def view() -> Any:
                lib.session["n"] = 1
                return "n"

            seen.append((name, ask(app, make_environ(), make_environ(HTTP_COOKIE="session=x"))))
        return seen

    same(program)


# JSON providers


@pytest.mark.parametrize("how", ["no init", "no app", "methods", "instance"])
def test_a_json_provider_is_what_its_own_constructor_made(how: str) -> None:
    def program(lib: Any) -> Any:
        provider = part(lib, "json.provider")

        class NoInit(provider.JSONProvider):  # type: ignore[misc]
            def __init__(self, *_: Any) -> None:
                pass

            def dumps(self, obj: Any, **_: Any) -> str:
                return f"own {obj!r}"

            def loads(self, s: Any, **_: Any) -> Any:
                return ["own", s if isinstance(s, str) else s.decode()]

        class NoApp(provider.DefaultJSONProvider):  # type: ignore[misc]
            def __init__(self, *_: Any) -> None:
                self.unrelated = 1

        class Methods(NoInit):
            def response(self, *args: Any, **kwargs: Any) -> Any:
                return lib.Response("own response")

        app = make_app(lib)
        kinds = {"no init": NoInit, "no app": NoApp, "methods": Methods, "instance": provider.DefaultJSONProvider}
        app.json = kinds[how](app)
        if how == "instance":
            app.json.dumps = lambda obj, **_: f"instance {obj!r}"  # type: ignore[method-assign]
            app.json.loads = lambda s, **_: "instance"  # type: ignore[method-assign]
        app.add_url_rule("/", view_func=lambda: {"a": [1]})
        app.add_url_rule("/list", "/list", view_func=lambda: [1])
        app.add_url_rule("/jsonify", "/jsonify", view_func=lambda: lib.jsonify(a=1))
        app.add_url_rule("/dumps", "/dumps", view_func=lambda: lib.json.dumps({"a": 1}))
        app.add_url_rule("/json", "/json", methods=["POST"], view_func=lambda: repr(lib.request.json))
        app.add_url_rule("/loads", "/loads", view_func=lambda: repr(lib.json.loads("[1]")))
        paths = [make_environ(path) for path in ("/", "/list", "/jsonify", "/dumps", "/loads")]
        return ask(app, *paths, make_post(b"[1]", "application/json", "/json"))

    same(program)


# Converters, rules and maps


class Careless(BaseConverter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass


class CarelessInt(IntegerConverter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass


class CarelessText(UnicodeConverter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.regex = "[a-c]+"


class ToPython(UnicodeConverter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.to_python = lambda value: f"own {value}"
        self.to_url = lambda value: "own"


class RegexAsProperty(BaseConverter):
    part_isolating = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    @property
    def regex(self) -> str:  # type: ignore[override]
        return "[0-9]{2}"


class WeightAndParts(BaseConverter):
    part_isolating = False
    weight = 300

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.regex = ".*?"


CONVERTERS = [Careless, CarelessInt, CarelessText, ToPython, RegexAsProperty, WeightAndParts]


@pytest.mark.parametrize("kind", CONVERTERS)
def test_a_converter_is_what_its_own_constructor_made(kind: type[BaseConverter]) -> None:
    def program(lib: Any) -> Any:
        app = make_app(lib)
        app.url_map.converters["own"] = kind
        seen = [outcome(app.add_url_rule, "/x/<own:a>", "x", lambda a: repr(a))]
        seen += [outcome(app.add_url_rule, "/y/<own(1):a>/<own:b>", "y", lambda a, b: repr([a, b]))]
        paths = ("/x/1", "/x/abc", "/x/12", "/x/1/2", "/y/12/34", "/y/a/b", "/x/-1", "/x/")
        seen += ask(app, *[make_environ(path) for path in paths])
        with app.test_request_context():
            seen += [outcome(lib.url_for, "x", a=value) for value in (1, "abc", "a b", "12", -1)]
            seen += [outcome(lib.url_for, "y", a=1, b="c")]
        return seen

    same(program)


@pytest.mark.parametrize("how", ["rule", "map", "rule with build", "map with bind", "instance bind", "instance update"])
def test_rules_and_maps_are_what_their_own_class_makes_of_them(how: str) -> None:
    def program(lib: Any) -> Any:
        class OwnRule(Rule):
            def __init__(self, string: str, **options: Any) -> None:
                options["defaults"] = {"own": "1"}
                super().__init__(string, **options)

        class BuildingRule(Rule):
            def build(self, *args: Any, **kwargs: Any) -> Any:
                return ("", "/built")

            def suitable_for(self, *args: Any, **kwargs: Any) -> bool:
                return True

        class OwnMap(Map):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                self.strict_slashes = False
                self.default_subdomain = "own"

        class BindingMap(Map):
            def bind_to_environ(self, *args: Any, **kwargs: Any) -> Any:
                adapter = super().bind_to_environ(*args, **kwargs)
                adapter.path_info = "/a"
                return adapter

        class App(lib.Flask):  # type: ignore[misc]
            url_rule_class = {"rule": OwnRule, "rule with build": BuildingRule}.get(how, Rule)
            url_map_class = {"map": OwnMap, "map with bind": BindingMap}.get(how, lib.Flask.url_map_class)

        app = App("beside", static_folder=None)
        app.add_url_rule("/a", "a", lambda **values: f"a {values}")
        app.add_url_rule("/b/", "b", lambda **values: f"b {values}")
        if how == "instance bind":
            plain = type(app.url_map).bind_to_environ

            def bind(*args: Any, **kwargs: Any) -> Any:
                adapter = plain(app.url_map, *args, **kwargs)
                adapter.path_info = "/b/"
                return adapter

            app.url_map.bind_to_environ = bind  # type: ignore[method-assign]
        if how == "instance update":
            app.url_map.strict_slashes = False
        seen = ask(app, *[make_environ(path) for path in ("/a", "/b", "/b/", "/c", "/a/")])
        with app.test_request_context():
            seen += [outcome(lib.url_for, "a"), outcome(lib.url_for, "b", x=1)]
        return seen

    same(program)


# Views, blueprints, configuration, clients


def test_views_with_own_constructors() -> None:
    def program(lib: Any) -> Any:
        views = part(lib, "views")

        class Own(views.View):  # type: ignore[misc]
            init_every_request = False

            def __init__(self, name: str) -> None:
                self.name = name
                self.count = 0

            def dispatch_request(self, **values: Any) -> Any:
                self.count += 1
                return f"{self.name} {self.count} {values}"

        class OwnMethod(views.MethodView):  # type: ignore[misc]
            def __init__(self) -> None:
                self.get = lambda: "instance get"
                self.post = lambda: "instance post"

        class Calling:
            __name__ = "callable"

            def __init__(self) -> None:
                self.methods = ["GET", "PUT"]
                self.required_methods = {"DELETE"}
                self.provide_automatic_options = False

            def __call__(self) -> str:
                return "called"

        app = make_app(lib)
        app.add_url_rule("/own", view_func=Own.as_view("own", "n"))
        app.add_url_rule("/method", view_func=OwnMethod.as_view("method"), methods=["GET", "POST", "HEAD"])
        app.add_url_rule("/callable", view_func=Calling())
        environs = [
            make_environ(path, REQUEST_METHOD=method)
            for path in ("/own", "/method", "/callable")
            for method in ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS")
        ]
        return ask(app, *environs)

    same(program)


def test_blueprints_with_own_constructors() -> None:
    def program(lib: Any) -> Any:
        class Late(lib.Blueprint):  # type: ignore[misc]
            def __init__(self, name: str) -> None:
                self.kept = name

        class Named(lib.Blueprint):  # type: ignore[misc]
            def __init__(self, name: str) -> None:
                super().__init__(name, "beside")
                self.url_prefix = "/own"
                self.register = lambda app, options: app.add_url_rule("/registered", "r", lambda: "registered")

        class Prefixed(lib.Blueprint):  # type: ignore[misc]
            @property
            def url_prefix(self) -> str:
                return "/prop"

            @url_prefix.setter
            def url_prefix(self, value: Any) -> None:
                pass

        class Foreign:
            def register(self, app: Any, options: Any) -> None:
                app.add_url_rule("/foreign", "f", lambda: repr(options))

        app = make_app(lib)
        prefixed = Prefixed("prefixed", "beside")
        prefixed.add_url_rule("/p", view_func=lambda: "p", endpoint="p")
        seen = [
            outcome(app.register_blueprint, Late("late")),
            outcome(app.register_blueprint, Named("named")),
            outcome(app.register_blueprint, prefixed),
            outcome(app.register_blueprint, Foreign(), a=1),
        ]
        seen += ask(app, *[make_environ(path) for path in ("/registered", "/prop/p", "/foreign", "/own/registered")])
        return repr(seen)

    same(program)


def test_configurations_with_own_constructors() -> None:
    def program(lib: Any) -> Any:
        class Own(lib.Config):  # type: ignore[misc]
            def __init__(self, root_path: Any, defaults: Any = None) -> None:
                dict.__init__(self, defaults or {}, OWN=1)

        class Computed(lib.Config):  # type: ignore[misc]
            def __getitem__(self, key: str) -> Any:
                return {"SESSION_COOKIE_NAME": "computed", "SECRET_KEY": "k"}.get(key, dict.get(self, key))

        class Mapping(dict[str, Any]):
            def __init__(self, root_path: Any, defaults: Any = None) -> None:
                super().__init__(defaults or {}, SECRET_KEY="k", SESSION_COOKIE_NAME="mapping")

        seen = []
        for kind in (Own, Computed, Mapping):
            app = type("App", (lib.Flask,), {"config_class": kind})("beside")
            app.config["EXTRA"] = 2

            @app.route("/")
            def view() -> Any:
                config = lib.current_app.config
                lib.session["a"] = 1
                return [config["EXTRA"], config.get("OWN"), outcome(lambda: config["MISSING"])]

            answers = repr(ask(app))
            seen.append(
                (kind.__name__, re.sub(r"=ey[^;]*", "=", answers), outcome(getattr, app.config, "root_path")[0])
            )
            seen.append(outcome(lambda: app.config.from_pyfile("none.py"))[:2])
        return seen

    same(program)


def test_clients_and_runners_with_own_constructors() -> None:
    def program(lib: Any) -> Any:
        testing = part(lib, "testing")

        class Own(testing.FlaskClient):  # type: ignore[misc]
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                self.args = len(args)
                self.kept = sorted(kwargs)
                super().__init__(*args)

        class Careless(testing.FlaskClient):  # type: ignore[misc]
            def __init__(self, application: Any, *args: Any, **kwargs: Any) -> None:
                self.application = application

        class Runner(testing.FlaskCliRunner):  # type: ignore[misc]
            def __init__(self, app: Any, **kwargs: Any) -> None:
                self.app = app

        app = make_app(lib, SECRET_KEY="k")

        @app.route("/")
        def view() -> Any:
            lib.session["n"] = lib.session.get("n", 0) + 1
            return str(lib.session["n"])

        @app.cli.command("own")
        def own() -> None:
            pass

        seen: list[Any] = []
        for kind in (Own, Careless):
            app.test_client_class = kind
            client = outcome(app.test_client)[1]
            seen.append([outcome(lambda c=client: c.get("/").text), outcome(lambda c=client: c.get("/").text)])
            seen.append([getattr(client, name, None) for name in ("args", "kept")])
        app.test_cli_runner_class = Runner
        runner = app.test_cli_runner()
        seen.append(outcome(lambda: runner.invoke(args=["own"]).exit_code))
        return seen

    same(program)


def test_an_app_with_a_constructor_of_its_own() -> None:
    def program(lib: Any) -> Any:
        class Own(lib.Flask):  # type: ignore[misc]
            def __init__(self) -> None:
                self.early = 1
                super().__init__("own")
                self.wsgi_app = self.through

            def through(self, environ: Any, start_response: Any) -> Any:
                return lib.Flask.wsgi_app(self, environ, start_response)

            @property
            def debug(self) -> bool:
                return True

            @debug.setter
            def debug(self, value: bool) -> None:
                pass

            @property
            def secret_key(self) -> str:
                return "property"

            @property
            def testing(self) -> bool:
                return False

        class Never(lib.Flask):  # type: ignore[misc]
            def __init__(self) -> None:
                pass

        app = Own()

        @app.route("/")
        def view() -> Any:
            lib.session["a"] = lib.session.get("a", 0) + 1
            return lib.request.path

        answers = re.sub(r"session=[^;]*", "", repr(ask(app)))
        return answers, [outcome(lambda: Never().add_url_rule("/", "x", lambda: "x"))[:2]]

    same(program)


def test_streams_and_files_with_own_constructors() -> None:
    def program(lib: Any) -> Any:
        class Stream(io.RawIOBase):
            def __init__(self) -> None:
                pass

            def readable(self) -> bool:
                return True

            def readinto(self, buffer: Any) -> int:
                return 0

        class Body:
            def __init__(self) -> None:
                self.parts = iter([b"a", b"b"])

            def __iter__(self) -> Any:
                return self

            def __next__(self) -> bytes:
                return next(self.parts)

            def close(self) -> None:
                closed.append(1)

        closed: list[int] = []
        app = make_app(lib)
        app.add_url_rule("/", view_func=Body, endpoint="body")
        app.add_url_rule("/read", view_func=lambda: lib.request.get_data(), endpoint="read", methods=["POST"])
        return ask(app, make_environ(), make_post(b"", path="/read", wsgi_input=Stream())), closed

    same(program)
