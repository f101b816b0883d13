"""Programs that type-check with Flask type-check here: views, hooks, handlers, class-based views, extensions."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from typing import Any

import click
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response as BaseResponse

from tuile import (
    Blueprint,
    Flask,
    Request,
    Response,
    abort,
    current_app,
    g,
    jsonify,
    redirect,
    request,
    session,
    url_for,
)
from tuile.json.provider import DefaultJSONProvider
from tuile.sessions import SecureCookieSessionInterface, SessionMixin
from tuile.testing import FlaskClient
from tuile.typing import ResponseReturnValue
from tuile.views import MethodView, View

app = Flask(__name__, static_folder=None)
app.config.from_mapping(SECRET_KEY="5f0a1d7c9be24b6f8a3c1e5d7b9f2a4c", TESTING=True)
app.permanent_session_lifetime = datetime.timedelta(days=7)
bp = Blueprint("shop", __name__)


@app.get("/text")
def text() -> str:
    return "text"


@app.get("/bytes")
def as_bytes() -> bytes:
    return b"bytes"


@app.post("/json")
def as_json() -> dict[str, Any]:
    return {"user": g.get("user"), "form": request.form.get("name"), "count": request.args.get("n", 1, type=int)}


@app.route("/list", methods=["GET", "POST"])
def as_list() -> list[Any]:
    return [1, 2]


@app.get("/status")
def with_status() -> tuple[str, int]:
    return "made", 201


@app.get("/status-enum")
def with_status_enum() -> tuple[str, HTTPStatus]:
    return "made", HTTPStatus.CREATED


@app.get("/headers")
def with_headers() -> tuple[str, int, dict[str, str]]:
    return "made", 201, {"X-A": "b"}


@app.get("/stream")
def stream() -> Iterator[str]:
    yield "a"


@app.get("/redirect")
def away() -> BaseResponse:
    return redirect(url_for("text"))


@app.get("/response")
def response() -> Response:
    made = jsonify(a=1)
    made.headers["X-A"] = "b"
    made.delete_cookie("old")
    return made


@app.get("/any")
def any_of_them() -> ResponseReturnValue:
    if request.args:
        return "text"
    abort(404, "nothing here")


@app.get("/async")
async def asynchronous() -> str:
    return "async"


@app.before_request
def load_user() -> None:
    g.user = session.get("user")


@app.before_request
def refuse() -> ResponseReturnValue | None:
    return ("no", 403) if request.method == "TRACE" else None


@app.after_request
def add(response: Response) -> Response:
    return response


@app.teardown_request
def close(error: BaseException | None) -> None:
    current_app.logger.debug("closed %s", error)


@app.errorhandler(404)
def missing(error: NotFound) -> tuple[str, int]:
    return error.description or "", 404


@app.errorhandler(HTTPException)
def failed(error: HTTPException) -> ResponseReturnValue:
    return error.get_response()


@app.errorhandler(ValueError)
def wrong(error: ValueError) -> str:
    return str(error)


@app.context_processor
def values() -> dict[str, Any]:
    return {"a": 1}


@app.template_filter("shout")
def shout(text: str) -> str:
    return text.upper()


@app.url_defaults
def defaults(endpoint: str, values: dict[str, Any]) -> None:
    values.setdefault("lang", "en")


@app.cli.command("greet")
@click.argument("name")
def greet(name: str) -> None:
    click.echo(name)


@bp.route("/<int:number>", defaults={"number": 1})
def item(number: int) -> str:
    return str(number)


class Page(View):
    methods = ["GET"]
    init_every_request = False

    def dispatch_request(self, **kwargs: Any) -> ResponseReturnValue:
        return "page"


class Items(MethodView):
    def get(self, number: int) -> ResponseReturnValue:
        return {"number": number}

    def post(self) -> ResponseReturnValue:
        return "", 204


app.add_url_rule("/page", view_func=Page.as_view("page"))
app.add_url_rule("/items", view_func=Items.as_view("items"))
app.register_blueprint(bp, url_prefix="/shop")


class OwnRequest(Request):
    @property
    def tenant(self) -> str:
        return self.host.partition(".")[0]


class OwnProvider(DefaultJSONProvider):
    sort_keys = False

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return super().dumps(obj, **kwargs)


class OwnSessions(SecureCookieSessionInterface):
    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        return session.modified


class Own(Flask):
    request_class = OwnRequest
    json_provider_class = OwnProvider
    session_interface = OwnSessions()

    def full_dispatch_request(self) -> Response:
        return super().full_dispatch_request()


def test_client() -> None:
    client: FlaskClient = app.test_client()
    with client.session_transaction() as kept:
        kept["user"] = "ada"
    answer = client.post("/json", json={"a": 1}, headers={"X-A": "b"})
    assert answer.status_code == 200
    assert answer.get_json() == {}
    assert answer.text
    with app.test_request_context("/?a=1"):
        assert request.args["a"] == "1"
    with app.app_context():
        assert current_app.name
    result = app.test_cli_runner().invoke(args=["greet", "Ada"])
    assert result.exit_code == 0


async def stream_of(parts: list[str]) -> AsyncIterator[str]:
    for part in parts:
        yield part
