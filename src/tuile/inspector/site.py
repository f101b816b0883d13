"""The inspector's pages: a WSGI application that only this machine can read, with the token of its address.

It refuses every request from elsewhere, with another Host (DNS rebinding), with a foreign Origin or with another token.
It runs nothing, and writes nothing but the ring that it may empty.
"""

from __future__ import annotations

import hmac
import json
import threading
import typing as t
from http import HTTPStatus
from importlib.resources import files
from ipaddress import ip_address
from urllib.parse import parse_qs, quote

from .conversations import tell
from .costs import summarise
from .generated_tests import write_test
from .har import write_har
from .records import KINDS
from .stories import names_of, story_of
from .tables import as_data, sheet_of, summary_of
from .text import write_costs, write_sheet, write_story

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from jinja2 import Environment

    from ..app import Flask
    from .conversations import Chapter
    from .generated_tests import Origin
    from .records import Recording, Ring

_PACKAGE = __name__.rpartition(".")[0]
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    # Not "no-referrer", with which a browser sends the page's own form with `Origin: null`.
    ("Referrer-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]
_STATIC = {"style.css": "text/css", "live.js": "text/javascript"}
_MOST_STREAMS = 40
_HEARTBEAT_S = 5.0


class Page(t.NamedTuple):
    """An answer: its text, its media type, its status, and where else to go."""

    text: str
    kind: str = "text/html"
    status: int = 200
    location: str = ""


class Site:
    """The pages about the requests of an application.

    Args:
        app: The application.
        ring: Its requests.
        token: The secret part of the address.
        origin: How a test finds the application.
    """

    def __init__(self, app: Flask, ring: Ring, token: str, origin: Origin) -> None:
        self.app = app
        self.ring = ring
        self.token = token
        self.origin = origin
        self.is_closed = False
        self._streams = threading.BoundedSemaphore(_MOST_STREAMS)
        self._told: tuple[int, dict[int, Chapter]] = (-1, {})

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request of the developer's browser."""
        refusal = refusal_of(environ, self.token)
        if refusal:
            return _send(start_response, Page(f"{refusal}\n", "text/plain", 403))
        path = environ.get("PATH_INFO", "").split("/", 2)[2] if environ.get("PATH_INFO", "").count("/") > 1 else ""
        if path == "events":
            return self._events(start_response)
        if path == "clear" and environ["REQUEST_METHOD"] == "POST":
            self.ring.clear()
            return _send(start_response, Page("", status=303, location=f"/{self.token}/"))
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return _send(start_response, Page("Only GET and HEAD.\n", "text/plain", 405))
        page = self._page(path, environ.get("QUERY_STRING", ""))
        return _send(start_response, page or Page(f"{_missing(path)}\n", "text/plain", 404))

    def _page(self, path: str, query: str) -> Page | None:
        if path in _STATIC:
            return Page((files(_PACKAGE) / "static" / path).read_text("utf-8"), _STATIC[path])
        if path == "":
            return self._render("welcome.html")
        if path.startswith("requests/"):
            return self._request(path.removeprefix("requests/"))
        if path == "cookies":
            return self._render("cookies.html", names=names_of(self.chapters().values()))
        if path.startswith("cookies/"):
            return self._story(path.removeprefix("cookies/"))
        if path == "costs":
            return self._render("costs.html", costs=summarise(self.ring.all()), kinds=KINDS)
        if path == "costs.txt":
            return Page(write_costs(self.ring.all()), "text/plain")
        if path == "requests.har":
            return Page(write_har(self._chosen(query) or self.ring.all()), "application/json")
        return self._test(query) if path == "test" else None

    def _chosen(self, query: str) -> list[Recording]:
        chosen = {int(one) for one in parse_qs(query).get("request", ()) if one.isdecimal() and len(one) < 12}
        return [found for found in self.ring.all() if found.id in chosen]

    def chapters(self) -> dict[int, Chapter]:
        """Return what there is to say about each request, by its id."""
        version = self.ring.version
        if self._told[0] != version:
            self._told = version, tell(self.ring.all(), self.app.config)
        return self._told[1]

    def _request(self, name: str) -> Page | None:
        number = name.removesuffix(".txt").removesuffix(".json")
        chapter = self.chapters().get(int(number)) if number.isdecimal() and len(number) < 12 else None
        if chapter is None:
            return None
        sheet = sheet_of(chapter)
        if name.endswith(".txt"):
            return Page(write_sheet(sheet), "text/plain")
        if name.endswith(".json"):
            return Page(json.dumps(as_data(sheet), indent=2), "application/json")
        return self._render("request.html", chosen=sheet.id, sheet=sheet, client=chapter.client)

    def _story(self, path: str) -> Page | None:
        client, _, name = path.partition("/")
        if not (client.isdecimal() and len(client) < 12 and name):
            return None
        name = name.encode("latin-1").decode("utf-8", "replace")
        is_text = name.endswith(".txt") and (int(client), name) not in names_of(self.chapters().values())
        story = story_of(self.chapters().values(), name.removesuffix(".txt") if is_text else name, int(client))
        return Page(write_story(story), "text/plain") if is_text else self._render("story.html", story=story)

    def _test(self, query: str) -> Page:
        recordings = self._chosen(query)
        if not recordings:
            text = "No requests were chosen. Tick some in the list, then press 'Make a test'.\n"
            return Page(text, "text/plain", 400)
        return Page(write_test(recordings, self.origin), "text/plain")

    def _render(self, template: str, chosen: int | None = None, **values: object) -> Page:
        chapters = self.chapters()
        entries = [
            {
                "id": number,
                "method": chapter.found.method,
                "path": chapter.found.path + (f"?{chapter.found.query}" if chapter.found.query else ""),
                "status": chapter.found.status,
                "what": summary_of(chapter.found).partition(", ")[2],
                "lost": _lost(chapter),
                "is_asset": _is_asset(chapter),
            }
            for number, chapter in sorted(chapters.items(), reverse=True)
        ]
        text = (
            _environment()
            .get_template(template)
            .render(
                root=f"/{self.token}/",
                app_name=self.app.name,
                entries=entries,
                chosen=chosen,
                most=self.ring.most,
                kept=self.ring.bytes_kept() // 1000,
                **values,
            )
        )
        return Page(text)

    def _events(self, start_response: StartResponse) -> Iterable[bytes]:
        """Tell the page when there are new requests, as server-sent events."""
        if not self._streams.acquire(blocking=False):
            return _send(start_response, Page("Too many pages are open.\n", "text/plain", 503))
        start_response("200 OK", [("Content-Type", "text/event-stream"), *_HEADERS])
        return self._messages()

    def _messages(self) -> Iterator[bytes]:
        try:
            version = self.ring.version
            yield b"retry: 2000\n\n"
            while not self.is_closed:
                now = self.ring.wait(version, _HEARTBEAT_S)
                yield b": still here\n\n" if now == version else f"data: {now}\n\n".encode()
                version = now
        finally:
            self._streams.release()

    def close(self) -> None:
        """End the streams of events."""
        self.is_closed = True
        self.ring.changed()


def refusal_of(environ: WSGIEnvironment, token: str) -> str:
    """Return why a request is refused; empty if it is not."""
    try:
        is_local = ip_address(environ.get("REMOTE_ADDR", "").partition("%")[0]).is_loopback
    except ValueError:
        is_local = False
    if not is_local:
        return "Only this machine can see the inspector."
    port = environ.get("SERVER_PORT", "")
    hosts = {f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"}
    if environ.get("HTTP_HOST") not in hosts:
        return "The Host header is not the inspector's own."
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and origin != f"http://{environ['HTTP_HOST']}":
        return "The request comes from another origin."
    is_visit = environ.get("HTTP_SEC_FETCH_MODE") == "navigate" and environ["REQUEST_METHOD"] == "GET"
    if environ.get("HTTP_SEC_FETCH_SITE", "none") not in {"none", "same-origin"} and not is_visit:
        return "The request comes from another site."
    given = environ.get("PATH_INFO", "").split("/", 2)[1:2] or [""]
    if not hmac.compare_digest(given[0].encode("utf-8", "surrogatepass"), token.encode()):
        return "The address needs the token that was printed when the server started."
    return ""


def _lost(chapter: Chapter) -> int:
    """Return how many cookies of a response were dropped."""
    return sum(
        not fate.stored(chapter.profile) and not fate.deletes(chapter.profile)
        for fate in chapter.fates
        if fate.verdicts
    )


def _missing(path: str) -> str:
    if path.startswith("requests/"):
        return "There is no such request: it was not recorded, or it is no longer among the last ones."
    return "There is no such page."


def _is_asset(chapter: Chapter) -> bool:
    """Return whether a request is of a page's parts, such as its style, and does nothing with cookies."""
    part = chapter.found.origin_headers.get("HTTP_SEC_FETCH_DEST", "document")
    return part in {"image", "style", "script", "font"} and not (chapter.found.events or chapter.fates)


def _send(start_response: StartResponse, page: Page) -> list[bytes]:
    body = page.text.encode("utf-8", "replace")
    status = HTTPStatus(page.status)
    headers = [("Content-Type", f"{page.kind}; charset=utf-8"), ("Content-Length", str(len(body))), *_HEADERS]
    if page.location:
        headers.append(("Location", page.location))
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]


_made: Environment | None = None


def _environment() -> Environment:
    global _made  # noqa: PLW0603 - made once
    if _made is None:
        from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - for the first page

        _made = Environment(
            loader=PackageLoader(_PACKAGE), autoescape=True, trim_blocks=True, undefined=StrictUndefined
        )
        _made.filters["quoted"] = lambda name: quote(str(name), safe="")
        _made.filters["sentence"] = lambda text: f"{text[:1].upper()}{text[1:]}."
    return _made
