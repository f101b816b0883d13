"""The inspector's pages: who may see them, that nothing in them runs, and the tests that they write."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from html.parser import HTMLParser
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from werkzeug.test import create_environ, run_wsgi_app

from tests.inspector.traps import make_app
from tuile import Flask, Response, make_response
from tuile.inspector.generated_tests import Origin, origin_of, write_test
from tuile.inspector.recorder import Recorder
from tuile.inspector.records import Ring
from tuile.inspector.server import Inspector
from tuile.inspector.site import Site
from tuile.proving.har import read_har
from tuile.testing import Browser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPResponse
    from pathlib import Path

TOKEN = "the-token-of-a-test"
PORT = "8125"
OWN = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": f"127.0.0.1:{PORT}", "SERVER_PORT": PORT}


class Page:
    """One answer of the site."""

    def __init__(self, site: Site, path: str, method: str = "GET", **environ: str) -> None:
        given = create_environ(path, method=method)
        given.update({**OWN, **environ})
        body, status, self.headers = run_wsgi_app(site, given, buffered=True)
        self.status = int(status[:3])
        self.text = b"".join(body).decode()


@pytest.fixture
def site() -> Site:
    app, ring = make_app(), Ring()
    recorder = Recorder(app, ring)
    browser = Browser(app)
    for path in ("set", "", "api", "missing", "traps", ""):
        browser.visit(f"http://127.0.0.1:5000/{path}")
    browser.submit("http://127.0.0.1:5000/login", {"name": "Ada", "password": "swordfish"})
    browser.fetch("http://127.0.0.1:5000/json", method="POST", json={"n": 1})
    recorder.close()
    return Site(app, ring, TOKEN, Origin(("from tests.inspector.traps import app",)))


PAGES = ["", "requests/1", "requests/1.txt", "requests/6", "cookies", "cookies/1/theme", "cookies/1/theme.txt", "costs"]
PAGES += ["requests.har", "requests/1.json", "costs.txt", "style.css", "live.js", "test?request=1&request=2"]


@pytest.mark.parametrize("path", PAGES)
def test_each_page_is_there_and_protected(site: Site, path: str) -> None:
    page = Page(site, f"/{TOKEN}/{path}")
    assert page.status == 200
    assert page.text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert Page(site, f"/{TOKEN}/{path}", REMOTE_ADDR="192.0.2.1").status == 403
    assert Page(site, f"/another-token/{path}").status == 403
    assert Page(site, f"/{path}").status == 403


@pytest.mark.parametrize(
    "environ",
    [
        {"REMOTE_ADDR": "10.0.0.1"},
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": "not an address"},
        {"HTTP_HOST": f"evil.example:{PORT}"},
        {"HTTP_HOST": "127.0.0.1"},
        {"HTTP_HOST": f"127.0.0.1:{PORT}.evil.example"},
        {"HTTP_HOST": ""},
        {"HTTP_ORIGIN": "http://evil.example"},
        {"HTTP_ORIGIN": "http://["},
        {"HTTP_ORIGIN": "http://[evil]"},
        {"HTTP_ORIGIN": "null"},
        {"HTTP_ORIGIN": "http://127.0.0.1:5000"},
        {"HTTP_ORIGIN": f"https://127.0.0.1:{PORT}"},
        {"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_SEC_FETCH_MODE": "no-cors"},
        {"HTTP_SEC_FETCH_SITE": "same-site", "HTTP_SEC_FETCH_MODE": "cors"},
        {"PATH_INFO": ""},
        {"PATH_INFO": "/"},
        {"PATH_INFO": f"//{TOKEN}/"},
        {"PATH_INFO": f"/{TOKEN}\xff/"},
        {"PATH_INFO": f"/{TOKEN[:-1]}/"},
    ],
)
def test_others_get_a_403_that_shows_nothing(site: Site, environ: dict[str, str]) -> None:
    page = Page(site, f"/{TOKEN}/", **environ)
    assert page.status == 403
    assert "swordfish" not in page.text
    assert TOKEN not in page.text


def test_its_own_origin_and_a_visit_are_let_in(site: Site) -> None:
    assert Page(site, f"/{TOKEN}/", HTTP_ORIGIN=f"http://127.0.0.1:{PORT}").status == 200
    visit = {"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_SEC_FETCH_MODE": "navigate"}
    assert Page(site, f"/{TOKEN}/", **visit).status == 200
    assert Page(site, f"/{TOKEN}/", REMOTE_ADDR="::1", HTTP_HOST=f"[::1]:{PORT}").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "requests/99",
        "requests/",
        "requests/x",
        "requests/" + "9" * 5000,
        "requests/-1",
        "cookies/1",
        "cookies/x/y",
        "../../etc/passwd",
        "static/style.css",
        "templates/base.html",
        "test/1",
        "\x00",
    ],
)
def test_what_is_not_there_is_a_404(site: Site, path: str) -> None:
    assert Page(site, "/", PATH_INFO=f"/{TOKEN}/{path}").status == 404


def test_a_test_of_no_requests_is_a_400(site: Site) -> None:
    for query in ("", "request=", "request=99", "request=" + "9" * 5000, "request=x"):
        assert Page(site, f"/{TOKEN}/test", QUERY_STRING=query).status == 400


def test_only_emptying_the_ring_is_a_post(site: Site) -> None:
    assert Page(site, f"/{TOKEN}/", method="POST").status == 405
    assert Page(site, f"/{TOKEN}/clear").status == 404
    assert Page(site, f"/{TOKEN}/clear", method="POST", HTTP_ORIGIN="http://evil.example").status == 403
    assert site.ring.all()
    assert Page(site, f"/{TOKEN}/clear", method="POST").status == 303
    assert site.ring.all() == []
    assert "No requests yet" in Page(site, f"/{TOKEN}/").text


class Tags(HTMLParser):
    """Collects the tags of a page and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)


