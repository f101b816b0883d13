from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import click
import pytest
import werkzeug.test
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.wrappers import Request as WerkzeugRequest

import tuile
import tuile.testing
from tests.beside_flask import make_app, same
from tuile import Flask, current_app, g, has_app_context, has_request_context, jsonify, redirect, request, session
from tuile.cli import ScriptInfo
from tuile.testing import EnvironBuilder, FlaskClient, FlaskCliRunner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from tuile import Response


@pytest.fixture
def app() -> Flask:
    app = Flask("tested")
    app.config.update(TESTING=True, SECRET_KEY="test key")

    @app.route("/url", methods=["GET", "POST"])
    def url() -> str:
        return request.url

    @app.get("/who")
    def who() -> str:
        g.seen = True
        return f"{request.remote_addr} {request.user_agent.string}"

    @app.post("/echo")
    def echo() -> Response:
        return jsonify(request.get_json())

    @app.get("/count")
    def count() -> str:
        session["count"] = session.get("count", 0) + 1
        return str(session["count"])

    @app.get("/moved")
    def moved() -> Any:
        g.seen = "before"
        session["moved"] = True
        return redirect("/count")

    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(autouse=True)
def _no_context_left() -> Iterator[None]:
    yield
    assert not has_app_context()
    assert not has_request_context()


# --- building an environ ----------------------------------------------------------------------------------------------


def test_the_url_defaults_to_http_localhost(app: Flask, client: FlaskClient) -> None:
    assert client.get("/url").text == "http://localhost/url"
    with app.test_request_context("/url?a=b"):
        assert request.url == "http://localhost/url?a=b"


def test_the_url_follows_the_configuration(app: Flask, client: FlaskClient) -> None:
    app.config.update(SERVER_NAME="example.com:1234", APPLICATION_ROOT="/shop", PREFERRED_URL_SCHEME="https")
    assert client.get("/url").text == "https://example.com:1234/shop/url"
    with app.test_request_context():
        assert request.url == "https://example.com:1234/shop/"


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        ({"path": "/a"}, "http://example.com/a"),
        ({"path": "/a?b=c"}, "http://example.com/a?b=c"),
        ({"path": "/a?"}, "http://example.com/a"),
        ({"path": "/a", "query_string": {"b": "c"}}, "http://example.com/a?b=c"),
        ({"path": "/a", "subdomain": "www"}, "http://www.example.com/a"),
        ({"path": "/a", "url_scheme": "https"}, "https://example.com/a"),
        ({"path": "/a", "base_url": "https://other.test:8443/root"}, "https://other.test:8443/root/a"),
        ({"path": "https://other.test/a?b=c"}, "https://other.test/a?b=c"),
        ({"path": "https://other.test/a", "subdomain": "www", "url_scheme": "http"}, "https://other.test/a"),
        ({"path": "//other.test/a"}, "http://other.test/a"),
        ({"path": "/é"}, "http://example.com/é"),
    ],
)
def test_what_is_given_goes_before_the_configuration(app: Flask, arguments: dict[str, Any], url: str) -> None:
    app.config["SERVER_NAME"] = "example.com"
    builder = EnvironBuilder(app, **arguments)
    try:
        assert builder.get_request().url == url
    finally:
        builder.close()


@pytest.mark.parametrize("part", [{"subdomain": "www"}, {"url_scheme": "https"}])
def test_a_base_url_excludes_its_parts(app: Flask, part: dict[str, str]) -> None:
    with pytest.raises(TypeError, match='Cannot pass "subdomain" or "url_scheme" with "base_url"'):
        EnvironBuilder(app, base_url="http://example.com", **part)


def test_json_is_written_as_the_application_writes_it(app: Flask) -> None:
    app.json.ensure_ascii = False
    builder = EnvironBuilder(app, json="\u20ac")
    assert builder.content_type == "application/json"
    assert builder.input_stream is not None
    assert builder.input_stream.read() == b'"\xe2\x82\xac"'


