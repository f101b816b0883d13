"""Any text in headers, cookies and forms is recorded, told, shown and written into a test without an error."""

from __future__ import annotations

import ast

from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import create_environ, run_wsgi_app

from tuile import Flask, Response, request
from tuile.inspector import watching
from tuile.inspector.conversations import tell
from tuile.inspector.generated_tests import Origin, write_test
from tuile.inspector.har import write_har
from tuile.inspector.recorder import Recorder
from tuile.inspector.records import Ring
from tuile.inspector.site import Site
from tuile.inspector.stories import names_of, story_of
from tuile.inspector.tables import sheet_of
from tuile.inspector.text import write_costs, write_sheet, write_story

# As WSGI passes headers: one character per octet. Servers refuse line breaks.
octets = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=60)
pieces = st.sampled_from(
    ["a", "=", ";", " ", '"', "\\", "__Host-", "Secure", "Path=/", "Domain=", "SameSite=None", "Max-Age=0", "\xe4", ","]
)
lines = st.one_of(octets, st.lists(pieces, max_size=12).map("".join))
# Also what no server should pass.
hosts = st.one_of(st.sampled_from(["127.0.0.1:5000", "shop.example", "[::1]:80"]), octets)
ORIGIN = Origin(("from app import app",))
ADDRESS = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "127.0.0.1:8125", "SERVER_PORT": "8125"}


def make_app(set_cookies: list[str], location: str) -> Flask:
    app = Flask(__name__)

    @app.route("/", methods=["GET", "POST"])
    def view() -> Response:
        sorted(request.cookies.items())
        request.cookies.get("a")
        sorted(request.form)
        response = Response("", 302 if location else 200)
        response.headers._list.extend(("Set-Cookie", line) for line in set_cookies)
        if location:
            response.headers._list.append(("Location", location))
        return response

    return app


@settings(max_examples=150)
@given(
    set_cookies=st.lists(lines, max_size=4),
    cookie=lines,
    host=hosts,
    query=octets,
    agent=octets,
    origin=octets,
    location=st.one_of(st.just(""), octets),
    form=st.one_of(st.none(), st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3)),
)
def test_any_request_can_be_shown(
    set_cookies: list[str],
    cookie: str,
    host: str,
    query: str,
    agent: str,
    origin: str,
    location: str,
    form: dict[str, str] | None,
) -> None:
    watching._reported.clear()
    app, ring = make_app(set_cookies, location), Ring()
    recorder = Recorder(app, ring)
    site = Site(app, ring, "token", ORIGIN)
    try:
        for sent in (cookie, "a=1"):
            environ = create_environ("/", method="GET" if form is None else "POST", data=form)
            environ.update({"HTTP_COOKIE": sent, "HTTP_HOST": host, "QUERY_STRING": query, "HTTP_USER_AGENT": agent})
            environ.update({"HTTP_ORIGIN": origin, "HTTP_REFERER": origin, "HTTP_SEC_FETCH_SITE": "cross-site"})
            run_wsgi_app(app, environ, buffered=True)
    finally:
        recorder.close()
    # What goes wrong while recording is only logged.
    assert watching._reported == set()
    chapters = tell(ring.all(), app.config)
    assert len(chapters) == 2
    for chapter in chapters.values():
        assert all(c.isprintable() or c == "\n" for c in write_sheet(sheet_of(chapter)))
    for client, name in names_of(chapters.values()):
        write_story(story_of(chapters.values(), name, client))
    ast.parse(write_test(ring.all(), ORIGIN))
    write_har(ring.all())
    write_costs(ring.all())
    for path in ("", "requests/1", "requests/2", "requests/2.json", "cookies", "costs"):
        given_environ = {**create_environ(f"/token/{path}"), **ADDRESS}
        _, status, _ = run_wsgi_app(site, given_environ, buffered=True)
        assert status == "200 OK"