def test_html_in_names_and_values_is_shown_as_text(site: Site) -> None:
    app, ring = Flask(__name__), Ring()
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"

    @app.get("/<path:anything>")
    def view(anything: str) -> Response:
        response = make_response(evil)
        response.headers._list.append(("Set-Cookie", f'{evil}={evil}"; Path=/'))
        response.headers._list.append(("Location", evil.replace(" ", "")))
        return response

    recorder = Recorder(app, ring)
    for _ in range(2):
        environ = create_environ("/x")
        environ.update({"PATH_INFO": f"/{evil}", "QUERY_STRING": evil, "HTTP_COOKIE": f"{evil}={evil}; a\"b='c'"})
        environ.update({"HTTP_USER_AGENT": evil, "HTTP_ORIGIN": evil, "HTTP_HOST": "127.0.0.1:5000"})
        run_wsgi_app(app, environ, buffered=True)
    recorder.close()
    own = Site(app, ring, TOKEN, Origin(("from app import app",)))
    known = Tags(Page(site, f"/{TOKEN}/requests/6").text)
    for path in ("", "requests/1", "requests/2", "cookies", "costs", f"cookies/1/{evil}"):
        page = Page(own, "/", PATH_INFO=f"/{TOKEN}/{path}")
        assert page.status == 200
        found = Tags(page.text)
        assert "img" not in found.tags
        assert page.text.count("<script") == 1
        assert found.attributes <= known.attributes | {"id"}


def test_typed_passwords_are_not_shown(site: Site) -> None:
    login = next(found for found in site.ring.all() if found.path == "/login")
    page = Page(site, f"/{TOKEN}/requests/{login.id}")
    assert "swordfish" not in page.text
    assert "Ada" in page.text


def test_the_test_of_a_flow_runs_as_it_is(site: Site, tmp_path: Path) -> None:
    query = "&".join(f"request={found.id}" for found in site.ring.all())
    text = Page(site, f"/{TOKEN}/test", QUERY_STRING=query).text
    assert "session_keys(browser) == ['name']" in text
    assert "[one.status_code for one in response.history] == [302]" in text
    assert "assert browser.cookie('cart') is None" in text
    run_generated(text, tmp_path)