# --- sending a request ------------------------------------------------------------------------------------------------


def test_a_request_names_its_address_and_its_client(client: FlaskClient) -> None:
    version = importlib.metadata.version("werkzeug")
    assert tuile.testing._get_werkzeug_version() == version
    assert client.get("/who").text == f"127.0.0.1 Werkzeug/{version}"
    client.environ_base.update(REMOTE_ADDR="10.0.0.1", HTTP_USER_AGENT="Browser")
    assert client.get("/who").text == "10.0.0.1 Browser"
    assert client.get("/who", environ_base={"REMOTE_ADDR": "10.0.0.2"}).text == "10.0.0.2 Browser"
    assert client.get("/who", headers={"User-Agent": "Other"}).text == "10.0.0.1 Other"
    assert client.get("/who", environ_base=None).text == "10.0.0.1 Browser"


def test_one_client_does_not_share_its_environ_base_with_another(app: Flask) -> None:
    app.test_client().environ_base["REMOTE_ADDR"] = "10.0.0.1"
    assert app.test_client().get("/who").text.startswith("127.0.0.1 ")


def test_a_request_can_be_a_builder_and_the_builder_stays_as_it_was(app: Flask, client: FlaskClient) -> None:
    builder = EnvironBuilder(app, "/who", environ_base={"HTTP_USER_AGENT": "Mine"})
    try:
        for _ in range(2):
            assert client.open(builder).text == "127.0.0.1 Mine"
        assert builder.environ_base == {"HTTP_USER_AGENT": "Mine"}
    finally:
        builder.close()
    plain = werkzeug.test.EnvironBuilder("/who")
    try:
        assert client.open(plain).text.startswith("127.0.0.1 Werkzeug/")
        assert plain.environ_base is None
    finally:
        plain.close()


def test_a_request_can_be_an_environ_and_the_environ_stays_as_it_was(app: Flask, client: FlaskClient) -> None:
    builder = EnvironBuilder(app, "/url?a=b", base_url="https://example.com", method="POST")
    environ = builder.get_environ()
    builder.close()
    before = environ.copy()
    assert client.open(environ).text == "https://example.com/url?a=b"
    client.environ_base["REMOTE_ADDR"] = "10.0.0.1"
    assert client.open({**environ, "PATH_INFO": "/who", "REQUEST_METHOD": "GET"}).text.startswith("10.0.0.1 ")
    assert environ == before


def test_a_request_can_be_a_request_and_the_request_stays_as_it_was(client: FlaskClient) -> None:
    builder = werkzeug.test.EnvironBuilder("/who")
    given_request = builder.get_request()
    builder.close()
    before = given_request.environ
    assert client.open(given_request).text.startswith("127.0.0.1 ")
    assert given_request.environ is before
    assert "REMOTE_ADDR" not in before
    again = client.open(client.get("/who").request)
    assert isinstance(again.request, WerkzeugRequest)
    assert again.status_code == 200


def test_every_http_method_has_a_method(app: Flask, client: FlaskClient) -> None:
    methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE"]
    app.add_url_rule(
        "/method",
        endpoint="method",
        methods=methods,
        view_func=lambda: ("", {"X-Method": request.method}),
        provide_automatic_options=False,
    )
    for method in methods:
        send = getattr(client, method.lower())
        assert send("/method").headers["X-Method"] == method
        assert client.open("/method", method=method).headers["X-Method"] == method


def test_a_form_with_a_file_arrives(app: Flask, client: FlaskClient) -> None:
    @app.post("/upload")
    def upload() -> str:
        return f"{request.form['name']} {request.files['file'].filename} {request.files['file'].read()!r}"

    response = client.post("/upload", data={"name": "x", "file": (BytesIO(b"bytes"), "a.txt")})
    assert response.text == "x a.txt b'bytes'"
    response.close()


