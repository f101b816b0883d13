"""What is compared to detect patches: attributes as their packages defined them.

Agents that monitor applications wrap methods of Werkzeug and Jinja before the application imports its framework.
"""

from __future__ import annotations

import functools
import mimetypes
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
import werkzeug.utils
from jinja2 import Environment, Template
from werkzeug.datastructures import Headers as WerkzeugHeaders
from werkzeug.routing import MapAdapter
from werkzeug.wrappers import Response as WerkzeugResponse

import tuile
from tests.fresh import INSTALL_SHIM, observe
from tuile.invalidation import as_defined, attribute, has, still_has, without_replaced

# What an application calls of its dependencies that agents wrap, for each a request below.
WRAPPED = [
    *("jinja2.environment:Template.render", "jinja2.environment:Template.generate"),
    *("jinja2.environment:Environment.compile", "jinja2.environment:Environment._load_template"),
    "jinja2.environment:Environment.from_string",
    *("werkzeug.exceptions:HTTPException.get_response", "werkzeug.exceptions:HTTPException.get_headers"),
    *("werkzeug.exceptions:HTTPException.get_body", "werkzeug.exceptions:HTTPException.get_description"),
    *("werkzeug.exceptions:HTTPException.__call__", "werkzeug.exceptions:MethodNotAllowed.get_headers"),
    "werkzeug.exceptions:Aborter.__call__",
    *("werkzeug.routing.rules:Rule.build", "werkzeug.routing.matcher:StateMachineMatcher.match"),
    *("werkzeug.routing.map:Map.bind", "werkzeug.routing.map:Map.bind_to_environ"),
    *("werkzeug.routing.map:MapAdapter.match", "werkzeug.routing.map:MapAdapter.build"),
    *("werkzeug.routing.map:MapAdapter.allowed_methods", "werkzeug.routing.map:MapAdapter.make_redirect_url"),
    *("werkzeug.routing.converters:BaseConverter.to_python", "werkzeug.routing.converters:NumberConverter.to_python"),
    *("werkzeug.routing.converters:UUIDConverter.to_python", "werkzeug.routing.converters:BaseConverter.to_url"),
    *("werkzeug.routing.converters:NumberConverter.to_url", "werkzeug.sansio.request:Request.__init__"),
    *("werkzeug.wrappers.request:Request.__init__", "werkzeug.wrappers.request:Request.close"),
    *("werkzeug.wrappers.request:Request.get_data", "werkzeug.wrappers.request:Request.get_json"),
    *("werkzeug.wrappers.response:Response.__init__", "werkzeug.wrappers.response:Response.__call__"),
    *("werkzeug.wrappers.response:Response.force_type", "werkzeug.wrappers.response:Response.get_wsgi_headers"),
    *("werkzeug.wrappers.response:Response.get_wsgi_response", "werkzeug.wrappers.response:Response.get_app_iter"),
    *("werkzeug.wrappers.response:Response.iter_encoded", "werkzeug.wrappers.response:Response.close"),
    *("werkzeug.wrappers.response:Response.make_conditional", "werkzeug.wrappers.response:Response.set_data"),
    *("werkzeug.formparser:FormDataParser.parse", "werkzeug.formparser:FormDataParser.__init__"),
    *("werkzeug.formparser:MultiPartParser.parse", "werkzeug.sansio.multipart:MultipartDecoder.next_event"),
    *("werkzeug.datastructures:FileStorage.__init__", "werkzeug.wrappers.request:Request._load_form_data"),
    *("werkzeug.sansio.response:Response.status", "werkzeug.sansio.response:Response.status_code"),
    *("werkzeug.test:Client.run_wsgi_app", "werkzeug.test:Client._add_cookies_to_wsgi"),
    *("werkzeug.test:Client.resolve_redirect", "werkzeug.test:EnvironBuilder.get_environ"),
    *("werkzeug.test:TestResponse.__init__", "werkzeug.test:Cookie._from_response_header"),
]

