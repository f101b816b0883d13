"""The functions that store and return flashed messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import tuile
from tuile import flash, get_flashed_messages, message_flashed, request, session

if TYPE_CHECKING:
    from tuile import Flask
    from tuile.testing import FlaskClient


@pytest.fixture
def messages(app: Flask) -> Flask:
    @app.route("/keep")
    def keep() -> str:
        flash("plain")
        flash("bad", "error")
        flash("good", "info")
        return "kept"

    @app.route("/show")
    def show() -> dict[str, Any]:
        return {
            "all": get_flashed_messages(),
            "pairs": get_flashed_messages(with_categories=True),
            "some": get_flashed_messages(category_filter=["error", "message"]),
            "some pairs": get_flashed_messages(True, ("info",)),
            "none": get_flashed_messages(category_filter=["nobody"]),
        }

    return app


def test_messages_arrive_with_the_next_request_and_then_are_gone(messages: Flask, client: FlaskClient) -> None:
    client.get("/keep")
    assert client.get("/show").json == {
        "all": ["plain", "bad", "good"],
        "pairs": [["message", "plain"], ["error", "bad"], ["info", "good"]],
        "some": ["plain", "bad"],
        "some pairs": [["info", "good"]],
        "none": [],
    }
    assert client.get("/show").json == {"all": [], "pairs": [], "some": [], "some pairs": [], "none": []}


def test_pairs_are_tuples_also_after_the_session_was_stored(messages: Flask, client: FlaskClient) -> None:
    with client:
        client.get("/keep")
        assert session["_flashes"][0] == ("message", "plain")
        client.get("/show")
        assert get_flashed_messages(with_categories=True)[0] == ("message", "plain")


def test_messages_of_this_very_request_can_be_shown_too(app: Flask) -> None:
    with app.test_request_context():
        flash("now")
        assert get_flashed_messages() == ["now"]
        assert "_flashes" not in session
        flash("later")
        assert get_flashed_messages() == ["now"]
        assert session["_flashes"] == [("message", "later")]


def test_every_message_is_assigned_to_the_session(app: Flask) -> None:
    """A session that is stored elsewhere detects an assignment, but no change inside a list."""
    with app.test_request_context():
        kept = [("message", "first")]
        session["_flashes"] = kept
        session.modified = False
        flash("second")
        assert session.modified
        assert session["_flashes"] == [("message", "first"), ("message", "second")]


def test_asking_for_messages_that_are_not_there_leaves_the_session_unmodified(app: Flask) -> None:
    with app.test_request_context():
        assert get_flashed_messages() == []
        assert not session.modified
        assert session.accessed


def test_a_listener_hears_of_each_message(app: Flask) -> None:
    heard: list[tuple[Any, str, str]] = []

    def listen(sender: Flask, message: str, category: str, **extra: Any) -> None:
        heard.append((sender, message, category))

    with app.test_request_context(), message_flashed.connected_to(listen, app):
        flash("hello", "info")
    assert heard == [(app, "hello", "info")]


@pytest.mark.parametrize("function", [lambda: flash("x"), get_flashed_messages])
def test_messages_need_a_request(app: Flask, function: Any) -> None:
    with pytest.raises(RuntimeError, match="Working outside of request context"):
        function()
    with app.app_context(), pytest.raises(RuntimeError, match="Working outside of request context"):
        function()


def test_messages_need_a_secret_key(app: Flask) -> None:
    app.secret_key = None
    with app.test_request_context():
        assert get_flashed_messages() == []
        with pytest.raises(RuntimeError, match="The session is unavailable because no secret key was set"):
            flash("x")


# Messages of categories that nobody asked for.


def make_flashing_app() -> Flask:
    application = tuile.Flask("flashing", static_folder=None)
    application.secret_key = "5f2d8c1b9a7e4630b1c8d2e6f4a09375"

    @application.route("/flash")
    def put() -> str:
        for text in request.args.getlist("m"):
            category, _, message = text.partition(":")
            flash(message, category)
        return ""

    @application.route("/read")
    def read() -> Any:
        return [get_flashed_messages(category_filter=wanted.split(",") if wanted else ()) for wanted in wants()]

    return application


def wants() -> list[str]:
    return request.args.getlist("f")


@pytest.mark.parametrize(
    ("first", "got", "then"),
    [
        (["error"], [["e1", "e2"]], ["i1", "w1"]),
        (["error", "info"], [["e1", "e2"], ["i1"]], ["w1"]),
        (["error", ""], [["e1", "e2"], ["e1", "i1", "e2", "w1"]], []),
        (["", "error"], [["e1", "i1", "e2", "w1"], ["e1", "e2"]], []),
        (["error", "error"], [["e1", "e2"], ["e1", "e2"]], ["i1", "w1"]),
        (["nothing"], [[]], ["e1", "i1", "e2", "w1"]),
        (["error,info,warning"], [["e1", "i1", "e2", "w1"]], []),
    ],
)
def test_messages_of_other_categories_wait_for_the_next_request(
    first: list[str], got: list[list[str]], then: list[str]
) -> None:
    client = make_flashing_app().test_client()
    client.get("/flash?m=error:e1&m=info:i1&m=error:e2&m=warning:w1")
    assert client.get("/read", query_string={"f": first}).json == got
    assert client.get("/read?f=").json == [then]
    assert client.get("/read?f=").json == [[]]


def test_a_message_flashed_meanwhile_comes_after_those_that_wait() -> None:
    application = make_flashing_app()

    @application.route("/both")
    def both() -> Any:
        read = get_flashed_messages(category_filter=["error"])
        flash("i2", "info")
        flash("e1", "error")
        return [read, get_flashed_messages(category_filter=["info"]), get_flashed_messages(category_filter=["error"])]

    client = application.test_client()
    client.get("/flash?m=error:e1&m=info:i1&m=warning:w1")
    assert client.get("/both").json == [["e1"], ["i1"], ["e1"]]
    assert client.get("/read?f=").json == [["w1", "i2", "e1"]]


def test_reading_all_messages_leaves_nothing_in_the_session() -> None:
    application = make_flashing_app()
    client = application.test_client()
    client.get("/flash?m=a:b")
    client.get("/read?f=a")
    with client.session_transaction() as session:
        assert dict(session) == {}


def test_messages_that_no_page_asks_for_do_not_pile_up(caplog: pytest.LogCaptureFixture) -> None:
    client = make_flashing_app().test_client()
    for number in range(40):
        client.get(f"/flash?m=debug:d{number}")
        client.get("/read?f=error")
    (waiting,) = client.get("/read?f=").json or []
    assert waiting == [f"d{number}" for number in range(20, 40)]
    assert len([record for record in caplog.records if "no page asks" in record.getMessage()]) == 20