def test_a_whole_url_names_host_and_query(client: FlaskClient) -> None:
    assert client.post("http://domain.com/url?vodka=42", data={"gin": 43}).text == "http://domain.com/url?vodka=42"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_json_comes_back_as_it_was_sent(data: Any) -> None:
    app = Flask("echo")
    app.add_url_rule("/echo", methods=["POST"], view_func=lambda: jsonify(request.get_json()))
    response = app.test_client().post("/echo", json=data)
    # None is "no JSON" to the builder, as it is to Flask's.
    assert data is None or (response.is_json and response.get_json() == data == response.json)


def test_a_response_is_read_by_the_json_provider_of_the_application(app: Flask, client: FlaskClient) -> None:
    app.json.loads = lambda text, **options: ["loaded", text]  # type: ignore[method-assign]
    app.add_url_rule("/json", view_func=lambda: ("1", {"Content-Type": "application/json"}))
    assert client.get("/json").get_json() == ["loaded", b"1"]


def test_a_response_has_the_class_of_the_application(app: Flask) -> None:
    class Marked(app.response_class):  # type: ignore[name-defined,misc]  # a class made per application
        mark = "mine"

    app.response_class = Marked
    response = app.test_client().get("/url")
    assert isinstance(response, Marked)
    assert isinstance(response, werkzeug.test.TestResponse)
    assert getattr(response, "mark", None) == "mine"


def test_redirects_are_followed_when_asked(client: FlaskClient) -> None:
    assert client.get("/moved").status_code == 302
    response = client.get("/moved", follow_redirects=True)
    assert (response.status_code, response.text) == (200, "1")
    assert [before.status_code for before in response.history] == [302]
    assert response.request.path == "/count"


def test_a_buffered_body_is_read_and_closed_at_once(app: Flask, client: FlaskClient) -> None:
    steps: list[str] = []

    def body() -> Iterator[str]:
        try:
            yield "a"
            steps.append("read")
            yield "b"
        finally:
            steps.append("closed")

    app.add_url_rule("/stream", endpoint="stream", view_func=body)
    response = client.get("/stream", buffered=True)
    assert steps == ["read", "closed"]
    assert response.text == "ab"


def test_an_exception_of_a_view_reaches_the_test_when_testing(app: Flask, client: FlaskClient) -> None:
    def view() -> str:
        raise LookupError("mine")

    app.add_url_rule("/fails", view_func=view)
    with pytest.raises(LookupError, match="mine"):
        client.get("/fails")
    app.testing = False
    assert client.get("/fails").status_code == 500


