"""The board in a real Chromium: its EventSource reads what `sse` sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from examples.events import app as example
from tuile import Flask, Response, ServerSentEvent, request, sse

if TYPE_CHECKING:
    from tests.browser.conftest import NewContext, Serve


def test_two_windows_show_what_one_of_them_writes(new_context: NewContext, serve: Serve) -> None:
    base = serve(example.app)
    windows = [new_context().new_page() for _ in range(2)]
    for window in windows:
        window.goto(base)
        window.get_by_text("Connected.").wait_for()
    text = "Grüße <b>to</b> all 😀"
    windows[0].get_by_label("Message").fill(text)
    windows[0].get_by_role("button", name="Write").click()
    for window in windows:
        window.locator("li").first.wait_for()
        assert window.locator("li").first.inner_text() == text
        window.close()


def test_chromium_gets_names_ids_lines_and_comes_back_with_the_last_id(new_context: NewContext, serve: Serve) -> None:
    app = Flask(__name__)
    came: list[str | None] = []

    @app.get("/")
    def index() -> str:
        return (
            "<p id=out></p><script>const got = [], s = new EventSource('/events');"
            "const add = (e) => { got.push([e.type, e.data, e.lastEventId]);"
            " document.getElementById('out').textContent = JSON.stringify(got); };"
            "s.onmessage = add; s.addEventListener('price', add);</script>"
        )

    @app.get("/events")
    def events() -> Response:
        came.append(request.last_event_id)
        if len(came) > 1:
            return Response(status=204)
        return sse(
            iter(
                [
                    ServerSentEvent("one\r\ntwo\n\n three: é\u2028", id="é1", retry=10),
                    {"a": [1, None]},
                    ServerSentEvent("", event="price", comment="data: not this"),
                    ServerSentEvent(id="last"),
                ]
            )
        )

    page = new_context().new_page()
    page.goto(serve(app))
    page.wait_for_function("got.length === 3")
    assert page.evaluate("got") == [
        ["message", "one\ntwo\n\n three: é\u2028", "é1"],
        ["message", '{"a": [1, null]}', "é1"],
        ["price", "", "é1"],
    ]
    page.wait_for_function("s.readyState === EventSource.CLOSED")
    assert came == [None, "last"]
