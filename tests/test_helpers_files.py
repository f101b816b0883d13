"""The functions that send files."""

from __future__ import annotations

import io
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.exceptions import NotFound

from tests.beside_flask import outcome, same
from tuile import Flask, Response, send_file, send_from_directory

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """Return an application whose root path is a folder with files."""
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "page.html").write_text("<p>page", "utf-8")
    (tmp_path / "secret.txt").write_text("secret", "utf-8")
    return Flask("files", root_path=str(tmp_path))


def test_a_path_is_relative_to_the_applications_root(app: Flask) -> None:
    with app.test_request_context(), send_file("static/page.html") as response:
        assert type(response) is Response
        response.direct_passthrough = False
        assert response.get_data(as_text=True) == "<p>page"
        assert response.mimetype == "text/html"
        assert response.get_etag()[0] is not None
        assert response.last_modified is not None


def test_the_responses_class_is_the_applications(app: Flask) -> None:
    class Own(Response):
        pass

    app.response_class = Own
    with app.test_request_context():
        with send_file(io.BytesIO(b"x"), "text/plain") as response:
            assert type(response) is Own
        with send_from_directory("static", "page.html") as response:
            assert type(response) is Own


def test_every_option_reaches_the_response(app: Flask) -> None:
    moment = datetime(2024, 5, 6, tzinfo=timezone.utc)
    with (
        app.test_request_context(),
        send_file(
            io.BytesIO(b"a,b"),
            mimetype="text/csv",
            as_attachment=True,
            download_name="table.csv",
            conditional=False,
            etag="tag",
            last_modified=moment,
            max_age=9,
        ) as response,
    ):
        assert response.mimetype == "text/csv"
        assert response.headers["Content-Disposition"] == "attachment; filename=table.csv"
        assert response.get_etag() == ("tag", False)
        assert response.last_modified == moment
        assert response.cache_control.max_age == 9


@pytest.mark.parametrize("function", ["file", "directory"])
def test_the_application_says_how_long_a_file_may_be_kept_unless_the_call_does(app: Flask, function: str) -> None:
    asked: list[str | None] = []

    class Own(Flask):
        def get_send_file_max_age(self, filename: str | None) -> int:
            asked.append(filename)
            return 42

    app.__class__ = Own

    def send(**options: Any) -> Response:
        if function == "file":
            return send_file("static/page.html", **options)
        return send_from_directory("static", "page.html", **options)

    with app.test_request_context():
        with send() as response:
            assert response.cache_control.max_age == 42
        with send(max_age=None) as response:
            assert response.cache_control.max_age == 42
        with send(max_age=0) as response:
            assert response.cache_control.max_age == 0
        with send(max_age=lambda path: 7) as response:
            assert response.cache_control.max_age == 7
    assert len(asked) == 2


def test_the_server_sends_the_file_itself_where_it_is_configured_to(app: Flask, tmp_path: Path) -> None:
    app.config["USE_X_SENDFILE"] = True
    with app.test_request_context(), send_file("static/page.html") as response:
        assert response.headers["X-Sendfile"] == str(tmp_path / "static" / "page.html")


def test_a_condition_of_the_request_is_answered(app: Flask) -> None:
    client = app.test_client()
    with client.get("/static/page.html") as response:
        tag = response.headers["ETag"]
        assert response.get_data() == b"<p>page"
    with client.get("/static/page.html", headers={"If-None-Match": tag}) as response:
        assert response.status_code == 304
    with client.get("/static/page.html", headers={"Range": "bytes=1-1"}) as response:
        assert (response.status_code, response.get_data()) == (206, b"p")


@pytest.mark.parametrize("path", ["../secret.txt", "/etc/passwd", "missing.txt", "..", ""])
def test_no_path_leads_out_of_the_directory(app: Flask, path: str) -> None:
    with app.test_request_context(), pytest.raises(NotFound):
        send_from_directory("static", path)


@pytest.mark.parametrize("path", ["/static/../secret.txt", "/static/%2e%2e/secret.txt", "/static/..%2fsecret.txt"])
def test_the_static_route_serves_nothing_outside_of_its_folder(app: Flask, path: str) -> None:
    response = app.test_client().get(path)
    assert response.status_code == 404
    assert "secret" not in response.text


def test_text_files_and_nameless_attachments_are_refused(app: Flask) -> None:
    with app.test_request_context():
        with pytest.raises(ValueError, match="Files must be opened in binary mode"):
            send_file(io.StringIO("text"), "text/plain")  # type: ignore[arg-type] # that is the mistake
        with pytest.raises(TypeError, match="No name provided for attachment"):
            send_file(io.BytesIO(b"x"), "text/plain", as_attachment=True)


def test_a_file_cannot_be_sent_without_an_application_or_a_request(app: Flask) -> None:
    with pytest.raises(RuntimeError, match="Working outside of request context"):
        send_file("static/page.html")
    with app.app_context(), pytest.raises(RuntimeError, match="Working outside of request context"):
        send_file("static/page.html")


def test_files_outside_a_request_are_the_errors_of_flask(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("text")

    def program(framework: Any) -> Any:
        def errors() -> list[Any]:
            return [
                outcome(framework.send_file, tmp_path / "there"),
                outcome(framework.send_file, "missing", max_age=5),
                outcome(framework.send_file, io.BytesIO(b"x"), "text/plain"),
                outcome(framework.send_from_directory, str(tmp_path), "there"),
                outcome(framework.send_from_directory, str(tmp_path), "missing"),
                outcome(framework.send_from_directory, "relative", "../x", max_age=5),
            ]

        with framework.Flask("files").app_context():
            inside = errors()
        return errors(), inside

    same(program)