def test_an_application_may_have_its_own_client(app: Flask) -> None:
    class Authenticated(FlaskClient):
        def __init__(self, *args: Any, token: str, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.environ_base["HTTP_USER_AGENT"] = token

    app.test_client_class = Authenticated
    client = app.test_client(token="my token")
    assert isinstance(client, Authenticated)
    assert client.get("/who").text.endswith("my token")


# --- keeping contexts -------------------------------------------------------------------------------------------------


def test_in_a_with_block_the_contexts_of_the_last_request_stay(app: Flask, client: FlaskClient) -> None:
    with client as same:
        assert same is client
        client.get("/who?a=b")
        assert request.args["a"] == "b"
        assert g.seen is True
        assert current_app._get_current_object() is app  # type: ignore[attr-defined]
        client.get("/url?c=d")
        assert request.args.to_dict() == {"c": "d"}
        assert not hasattr(g, "seen")
    assert not has_request_context()


def test_without_a_with_block_nothing_stays(client: FlaskClient) -> None:
    client.get("/who")
    assert not has_request_context()


def test_after_redirects_only_the_last_request_stays(client: FlaskClient) -> None:
    with client:
        client.get("/moved", follow_redirects=True)
        assert request.path == "/count"
        assert session.get("moved") is True
        assert session.get("count") == 1
        assert not hasattr(g, "seen")


def test_contexts_stay_for_a_request_given_in_any_form(app: Flask, client: FlaskClient) -> None:
    builder = EnvironBuilder(app, "/who")
    environ = builder.get_environ()
    forms: list[Any] = [builder, environ, builder.get_request()]
    for form in forms:
        with client:
            client.open(form)
            assert request.path == "/who"
        assert not has_request_context()
    builder.close()


def test_contexts_stay_after_an_error_page(app: Flask, client: FlaskClient) -> None:
    app.testing = False

    def view() -> str:
        g.seen = "before the error"
        raise LookupError

    app.add_url_rule("/fails", view_func=view)
    with client:
        assert client.get("/fails").status_code == 500
        assert g.seen == "before the error"


def test_teardown_runs_after_the_request_and_again_at_the_end_of_the_block(app: Flask, client: FlaskClient) -> None:
    torn: list[str] = []
    app.teardown_request(lambda error: torn.append("request"))
    app.teardown_appcontext(lambda error: torn.append("app"))
    with client:
        client.get("/url")
        assert torn == ["request", "app"]
    assert torn == ["request", "app"] * 2


def test_a_client_is_used_in_one_with_block_at_a_time(client: FlaskClient) -> None:
    with client:
        with pytest.raises(RuntimeError, match="Cannot nest client invocations"):
            client.__enter__()
    for _ in range(2):
        with client:
            assert client.get("/missing").status_code == 404


def test_the_application_hands_out_contexts_that_can_be_entered_again(app: Flask) -> None:
    kept: list[AbstractContextManager[Any]] = []
    builder = EnvironBuilder(app, "/who", environ_base={"werkzeug.debug.preserve_context": kept.append})
    try:
        werkzeug.test.run_wsgi_app(app, builder.get_environ(), buffered=True)
    finally:
        builder.close()
    assert not has_request_context()
    assert len(kept) == 2
    with kept[0], kept[1]:
        assert request.path == "/who"
        assert g.seen is True
    assert not has_request_context()


# --- cookies and the session ------------------------------------------------------------------------------------------


def test_a_client_keeps_the_session_between_requests(app: Flask, client: FlaskClient) -> None:
    assert [client.get("/count").text for _ in range(3)] == ["1", "2", "3"]
    assert app.test_client().get("/count").text == "1"
    forgetful = app.test_client(use_cookies=False)
    assert [forgetful.get("/count").text for _ in range(2)] == ["1", "1"]


def test_a_session_can_be_written_and_read_between_requests(client: FlaskClient) -> None:
    with client.session_transaction() as transaction:
        assert len(transaction) == 0
        transaction["count"] = 41
    assert client.get("/count").text == "42"
    with client.session_transaction() as transaction:
        assert dict(transaction) == {"count": 42}
        transaction.clear()
    assert client.get_cookie("session") is None
    assert client.get("/count").text == "1"


def test_a_session_is_not_saved_after_an_error_in_the_block(client: FlaskClient) -> None:
    with pytest.raises(LookupError):
        with client.session_transaction() as transaction:
            transaction["count"] = 41
            raise LookupError
    assert client.get("/count").text == "1"


def test_a_session_belongs_to_the_host_it_was_opened_for(app: Flask, client: FlaskClient) -> None:
    with client.session_transaction(base_url="http://other.test/") as transaction:
        transaction["count"] = 41
    assert client.get("/count").text == "1"
    assert client.get("/count", base_url="http://other.test/").text == "42"


def test_a_session_transaction_leaves_the_contexts_around_it_alone(client: FlaskClient) -> None:
    with client:
        client.get("/who")
        before = request._get_current_object()  # type: ignore[attr-defined]
        with client.session_transaction() as transaction:
            assert request._get_current_object() is before  # type: ignore[attr-defined]
            transaction["count"] = 41
        assert request._get_current_object() is before  # type: ignore[attr-defined]
        assert client.get("/count").text == "42"


def test_without_cookies_there_is_no_session_transaction(app: Flask) -> None:
    with pytest.raises(TypeError) as caught:
        with app.test_client(use_cookies=False).session_transaction():
            pass
    assert str(caught.value) == "Cookies are disabled. Create a client with 'use_cookies=True'."


def test_without_a_secret_key_there_is_no_session_to_open(app: Flask, client: FlaskClient) -> None:
    app.secret_key = None
    with pytest.raises(RuntimeError, match="Session backend did not open a session"):
        with client.session_transaction():
            pass


def test_a_null_session_is_not_saved(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[Any] = []
    monkeypatch.setattr(app.session_interface, "is_null_session", lambda _: True)
    monkeypatch.setattr(app.session_interface, "save_session", lambda *args: saved.append(args))
    with client.session_transaction() as transaction:
        assert dict(transaction) == {}
    assert saved == []


# --- commands ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def shown(app: Flask) -> click.Command:
    @app.cli.command("show")
    @click.argument("words", nargs=-1)
    def show(words: tuple[str, ...]) -> None:
        click.echo(f"{current_app.name} {'-'.join(words)}")

    return show


def test_a_runner_invokes_by_name_or_by_command(app: Flask, shown: click.Command) -> None:
    runner = app.test_cli_runner()
    assert type(runner) is FlaskCliRunner
    assert runner.app is app
    assert runner.invoke(args=["show", "a", "b"]).output == "tested a-b\n"
    assert runner.invoke(args="show 'a b' c").output == "tested a b-c\n"
    assert runner.invoke(shown, ["a"]).output == "tested a\n"
    assert runner.invoke(cli=shown).output == "tested \n"


def test_a_runner_takes_another_application_by_obj(app: Flask, shown: click.Command) -> None:
    other = ScriptInfo(create_app=lambda: Flask("other"))
    assert app.test_cli_runner().invoke(shown, obj=other).output == "other \n"


def test_a_runner_passes_its_options_to_click(app: Flask) -> None:
    runner = app.test_cli_runner(env={"SHOWN": "by env"})

    @app.cli.command("env")
    @click.option("--shown", envvar="SHOWN")
    def env(shown: str) -> None:
        click.echo(shown)

    assert runner.invoke(args=["env"]).output == "by env\n"
    result = runner.invoke(args=["unknown"], standalone_mode=False)
    assert isinstance(result.exception, click.UsageError)


def test_an_application_may_have_its_own_runner(app: Flask) -> None:
    class Runner(FlaskCliRunner):
        pass

    app.test_cli_runner_class = Runner
    assert type(app.test_cli_runner()) is Runner


# --- the package ------------------------------------------------------------------------------------------------------


def test_a_client_is_made_without_loading_click() -> None:
    script = (
        "import sys, tuile\n"
        "app = tuile.Flask('x')\n"
        "assert app.test_client().get('/').status_code == 404\n"
        "assert 'click' not in sys.modules, 'click is loaded'\n"
        "from tuile.testing import FlaskCliRunner\n"
        "assert 'click' in sys.modules\n"
    )
    source = str(Path(tuile.__file__).parents[1])
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": source},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.stderr == ""


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'tuile\.testing' has no attribute 'nothing'"):
        tuile.testing.nothing  # noqa: B018


def test_a_patched_constructor_of_responses_is_called_as_by_werkzeugs_client() -> None:
    def program(lib: Any) -> Any:
        app, calls = make_app(lib), list[Any]()
        app.add_url_rule("/", view_func=lambda: "hello")
        construct = werkzeug.test.TestResponse.__init__

        def noting(response: Any, *args: Any, **kwargs: Any) -> None:
            calls.append((len(args), sorted(kwargs)))
            construct(response, *args, **kwargs)

        client = app.test_client()
        with mock.patch.object(werkzeug.test.TestResponse, "__init__", noting):
            answers = [client.get("/").text, client.get("/").status]
        return [*answers, calls, client.get("/").history]

    same(program)
