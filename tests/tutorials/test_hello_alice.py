"""What a step-by-step explanation says, on the program `hello_alice`."""

from __future__ import annotations

from tests.tutorials.programs.hello_alice import app


def test_the_first_request_has_no_cookie_and_the_second_has() -> None:
    client = app.test_client()
    assert client.get("/").text == "Hello None"
    assert client.get("/").text == "Hello Alice"


def test_the_cookie_is_set_on_every_response() -> None:
    client = app.test_client()
    for _ in range(3):
        assert client.get("/").headers.getlist("Set-Cookie") == ["user=Alice; Path=/"]


def test_a_cookie_that_is_not_set_again_stays_and_is_sent() -> None:
    client = app.test_client()
    client.get("/")
    for _ in range(2):
        answer = client.get("/only-read")
        assert answer.text == "Hello Alice"
        assert "Set-Cookie" not in answer.headers


def test_a_client_without_a_cookie_jar_stays_nobody() -> None:
    client = app.test_client(use_cookies=False)
    assert [client.get("/").text for _ in range(2)] == ["Hello None", "Hello None"]
