"""What a first lesson on cookies says, on the program `flavors`."""

from __future__ import annotations

import inspect
import time
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

import pytest

from tests.tutorials.programs.flavors import app
from tuile import Response, make_response


@pytest.mark.parametrize("kind", ["", "-template"])
def test_a_made_response_is_what_the_bare_answer_becomes(kind: str) -> None:
    client = app.test_client()
    bare, made = client.get(f"/plain{kind}"), client.get(f"/made{kind}")
    assert bare.status == made.status == "200 OK"
    assert bare.text == made.text
    assert bare.headers.to_wsgi_list() == made.headers.to_wsgi_list()
    assert "Cookies" in made.text


def test_a_response_can_be_changed_before_it_is_sent() -> None:
    with app.app_context():
        answer = make_response("Cookies")
    assert isinstance(answer, Response)
    answer.headers["X-Shape"] = "curved"
    answer.status_code = 202
    assert answer.get_wsgi_response({"REQUEST_METHOD": "GET"})[1] == "202 ACCEPTED"
    assert answer.headers["X-Shape"] == "curved"


def test_a_cookie_is_attached_to_the_response() -> None:
    answer = app.test_client().get("/cookies")
    assert answer.headers.getlist("Set-Cookie") == ['flavor="chocolate chip"; Path=/']


def test_a_cookie_that_was_set_comes_back() -> None:
    client = app.test_client()
    client.get("/cookies")
    assert client.get("/").json == {"flavor": "chocolate chip"}


def test_several_cookies_come_back_and_a_name_may_hold_a_space() -> None:
    client = app.test_client()
    client.get("/cookies")
    client.get("/cookies/more")
    assert client.get("/").json == {"flavor": "chocolate chip", "chocolate type": "dark", "chewy": "yes"}


def test_the_cookies_of_a_request_are_a_dictionary() -> None:
    client = app.test_client()
    client.get("/cookies")
    with client:
        client.get("/")
        from tuile import request  # noqa: PLC0415 - a view's import, used where a view would

        assert dict(request.cookies.items()) == {"flavor": "chocolate chip"}
        assert isinstance(request.cookies, dict)


def test_get_mutes_the_missing_key() -> None:
    assert app.test_client().get("/cookies/get").text == "flavor: None"


def test_a_missing_key_by_brackets_is_a_bad_request() -> None:
    assert app.test_client().get("/cookies/key").status_code == 400


def test_brackets_read_a_cookie_that_is_there() -> None:
    client = app.test_client()
    client.get("/cookies")
    assert client.get("/cookies/key").text == "flavor: chocolate chip"


def test_only_the_name_is_required() -> None:
    parameters = inspect.signature(Response.set_cookie).parameters
    defaults = {name: parameter.default for name, parameter in parameters.items() if name != "self"}
    assert defaults == {
        "key": inspect.Parameter.empty,
        "value": "",
        "max_age": None,
        "expires": None,
        "path": "/",
        "domain": None,
        "secure": False,
        "httponly": False,
        "samesite": None,
        "partitioned": False,
    }


@pytest.mark.parametrize(
    ("option", "attribute"),
    [
        ({"max_age": 30}, "Max-Age=30"),
        ({"max_age": timedelta(minutes=2)}, "Max-Age=120"),
        ({"expires": datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc)}, "Expires=Wed, 02 Jan 2030 03:04:05 GMT"),
        ({"path": "/cookies"}, "Path=/cookies"),
        ({"domain": "example.com"}, "Domain=example.com"),
        ({"secure": True}, "Secure"),
        ({"httponly": True}, "HttpOnly"),
        ({"samesite": "Lax"}, "SameSite=Lax"),
    ],
)
def test_each_parameter_becomes_its_attribute(option: dict[str, object], attribute: str) -> None:
    answer = Response()
    answer.set_cookie("flavor", "oat", **option)  # type: ignore[arg-type] # one option at a time, of its own type
    [line] = answer.headers.getlist("Set-Cookie")
    assert attribute in line.split("; ")
    assert line.startswith("flavor=oat; ")


def test_a_cookie_without_parameters_has_a_path_only() -> None:
    answer = Response()
    answer.set_cookie("flavor")
    assert answer.headers.getlist("Set-Cookie") == ["flavor=; Path=/"]


def test_max_age_and_the_path_of_the_request_limit_a_cookie() -> None:
    before = time.time()
    client = app.test_client()
    [line] = client.get("/cookies/for-half-a-minute").headers.getlist("Set-Cookie")
    attributes = dict(part.partition("=")[::2] for part in line.split("; ")[1:])
    assert attributes["Path"] == "/cookies/for-half-a-minute"
    assert attributes["Max-Age"] == "30"
    # Browsers show this date; it says the same as Max-Age.
    assert -2 < parsedate_to_datetime(attributes["Expires"]).timestamp() - before - 30 < 5
    assert client.get("/").json == {}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("key=value", {"key": "value"}),
        ("flavor=chocolate chip; chocolate type=dark", {"flavor": "chocolate chip", "chocolate type": "dark"}),
        ('a="chocolate chip"; b=2', {"a": "chocolate chip", "b": "2"}),
    ],
)
def test_a_cookie_set_by_the_client_is_read_by_the_server(header: str, expected: dict[str, str]) -> None:
    client = app.test_client(use_cookies=False)
    assert client.get("/", headers={"Cookie": header}).json == expected
