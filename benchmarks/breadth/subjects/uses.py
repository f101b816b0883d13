"""Sessions, flashes, g, hooks and signals, uploads and JSON bodies, in other uses."""

from __future__ import annotations

import gzip
import hmac
import json
import os
import tempfile
import uuid
from typing import Any
from urllib.parse import urlencode

from benchmarks.breadth.registry import Subject, ask, f
from benchmarks.breadth.subjects.bodies import FORM, MULTIPART, multipart
from benchmarks.content import SECRET_KEY

_STARTS: dict[str, dict[str, Any]] = {
    "cart": {"cart": {"7": 2, "9": 1}, "total": 3},
    "many": {f"k{n}": n for n in range(30)},
    "flashed": {"_flashes": [("message", "saved"), ("error", "not sent")]},
}


def _register(app: Any) -> None:
    app.add_url_rule("/login/<kind>", "login", lambda kind: f.session.update(_STARTS[kind]) or "welcome")


SUBJECT = Subject("uses", _register, SECRET_KEY=SECRET_KEY)
view = SUBJECT.view
application = SUBJECT.app


def _session(name: str, kind: str | None, use: Any, **keywords: Any) -> None:
    view(f"session: {name}", login=ask(f"/login/{kind}") if kind else None, **keywords)(lambda: str(use(f.session)))


_session("cart, item added", "cart", lambda s: s.__setitem__("cart", {**s["cart"], "8": 1}))
_session("30 keys, one written", "many", lambda s: s.__setitem__("k7", 70))
_session("no secret key, read", None, lambda s: s.get("a"), SECRET_KEY=None)
_session("messages with categories", "flashed", lambda s: f.get_flashed_messages(with_categories=True))


# --- hooks ------------------------------------------------------------------------------------------------------------


def _attribute(g: Any) -> Any:
    try:
        return g.missing
    except AttributeError as error:
        return str(error)


view("g: AttributeError caught")(lambda: _attribute(f.g))


def _hooked(name: str, path: str = "/", **keywords: Any) -> Any:
    """List an application with two views; the decorated function registers hooks."""

    def add(register: Any) -> Any:
        def prepared(app: Any) -> Any:
            app.add_url_rule("/", "view", lambda: "text", methods=["GET", "POST"])
            app.add_url_rule("/json", "json", lambda: {"a": 1})
            return register(app)

        application(f"hooks: {name}", path, **keywords)(prepared)

    return add


@_hooked("a request id in a header", X_Request_Id="abc")
def _(app: Any) -> None:
    app.before_request(lambda: setattr(f.g, "id", f.request.headers.get("X-Request-Id") or uuid.uuid4().hex))
    app.after_request(lambda response: response.headers.__setitem__("X-Request-Id", f.g.id) or response)


@_hooked("CORS by after_request", "/json", Origin="https://example.com")
def _(app: Any) -> None:
    @app.after_request  # type: ignore[untyped-decorator]
    def add(response: Any) -> Any:
        origin = f.request.headers.get("Origin")
        if origin in {"https://example.com", "https://www.example.com"}:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Credentials"] = "true"
            response.vary.add("Origin")
        return response


@_hooked("gzip by after_request", Accept_Encoding="gzip")
def _(app: Any) -> None:
    @app.after_request  # type: ignore[untyped-decorator]
    def pack(response: Any) -> Any:
        if "gzip" in f.request.headers.get("Accept-Encoding", "") and not response.direct_passthrough:
            response.set_data(gzip.compress(response.get_data(), mtime=0))
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Vary"] = "Accept-Encoding"
        return response


# --- what clients send ------------------------------------------------------------------------------------------------


def _body(name: str, use: Any, body: Any, type: str, **keywords: Any) -> None:
    view(f"body: {name}", body=body, type=type, **keywords)(lambda: use(f.request))


def _json(name: str, use: Any, value: Any, **keywords: Any) -> None:
    _body(f"JSON, {name}", use, json.dumps(value), "application/json", **keywords)


_ORDER = {"customer": {"name": "Ada", "zip": None}, "lines": [{"sku": f"a{n}", "n": n} for n in range(5)]}
_json("validated by hand", lambda r: _validated(r.get_json()), {"name": "", "age": "x"})
_json("a webhook with a signature", lambda r: hmac.new(b"k", r.get_data(), "sha256").hexdigest(), _ORDER)


def _validated(got: dict[str, Any]) -> Any:
    errors = {}
    if not got.get("name"):
        errors["name"] = "required"
    if not isinstance(got.get("age"), int):
        errors["age"] = "must be a number"
    return ({"errors": errors}, 400) if errors else ({"ok": True}, 201)


def _form(name: str, use: Any, values: Any, **keywords: Any) -> None:
    _body(f"form, {name}", use, urlencode(values), FORM, **keywords)


_form("validated, wrong", lambda r: _checked(r.form), {"name": "", "email": "x", "age": "x"})
_form("login, session begun", lambda r: _begun(r.form["name"]), {"name": "ada", "password": "secret"})


def _begun(name: str) -> Any:
    f.session.clear()
    f.session["user"] = name
    return f.redirect("/")


def _checked(form: Any) -> Any:
    errors = [name for name in ("name", "email", "age") if not form.get(name)]
    try:
        int(form["age"])
    except ValueError:
        errors.append("age")
    return f.render_template_string("{{ errors|join(', ') }}", errors=errors), 400


def _upload(name: str, use: Any, body: bytes, **keywords: Any) -> None:
    _body(f"upload, {name}", use, body, MULTIPART, **keywords)


_SAVED = os.path.join(tempfile.gettempdir(), "breadth-upload")
_ONE = multipart({"title": "a", "tags[]": "b"}, photo=b"\x89PNG" * 50)
_upload("saved to a file", lambda r: str(r.files["photo"].save(_SAVED)), _ONE)