AGENT = f"""
import functools, importlib, inspect

class Proxy:
    '''A wrapper that says that it is an instance of the function's class, as those of wrapt do.'''
    def __init__(self, wrapped, name):
        self.wrapped, self.name = wrapped, name
    __class__ = property(lambda self: type(self.wrapped))
    def __getattr__(self, name):
        # The function of a bound method, for one.
        return getattr(self.wrapped, name)
    def __call__(self, *args, **kwargs):
        calls.add(self.name)
        return self.wrapped(*args, **kwargs)
    def __get__(self, instance, owner=None):
        return Proxy(self.wrapped.__get__(instance, owner), self.name)

def function(wrapped, name):
    @functools.wraps(wrapped)
    def wrapper(*args, **kwargs):
        calls.add(name)
        return wrapped(*args, **kwargs)
    return wrapper

calls = set()
for name in {WRAPPED}:
    module, path = name.split(":")
    owner, method = path.split(".")
    cls = getattr(importlib.import_module(module), owner)
    found = vars(cls)[method]
    if isinstance(found, classmethod):
        setattr(cls, method, classmethod(wrap(found.__func__, name)))
    elif isinstance(found, property):
        setattr(cls, method, property(wrap(found.fget, name), found.fset, found.fdel))
    else:
        setattr(cls, method, wrap(found, name))
"""

PROGRAM = """
import io, os, tempfile, uuid
import flask
folder = tempfile.mkdtemp()
with open(os.path.join(folder, "page.html"), "w") as file:
    file.write("{{ url_for('number', n=n) }}")
app = flask.Flask("app", root_path=folder, template_folder=folder)
app.secret_key = "k"
app.get("/")(lambda: "text")
app.get("/page", endpoint="page")(lambda: flask.render_template("page.html", n=1))
app.get("/source", endpoint="source")(lambda: flask.render_template_string("{{ 1 }}"))
app.get("/stream", endpoint="stream")(lambda: flask.stream_template("page.html", n=2))
app.get("/number/<int:n>/", endpoint="number")(lambda n: flask.url_for("text", t=n))
app.get("/text/<t>", endpoint="text")(lambda t: {"t": t})
app.get("/uuid/<uuid:u>", endpoint="uuid")(lambda u: str(u))
app.get("/abort", endpoint="abort")(lambda: flask.abort(403))
app.post("/json", endpoint="json")(lambda: flask.request.get_json())
app.post("/data", endpoint="data")(lambda: flask.request.get_data())
app.post("/form", endpoint="form")(lambda: flask.request.form["a"] + flask.request.files["b"].filename)
app.get("/file", endpoint="file")(lambda: flask.send_file(io.BytesIO(b"file"), download_name="a.txt"))
app.get("/moved", endpoint="moved")(lambda: flask.redirect("/"))

@app.get("/cookie")
def cookie():
    flask.session["a"] = 1
    response = flask.make_response(flask.Response("a"))
    response.data = "b"
    response.status_code = 201
    return response

client = app.test_client()
answers = []
paths = ["/", "/page", "/source", "/stream", "/number/1/", "/number/1", "/text/a", f"/uuid/{uuid.UUID(int=1)}"]
for path in [*paths, "/abort", "/missing", "/file", "/cookie", "/"] * 2:
    answer = client.get(path)
    answers.append([answer.status, answer.text])
for answer in [client.post("/json", json=[1]), client.post("/data", data="a"), client.post("/"), client.options("/"),
               client.post("/form", data={"a": "1", "b": (io.BytesIO(b"b"), "b.txt")}),
               client.get("/moved", follow_redirects=True)]:
    answers.append([answer.status, answer.text])
seen = [sorted(calls), answers]
"""


@pytest.mark.parametrize("wrap", ["function", "Proxy"])
def test_what_is_wrapped_before_the_import_is_called(wrap: str) -> None:
    agent = AGENT.replace("wrap(", f"{wrap}(")
    theirs = observe(agent + PROGRAM, shim=False)
    ours = observe(agent + INSTALL_SHIM + PROGRAM, shim=False)
    assert theirs[0] == sorted(WRAPPED)
    assert ours == theirs


# Where others were wrapped as well, Werkzeug's parser would be used anyway.
@pytest.mark.parametrize("name", [name for name in WRAPPED if "form" in name or "multipart" in name or "File" in name])
def test_what_is_wrapped_alone_before_the_import_is_called(name: str) -> None:
    agent = AGENT.replace("wrap(", "function(").replace(str(WRAPPED), str([name]))
    assert observe(agent + INSTALL_SHIM + PROGRAM, shim=False)[0] == [name]


@pytest.mark.parametrize("wrap", ["function", "Proxy"])
def test_what_is_wrapped_before_the_first_request_is_called(wrap: str) -> None:
    # Jinja and the test client have been used before.
    used = """
import flask
with flask.Flask("app").app_context():
    flask.render_template_string("")
flask.Flask("app").test_client()
"""
    theirs = observe(program := used + AGENT.replace("wrap(", f"{wrap}(") + PROGRAM, shim=False)
    assert theirs[0] == sorted(WRAPPED)
    assert observe(program) == theirs


