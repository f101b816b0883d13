"""`tuile explain`: what browsers do with a Set-Cookie line, the answer of a URL, or what curl printed."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.serving import make_server

import tuile
from tuile import make_response, redirect
from tuile.cli import cli
from tuile.user_agent.browsers import PROFILES
from tuile.user_agent.comparing import BROWSERS, Browsers
from tuile.user_agent.differences import DIFFERENCES
from tuile.user_agent.tables import printable

if TYPE_CHECKING:
    from collections.abc import Iterator


def explain(*arguments: str, stdin: str | bytes | None = None, code: int = 0) -> str:
    result = CliRunner().invoke(cli, ["explain", *arguments], input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    return result.output


def words(text: str) -> str:
    """The text without line breaks within sentences."""
    return " ".join(text.split())


def told(*arguments: str, stdin: str | bytes | None = None) -> Any:
    return json.loads(explain("--json", *arguments, stdin=stdin))["responses"]


def outcomes(response: Any, number: int = 0) -> dict[str, str]:
    return {name: seen["outcome"] for name, seen in response["cookies"][number]["browsers"].items()}


# --- a line -----------------------------------------------------------------------------------------------------------


def test_a_line_is_explained_for_each_browser_with_the_rule_and_the_cure() -> None:
    text = explain("sid=1; SameSite=None")
    assert re.search(r"Chromium +drops it\n  Firefox +drops it\n  Safari +keeps it for example\.com only", text)
    assert (
        "Chromium, Firefox and the standard: it is SameSite=None and not Secure (rfc6265bis 5.7 step 19). Write:"
        in (words(text))
    )
    assert "response.set_cookie('sid', ..., samesite='None', secure=True)" in words(text)
    assert "Safari: SameSite=None is kept without Secure" in text


@pytest.mark.parametrize("line", ["Set-Cookie: a=1", "set-cookie:a=1", "< Set-Cookie: a=1", "a=1", "\n a=1\n"])
def test_a_line_may_have_the_name_of_its_field(line: str) -> None:
    (response,) = told(line)
    assert [cookie["name"] for cookie in response["cookies"]] == ["a"]
    assert outcomes(response) == dict.fromkeys(BROWSERS, "keeps it")


def test_several_lines_are_one_response() -> None:
    text = explain("-", stdin="Server: x\r\nSet-Cookie: a=1\r\nSet-Cookie: a=2; Path=/x\r\n")
    assert text.count("Set-Cookie: a=") == 2
    assert "The cookie 'a' is set twice in one response" in text


@pytest.mark.parametrize(
    ("arguments", "line", "expected"),
    [
        (("--url", "http://example.com/"), "a=1; Secure", dict.fromkeys(BROWSERS, "drops it")),
        (
            ("--url", "http://localhost:5000/"),
            "a=1; Secure",
            {"chromium": "keeps it", "firefox": "keeps it", "safari": "drops it", "rfc6265bis": "drops it"},
        ),
        (
            ("--top-level", "https://other.example/"),
            "a=1; SameSite=None; Secure",
            {"chromium": "keeps it", "firefox": "keeps it", "safari": "drops it", "rfc6265bis": "keeps it"},
        ),
        (
            ("--top-level", "https://other.example/"),
            "a=1",
            {"chromium": "drops it", "firefox": "keeps it", "safari": "drops it", "rfc6265bis": "drops it"},
        ),
        (("--from", "https://other.example/"), "a=1; SameSite=Strict", dict.fromkeys(BROWSERS, "keeps it")),
        (("--date", "2020-01-01"), "a=1; Expires=Thu, 01 Jan 2021 00:00:00 GMT", dict.fromkeys(BROWSERS, "keeps it")),
        (
            ("--date", "Fri, 01 Jan 2027 00:00:00 GMT"),
            "a=1; Expires=Thu, 01 Jan 2021 00:00:00 GMT",
            dict.fromkeys(BROWSERS, "has nothing to delete"),
        ),
    ],
)
def test_the_options_say_where_from_and_when(arguments: tuple[str, ...], line: str, expected: dict[str, str]) -> None:
    (response,) = told(*arguments, line)
    assert outcomes(response) == expected


def test_without_a_url_the_domain_of_the_line_is_taken() -> None:
    text = explain("a=1; Domain=.shop.example; Secure")
    assert text.startswith("As if https://shop.example/ had sent it")
    assert "keeps it for shop.example and the hosts below it" in text


def test_each_difference_that_is_named_matters_for_the_line() -> None:
    browsers = Browsers(lambda host: host.rpartition(".")[2])
    for name in ("chromium", "firefox", "safari"):
        assert PROFILES[name] != PROFILES["rfc6265bis"]
    from datetime import datetime, timezone  # noqa: PLC0415

    now = datetime(2026, 11, 28, tzinfo=timezone.utc)
    (found,) = browsers.receive("http://localhost/", ["a=1; Secure; SameSite=Lax"], now=now)
    assert [row.setting for row in found.differences["chromium"]] == ["loopback_is_secure"]
    assert found.differences["safari"] == ()
    (found,) = browsers.receive("https://example.com/", ["__HOST-a=1"], now=now)
    assert "prefixes_in_any_case" in [row.setting for row in found.differences["safari"]]
    assert all(row in DIFFERENCES for rows in found.differences.values() for row in rows)


def test_sources_are_named_on_request() -> None:
    assert "mdn/browser-compat-data" not in explain("a=1; SameSite=None")
    assert "mdn/browser-compat-data" in explain("a=1; SameSite=None", "--sources")


# --- a URL ------------------------------------------------------------------------------------------------------------


@pytest.fixture(name="served")
def served_app() -> Iterator[str]:
    app = tuile.Flask("app", static_folder=None)
    seen: list[str] = []

    @app.get("/")
    def index() -> Any:
        response = make_response("text")
        response.set_cookie("a", "1", samesite="None")
        response.set_cookie("b", "1", domain="other.example")
        response.headers.add("Set-Cookie", "c=\u00e4; Path=/")
        return response

    @app.get("/away")
    def away() -> Any:
        seen.append("away")
        return redirect("/")

    @app.get("/broken")
    def broken() -> Any:
        return "no cookies here", 500

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_url_is_requested_now(served: str) -> None:
    (response,) = told(f"{served}/")
    assert [cookie["name"] for cookie in response["cookies"]] == ["a", "b", "c"]
    assert outcomes(response, 0)["chromium"] == "drops it"
    assert "does not cover 127.0.0.1" in response["cookies"][1]["browsers"]["firefox"]["reason"]


def test_redirects_are_not_followed(served: str) -> None:
    (response,) = told(f"{served}/away")
    assert (response["status"], response["cookies"]) == (302, [])
    assert "There are no cookies to explain in this response." in explain(f"{served}/broken")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/",
        "http://",
        "https://[::1",
        "http://a..b/",
        "http://x:99999/",
        "http://exa mple/",
        "HTTP://%00/",
    ],
)
def test_a_url_that_cannot_be_requested_is_an_error_without_a_traceback(url: str) -> None:
    assert "Error: " in explain(url, code=1)


@pytest.mark.parametrize(
    "octets",
    [b"", b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\n", b"\x00\xff\n\n", b"HTTP/1.1 200 OK\r\n" + b"a" * 99_999],
)
def test_a_server_that_does_not_finish_is_given_up(octets: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuile.cli.explain.requesting._LONGEST_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def serve() -> None:
            connection, _ = server.accept()
            taken.append(connection)
            connection.sendall(octets)

        thread = threading.Thread(target=serve)
        thread.start()
        text = explain(f"http://127.0.0.1:{server.getsockname()[1]}/", code=1)
        thread.join()
        taken[0].close()
    assert "gives no response" in text


# --- curl -------------------------------------------------------------------------------------------------------------

VERBOSE = """\
*   Trying 192.0.2.1:443...
* Connected to shop.example (192.0.2.1) port 443 (#0)
* ALPN: curl offers h2,http/1.1
} [5 bytes data]
* SSL connection using TLSv1.3 / TLS_AES_256_GCM_SHA384
> GET /login HTTP/2
> Host: shop.example
> user-agent: curl/8.5.0
>
< HTTP/2 302
< date: Sat, 28 Nov 2026 12:00:00 GMT
< set-cookie: sid=1; Secure; HttpOnly; Max-Age=60
< set-cookie: old=1; Path=/shop
< location: http://shop.example/home
<
{ [0 bytes data]
* Connection #0 to host shop.example left intact
* Issue another request to this URL: 'http://shop.example/home'
*   Trying 192.0.2.1:80...
* Connected to shop.example (192.0.2.1) port 80 (#1)
> GET /home HTTP/1.1
> Host: shop.example
>
< HTTP/1.1 200 OK
< Date: Sat, 28 Nov 2026 12:00:01 GMT
< Set-Cookie: two=2; Secure
<
<p>Set-Cookie: body=1</p>
"""


def test_a_trace_of_curl_has_its_requests_in_order() -> None:
    first, second = told("-", stdin=VERBOSE)
    assert (first["url"], first["status"], first["date"]) == (
        "https://shop.example/login",
        302,
        "2026-11-28T12:00:00+00:00",
    )
    assert second["url"] == "http://shop.example/home"
    assert [cookie["name"] for cookie in first["cookies"]] == ["sid", "old"]
    assert [cookie["name"] for cookie in second["cookies"]] == ["two"]
    assert outcomes(second)["chromium"] == "drops it"
    withheld = second["sent_before"]["chromium"]["withheld"]
    assert "it is Secure, and http://shop.example/home is not a secure connection" in withheld[0]
    assert "it is for paths below /shop, not for /home" in withheld[1]


def test_headers_that_i_repeats_are_read_once() -> None:
    both = re.sub(r"(?m)^< (.*)$", r"< \1\n\1", VERBOSE)
    assert [len(response["cookies"]) for response in told("-", stdin=both)] == [2, 1]


def test_the_output_of_curl_i_is_a_response_of_the_given_url() -> None:
    text = "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Secure\r\n\r\nSet-Cookie: body=1\r\nHTTP/1.1 404 Not a status\r\n"
    (response,) = told("-", "--url", "http://example.org/x", stdin=text)
    assert (response["url"], len(response["cookies"])) == ("http://example.org/x", 1)
    (response,) = told("-", stdin=f"$ curl -i 'https://shop.example/a'\n{text}")
    assert (response["url"], outcomes(response)["safari"]) == ("https://shop.example/a", "keeps it")
    _, second = told("-", stdin="HTTP/1.1 301 \nLocation: /b\nSet-Cookie: a=1\n\nHTTP/1.1 200 OK\n\n")
    assert second["url"] == "https://example.com/b"
    assert second["sent_before"]["firefox"]["cookie"] == "a=1"


def test_a_proxy_and_a_continue_are_no_responses() -> None:
    text = (
        "> CONNECT shop.example:443 HTTP/1.1\n> Host: shop.example:443\n>\n< HTTP/1.1 200 Connection established\n<\n"
        "* SSL connection using TLSv1.3\n> POST /a HTTP/1.1\n> Host: shop.example\n> Expect: 100-continue\n>\n"
        "< HTTP/1.1 100 Continue\n< HTTP/1.1 201 Created\n< Set-Cookie: a=1; Secure\n<\n"
    )
    (response,) = told("-", stdin=text)
    assert (response["url"], response["method"], response["status"]) == ("https://shop.example/a", "POST", 201)


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
@pytest.mark.parametrize("options", [["-sv"], ["-si"], ["-siv"], ["-svL"], ["-v"]])
def test_what_curl_prints_here_is_understood(served: str, options: list[str]) -> None:
    url = f"{served}/away" if "-svL" in options else f"{served}/"
    result = subprocess.run(["curl", *options, url], capture_output=True, check=True)
    responses = told("-", "--url", f"{served}/", stdin=result.stderr + result.stdout)
    assert [cookie["name"] for cookie in responses[-1]["cookies"]] == ["a", "b", "c"]
    assert responses[-1]["url"] == f"{served}/"
    assert len(responses) == 1 + ("-svL" in options)


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "\n\n", "hello", "{}", "> GET / HTTP/1.1\n", "\x00", "a\nb=1\n"])
def test_other_text_is_an_error_that_says_what_is_wanted(text: str) -> None:
    assert "neither a Set-Cookie line" in explain("-", stdin=text, code=1)


def test_more_than_the_limit_is_refused_or_left_out() -> None:
    assert "larger than 4 MB" in explain("-", stdin="a" * 4_000_002, code=1)
    text = explain("-", stdin="Set-Cookie: a=1\n" * 210)
    assert "10 more Set-Cookie lines are left out: " in text
    assert "1 more Set-Cookie lines are left out" in explain("-", stdin="a=1" + "; x=y" * 50_000)
    assert "more than 50 responses" in explain("-", stdin="< HTTP/1.1 200 OK\n<\n" * 60, code=1)


def test_a_terminal_gets_no_control_characters() -> None:
    text = explain("-", stdin=b"Set-Cookie: a\x1b[31m=\x9b\xff\x00; Path=/\x07; Domain=\x1b]0;x\n")
    assert all(character.isprintable() for character in text.replace("\n", ""))
    assert printable("\u202e\x1b") == "\\u202e\\x1b"


def test_a_long_line_is_shortened_and_octets_are_decoded() -> None:
    text = explain("name=" + "x" * 5000)
    assert "more ..." in text
    assert max(map(len, text.splitlines())) < 400
    assert "\u00e4=1" in explain("-", stdin="Set-Cookie: \u00e4=1".encode())
    assert "\u00e4=1" in explain("-", stdin="Set-Cookie: \u00e4=1".encode("utf-16"))


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--date", "yesterday"), "is not a date"),
        (("--url", "example.com"), "--url: 'example.com' is not an absolute URL"),
        (("--top-level", "ftp://x"), "--top-level: "),
        (("--from", "https://"), "--from: "),
    ],
)
def test_an_option_that_is_wrong_is_named(arguments: tuple[str, str], part: str) -> None:
    result = CliRunner().invoke(cli, ["explain", "a=1", *arguments])
    assert (result.exit_code in {1, 2}, part in result.output) == (True, True), result.output


PIECES = [
    *("Set-Cookie: ", "< ", "> ", "* ", "HTTP/1.1 200 OK", "HTTP/2 302", "GET / HTTP/1.1", "GET x HTTP/2", "Host: "),
    *("Location: ", "Date: ", "Sat, 28 Nov 2026 12:00:00 GMT", "https://", "http://[", "a=1", "; Domain=", "; Path=/"),
    *(
        "\n",
        "\n\n",
        "\r\n",
        "\r",
        "\x00",
        "\xff",
        "\u00e4",
        "curl ",
        "Connected to x (1.2.3.4) port 80",
        ":",
        "CONNECT ",
    ),
    *(
        "; Expires=",
        "; Max-Age=",
        "9" * 400,
        "; SameSite=None",
        "__Host-",
        "; Partitioned",
        "example.com",
        "xn--",
        "..",
    ),
]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=30).map("".join))
def test_no_text_is_a_traceback(text: str) -> None:
    result = CliRunner().invoke(cli, ["explain", "-"], input=text.encode("utf-8", "surrogatepass"))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in {0, 1}
