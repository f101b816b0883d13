"""Run conformance cases in a real Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.browser.conftest import CHROMIUM_FLAGS, PATIENCE_MS
from tests.browser.cookie_server import Answer
from tests.conformance.cases import expand, expected

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Frame, Page

    from tests.browser.cookie_server import CookieServer
    from tests.conformance.cases import Case

# Every host is this machine, and nobody's certificate is good enough.
CHROMIUM = [*CHROMIUM_FLAGS, "--host-resolver-rules=MAP * 127.0.0.1", "--ignore-certificate-errors"]
HOPS = 18  # Chromium follows 20 redirects


def octets(text: str) -> bytes:
    """Encode text as it is sent: one octet per character, or UTF-8 if a character is not an octet."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def expected_octets(text: str) -> str:
    """Return the text as the server receives it."""
    return octets(text).decode("latin-1")


def play_batch(page: Page, server: CookieServer, chain: list[tuple[str, Answer]]) -> None:
    """Visit URLs one after the other by redirects, so that one navigation covers many of them."""
    urls = [server.add(url, answer) for url, answer in chain]
    for number, (_, answer) in enumerate(chain[:-1]):
        if (number + 1) % HOPS:
            answer.status, answer.location = 302, urls[number + 1]
    for number in range(0, len(chain), HOPS):
        page.goto(urls[number])
    assert all(answer.cookie is not None for _, answer in chain)


def is_simple(case: Case) -> bool:
    """Return whether the case fits into a batch: only plain HTTP visits to hosts that no other case uses."""
    for op in case["ops"]:
        url = op.get("set") or op.get("get")
        if url is None or set(op) & {"api", "context", "method", "status"} or has_line_ends(op):
            return False
        if not (urlsplit(url).hostname or "").endswith("example.test"):
            return False
    return True


def has_line_ends(op: dict[str, Any]) -> bool:
    """Return whether a line contains characters that HTTP messages cannot contain."""
    return any(character in line for line in op.get("lines", ()) for character in "\0\r\n")


class Driver:
    """Run one case in its own browser context: each op is a navigation, a fetch or a script."""

    def __init__(self, context: BrowserContext, server: CookieServer) -> None:
        context.set_default_timeout(PATIENCE_MS)
        self.page = context.new_page()
        self.server = server

    @staticmethod
    def can_play(case: Case) -> bool:
        """Return whether the case does not depend on time and a page can cause everything in it."""
        return all(
            ("set" in op or "get" in op)
            and op.get("method", "GET") in {"GET", "POST"}
            and op.get("status", 200) >= 200
            and not has_line_ends(op)
            and not (op.get("api") == "script" and "\0" in str(op))
            for op in case["ops"]
        )

    def play(self, case: Case) -> list[tuple[str, str]]:
        """Return what Chromium sent, where the case expects something else."""
        different = []
        for op in case["ops"]:
            if "set" in op:
                self._do(op, expand(op["set"]), tuple(octets(expand(line)) for line in op["lines"]))
            else:
                sent = self._do(op, expand(op["get"]), ())
                expect = expected(op, "chromium")
                if sent != (expect if op.get("api") == "script" else expected_octets(expect)):
                    different.append((expect, sent))
        return different

    def _do(self, op: dict[str, Any], url: str, lines: tuple[bytes, ...]) -> str:
        """Perform one op and return the cookies that were sent or that the script saw."""
        script = op.get("api") == "script"
        answer = Answer(lines=() if script else lines, status=op.get("status", 200))
        if answer.status == 302:
            answer.location = self.server.at(url)
        address = self.server.add(url, answer)
        context = op.get("context", {})
        if "top_level_site" in context:
            return self._within(context, address, answer, lines if script else None)
        self._navigate(context, address, op.get("method", "GET"))
        if script:
            return self._script(self.page, lines)
        assert answer.cookie is not None
        return answer.cookie

    def _navigate(self, context: dict[str, Any], address: str, method: str) -> None:
        """Navigate the address bar, as if typed or from the open page."""
        for redirect in reversed(context.get("redirects", ())):
            address = self.server.add(redirect, Answer(status=302, location=address))
        if "initiator" not in context:
            self.page.goto(address)
            return
        initiator = context["initiator"]
        self.page.goto("data:text/html,page" if initiator == "null" else self.server.at(initiator))
        with self.page.expect_navigation():
            self.page.evaluate(
                """([address, method]) => {
                    const form = document.createElement("form");
                    form.action = address; form.method = method;
                    if (method === "GET") { location.href = address; return; }
                    document.body.append(form); form.submit();
                }""",
                [address, method],
            )

    def _within(self, context: dict[str, Any], address: str, answer: Answer, script: tuple[bytes, ...] | None) -> str:
        """Send a request from within a page: by a fetch, or by a frame with a script."""
        self.page.goto(self.server.at(context["top_level_site"]))
        frame = self.page.main_frame
        if "initiator" in context:
            frame = self._frame(frame, self.server.at(context["initiator"]))
        if context.get("cross_site_ancestor"):
            if "initiator" not in context:
                frame = self._frame(frame, self.server.at("https://between.test/"))
            # The frame's own request is already one with another site in between.
            self._frame(frame, address)
        elif script is not None:
            return self._script(self._frame(frame, address), script)
        else:
            frame.evaluate(
                "address => fetch(address, {mode: 'no-cors', credentials: 'include'}).then(() => 0)", address
            )
        assert answer.cookie is not None
        return answer.cookie

    def _frame(self, parent: Frame, address: str) -> Frame:
        element = parent.evaluate_handle(
            """address => new Promise(done => {
                const frame = document.createElement("iframe");
                frame.onload = () => done(frame);
                frame.src = address; document.body.append(frame);
            })""",
            address,
        ).as_element()
        assert element is not None
        frame = element.content_frame()
        assert frame is not None
        return frame

    def _script(self, page: Page | Frame, lines: tuple[bytes, ...]) -> str:
        """Set cookies in a script of the page and return what it sees."""
        seen: str = page.evaluate(
            "lines => { for (const line of lines) document.cookie = line; return document.cookie; }",
            [line.decode() for line in lines],
        )
        return seen