# What views do with the data of a request and with headers, which security agents trace.
DATA = [
    *('request.args["a"]', 'request.args.get("a")', 'request.args.get("b", type=int)', 'request.args.getlist("a")'),
    *("list(request.args.items())", "list(request.args.items(multi=True))", "request.args.to_dict()"),
    *("list(request.args.lists())", "list(request.args.values())", '"a" in request.args', 'request.args["missing"]'),
    *('request.form["f"]', 'request.form.get("f")', "request.form.to_dict(flat=False)", 'request.form.getlist("f")'),
    *('request.values["a"]', 'request.values.get("f")', 'request.cookies["c"]', 'request.cookies.get("c")'),
    *('request.headers["X-A"]', 'request.headers.get("X-A")', 'request.headers.get("X-B", 1)', "dict(request.headers)"),
    *("list(request.headers.items())", "list(request.headers.keys())", "list(request.headers.values())"),
    *("list(request.headers)", '"X-A" in request.headers', "len(request.headers)", 'request.headers.getlist("X-A")'),
    *('response.headers.set("a", "b")', 'response.headers.add("a", "b")', 'response.headers.__setitem__("a", "b")'),
    *('response.headers["Content-Type"]', 'response.headers.get("a")', '"a" in response.headers'),
    *("list(response.headers)", "list(response.headers.items())", 'response.headers.add("a", "b", c="d")'),
]
DATA_AGENT = (
    AGENT[: AGENT.index("calls = set()")]
    + """
import werkzeug.datastructures as structures
calls = set()
for cls in [structures.ImmutableMultiDict, structures.EnvironHeaders, structures.Headers]:
    for method in ["__contains__", "__getitem__", "__iter__", "__len__", "__setitem__", "add", "get", "getlist",
                   "items", "keys", "lists", "set", "to_dict", "values"]:
        found = getattr(cls, method, None)
        # Also those that it inherits, as agents do.
        if inspect.isfunction(found):
            setattr(cls, method, wrap(found, f"{cls.__name__}.{method}"))
"""
)
DATA_PROGRAM = f"""
import flask
from flask import request
app = flask.Flask("app")

@app.post("/")
def view():
    seen = []
    request.args, request.form, request.cookies
    for source in {DATA}:
        response = flask.make_response("text")
        calls.clear()
        try:
            value = repr(eval(source))
        except KeyError as error:
            value = repr(error)
        seen.append([source, value, sorted(calls)])
    return seen

answer = app.test_client().post("/?a=1&a=2&b=3", data={{"f": "g"}}, headers={{"X-A": "h", "Cookie": "c=d"}})
seen = answer.json
"""


@pytest.mark.parametrize("wrap", ["function", "Proxy"])
def test_what_an_agent_wrapped_of_data_structures_is_called_by_views(wrap: str) -> None:
    agent = DATA_AGENT.replace("wrap(", f"{wrap}(")
    theirs = observe(agent + DATA_PROGRAM, shim=False)
    ours = observe(agent + INSTALL_SHIM + DATA_PROGRAM, shim=False)
    assert len(theirs) == len(DATA)
    assert ours == theirs


def test_a_class_does_without_what_was_replaced() -> None:
    class Own(WerkzeugHeaders):
        def get(self, *_: Any, **__: Any) -> Any:
            """Return nothing."""

        def set(self, *_: Any, **__: Any) -> None:
            """Do nothing."""

        def more(self) -> None:
            """Do nothing."""

    with mock.patch.object(WerkzeugHeaders, "get", return_value="patched"):
        without_replaced(Own)
        assert Own().get("a") == "patched"
    assert {"set", "more"} < set(vars(Own))
    assert "get" not in vars(Own)