def test_the_test_of_a_part_of_a_flow_runs_as_it_is(site: Site, tmp_path: Path) -> None:
    ids = [found.id for found in site.ring.all()]
    for chosen in (ids[1:3], ids[4:], ids[-2:-1], ids[-1:]):
        recordings = [found for found in site.ring.all() if found.id in chosen]
        run_generated(write_test(recordings, site.origin), tmp_path)


def run_generated(text: str, folder: Path) -> None:
    """Run a generated file in a process of its own; a failure shows it."""
    file = folder / "test_generated.py"
    file.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(file)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=None)
    assert result.returncode == 0, f"{text}\n{result.stdout}"


def test_a_generated_test_fails_if_the_application_answers_otherwise(site: Site, tmp_path: Path) -> None:
    recordings = [found for found in site.ring.all() if found.path == "/set"]
    text = write_test(recordings, site.origin).replace("'light'", "'dark'")
    with pytest.raises(AssertionError, match="light"):
        run_generated(text, tmp_path)


def test_hostile_text_in_a_generated_test_stays_text() -> None:
    app, ring = Flask(__name__), Ring()
    recorder = Recorder(app, ring)
    evil = '"""\n    raise SystemExit\n\'; import os #\\'
    environ = create_environ("/", method="POST", data={evil: evil})
    environ.update({"PATH_INFO": f"/{evil}", "QUERY_STRING": evil, "HTTP_COOKIE": f"{evil}=1; b={evil}"})
    run_wsgi_app(app, environ, buffered=True)
    recorder.close()
    text = write_test(ring.all(), Origin(("from app import app",)))
    compile(text, "generated", "exec")
    assert "\n    raise SystemExit" not in text


def test_a_har_file_of_a_flow_can_be_replayed(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "recorded.har"
    file.write_text(Page(site, f"/{TOKEN}/requests.har").text, encoding="utf-8")
    replayed = read_har(str(file))
    assert [(one.method, urlsplit(one.url).path) for one in replayed.requests] == [
        (found.method, found.path) for found in site.ring.all()
    ]
    login = next(one for one in replayed.requests if one.method == "POST")
    assert login.body == b"name=Ada&password=swordfish"
    assert replayed.host == "127.0.0.1:5000"
    chosen = json.loads(Page(site, f"/{TOKEN}/requests.har", QUERY_STRING="request=2").text)
    assert len(chosen["log"]["entries"]) == 1


def test_an_application_is_found_by_its_module() -> None:
    from tests.tutorials.programs.hello_alice import app  # noqa: PLC0415 - it is found by its module

    assert origin_of(app).imports == ("from tests.tutorials.programs.hello_alice import app",)
    assert origin_of(app, "hello.py").imports[-1] == "app = ScriptInfo('hello.py').load_app()"
    assert not origin_of(Flask("nowhere_to_be_found")).is_known


@contextmanager
def fetched(url: str) -> Iterator[HTTPResponse]:
    """Request a URL of the inspector's server."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=120)
    try:
        connection.request("GET", parts.path)
        yield connection.getresponse()
    finally:
        connection.close()


def test_it_is_served_on_a_port_of_this_machine() -> None:
    app = make_app()
    with Inspector(app) as inspector:
        app.test_client().get("/set")
        assert inspector.address.startswith("http://127.0.0.1:")
        with fetched(f"{inspector.address}requests/1.txt") as answer:
            assert b"GET /set" in answer.read()
        with fetched(f"{inspector.address[:-3]}/") as answer:
            assert answer.status == 403
    assert app.plan.fast


def test_the_page_is_told_of_new_requests() -> None:
    app = make_app()
    with Inspector(app) as inspector, fetched(f"{inspector.address}events") as events:
        assert events.getheader("Content-Type") == "text/event-stream"
        assert [events.readline(), events.readline()] == [b"retry: 2000\n", b"\n"]
        app.test_client().get("/set")
        lines = iter(events.readline, b"")
        assert next(line for line in lines if line.startswith(b"data: "))