@pytest.mark.parametrize("late", [False, True])
def test_a_template_is_rendered_by_what_an_agent_put_there(*, late: bool) -> None:
    # Also where it was put there after the import of Tuile, and before Tuile imported Jinja.
    agent = """
import jinja2
calls = []
render, make = jinja2.Template.render, jinja2.Environment.from_string
jinja2.Template.render = lambda self, *args, **kwargs: calls.append("render") or render(self, *args, **kwargs)
jinja2.Environment.from_string = lambda self, *args, **kwargs: calls.append("make") or make(self, *args, **kwargs)
"""
    program = """
app = flask.Flask("app", root_path=".")
with app.app_context():
    text = [flask.render_template_string("{{ 1 }}") for _ in "ab"]
seen = [text, calls]
"""
    parts = ["import flask\n", agent] if late else [agent, "import flask\n"]
    theirs = observe("".join(parts) + program, shim=False)
    ours = observe(
        "".join([INSTALL_SHIM, *parts] if late else [agent, INSTALL_SHIM, "import flask\n"]) + program, shim=False
    )
    assert ours == theirs == [["1", "1"], ["make", "render"] * 2]


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (MapAdapter, "match"),
        (WerkzeugResponse, "data"),
        (WerkzeugResponse, "status"),
        (WerkzeugResponse, "force_type"),
        (WerkzeugResponse, "default_status"),
        (WerkzeugResponse, "__getattribute__"),
        (WerkzeugResponse, "cache_control"),
        (WerkzeugResponse, "content_length"),
        (tuile.Response, "__init__"),
        (tuile.Response, "get_wsgi_headers"),
        (tuile.Request, "close"),
        (tuile.Request, "parameter_storage_class"),
        (Environment, "concat"),
        (Template, "from_code"),
    ],
)
def test_an_attribute_as_it_was_defined_is_the_attribute(owner: type, name: str) -> None:
    assert as_defined(owner, name) is attribute(owner, name)


def test_a_function_as_it_was_defined_is_the_function() -> None:
    assert as_defined(werkzeug.utils, "send_file") is werkzeug.utils.send_file
    assert as_defined(mimetypes, "guess_type") is mimetypes.guess_type


class _Pretending:
    """Says that it is an instance of its object's class, and has the attributes of its object."""

    def __init__(self, of: object) -> None:
        self.of = of

    def __getattr__(self, name: str) -> Any:
        return getattr(self.of, name)

    def __call__(self) -> None:
        """Do nothing."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(self.of)


@pytest.mark.parametrize("name", ["get_wsgi_headers", "data", "force_type", "status"])
def test_what_was_replaced_equals_nothing(name: str) -> None:
    found: Any = vars(WerkzeugResponse).get(name, attribute(WerkzeugResponse, name))
    inner = getattr(found, "fget", getattr(found, "__func__", found))

    @functools.wraps(inner)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        """Do nothing."""

    kinds: tuple[Any, ...] = (property, classmethod)
    of_its_kind = type(found)(wrapper) if type(found) in kinds else wrapper
    for value in (wrapper, of_its_kind, _Pretending(found), mock.Mock(), SimpleNamespace(), lambda: None):
        with mock.patch.object(WerkzeugResponse, name, value):
            assert as_defined(WerkzeugResponse, name) != attribute(WerkzeugResponse, name)
            assert not still_has(WerkzeugResponse, {name: as_defined(WerkzeugResponse, name)})


def test_a_function_that_was_replaced_equals_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(werkzeug.utils, "send_file", functools.wraps(werkzeug.utils.send_file)(lambda: None))
    assert as_defined(werkzeug.utils, "send_file") != werkzeug.utils.send_file


class _Odd:
    """A descriptor that raises an error when its class is asked for it."""

    def __get__(self, instance: object, owner: type) -> object:
        raise KeyError(owner)


def test_a_class_has_an_attribute_exactly_if_it_is_found_in_it() -> None:
    class Wraps:
        def __init__(self, function: Any) -> None:
            self.__wrapped__ = function

        def __get__(self, instance: object, owner: type) -> object:
            return functools.partial(self.__wrapped__, instance)

    stock: Any = tuile.Flask.wsgi_app
    others: tuple[Any, ...] = (
        stock,
        Wraps(stock),
        classmethod(stock),
        staticmethod(lambda: None),
        property(stock),
        None,
        _Odd(),
        len,
    )
    for value in others:
        kind = type("Kind", (), {"wsgi_app": value})
        below = type("Below", (kind,), {})
        for cls in (kind, below, type, tuile.Flask):
            for name in ("wsgi_app", "missing", "__call__", "mro"):
                for wanted in (*others, attribute(cls, name)):
                    assert has(cls, name, wanted) is (attribute(cls, name) is wanted)


def test_an_odd_descriptor_is_no_obstacle_to_a_plan() -> None:
    class App(tuile.Flask):
        update_template_context = _Odd()  # type: ignore[assignment]

    app = App("odd")
    app.add_url_rule("/", "index", lambda: "index")
    assert app.test_client().get("/").text == "index"
