"""Write a pytest file that repeats recorded requests and checks that the same comes of them."""

from __future__ import annotations

import re
import sys
import typing as t
from urllib.parse import unquote, urlsplit

from .conversations import tell, whole_url
from .hidden import is_secret_name

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from ..app import Flask
    from .conversations import Chapter
    from .records import Recording

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
# A value that another run would not repeat: a long number, or a word of digits and letters as random ones are.
_random = re.compile(r"\d{6,}|(?=[^\W_]*\d)(?=[^\W_]*[A-Za-z])[\w-]{12,}").search


class Origin(t.NamedTuple):
    """How a test gets the application.

    Attributes:
        imports: The lines that define `app`.
        is_known: Whether the application was found; otherwise the developer has to write where it is.
    """

    imports: tuple[str, ...]
    is_known: bool = True


def origin_of(app: Flask, import_path: str | None = None) -> Origin:
    """Return how a test gets an application.

    Args:
        app: The application.
        import_path: What the command line loaded it by, if it did.
    """
    module = sys.modules.get(app.import_name)
    name = next((name for name, value in vars(module).items() if value is app), None) if module else None
    if name is not None and app.import_name != "__main__" and import_path is None:
        return Origin((f"from {app.import_name} import {name}" + ("" if name == "app" else " as app"),))
    if import_path is not None:
        return Origin(("from tuile.cli import ScriptInfo", "", f"app = ScriptInfo({import_path!r}).load_app()"))
    return Origin(("from yourapplication import app  # TODO: where is your application?",), is_known=False)


class Visit(t.NamedTuple):
    """What a test does at once: a request, and the redirects that the browser follows by itself."""

    chapters: list[Chapter]

    @property
    def first(self) -> Recording:
        """The request that the test makes."""
        return self.chapters[0].found

    @property
    def last(self) -> Recording:
        """The request whose answer the test sees."""
        return self.chapters[-1].found


def write_test(recordings: Iterable[Recording], origin: Origin) -> str:
    """Return a pytest file that repeats requests in a new browser, and asserts what came of them."""
    # Told anew: the test's browser begins without any cookies.
    chapters = [one for one in tell(recordings).values() if one.found.protocol != "WebSocket"]
    return _Writer(chapters, origin).write()


class _Writer:
    """Writes one file."""

    def __init__(self, chapters: list[Chapter], origin: Origin) -> None:
        self.origin = origin
        self.visits = _visits(chapters)
        self.session_names = {name for chapter in chapters for name in chapter.found.session_names}
        self.profiles = {chapter.client: chapter.profile for chapter in chapters}
        # The names that the test's browser has got a cookie of, by client.
        self.known: dict[int, set[str]] = {client: set() for client in self.profiles}
        # The clients whose sessions began before the first chosen request: the test cannot have them.
        self.without_session: set[int] = set()

    def write(self) -> str:
        """Return the text of the file."""
        steps = [line for visit in self.visits for line in ("", *self._visit(visit))]
        text = "\n".join(steps)
        names = [name for name in ("unquote", "urlsplit") if f"{name}(" in text]
        imports = [f"from urllib.parse import {', '.join(names)}"] if names else []
        imports = (["from io import BytesIO"] if "BytesIO(" in text else []) + imports
        uses_session = "session_keys(" in text
        lines = [
            '"""Written by the Tuile inspector: the recorded requests, in a new browser."""',
            "",
            "from __future__ import annotations",
            "",
            *imports,
            *([""] if imports else []),
            *(["from tuile import session"] if uses_session else []),
            *sorted(("from tuile.testing import Browser", *(one for one in self.origin.imports if "import" in one))),
            *(one for one in self.origin.imports if "import" not in one),
            *(_SESSION_KEYS if uses_session else []),
            "",
            "",
            "def test_the_recorded_requests() -> None:",
        ]
        for client, profile in self.profiles.items():
            given = "" if profile == "chromium" else f", profile={profile!r}"
            lines.append(f"    {self._browser(client)} = Browser(app{given})")
        return "\n".join(lines + [f"    {line}" if line else "" for line in steps]) + "\n"

    def _browser(self, client: int) -> str:
        """Return the name of the variable for the browser of a client."""
        return "browser" if client == next(iter(self.profiles)) else f"browser_{client}"

    def _visit(self, visit: Visit) -> list[str]:
        """Return the lines for one visit."""
        first, client = visit.first, visit.chapters[0].client
        browser = self._browser(client)
        lines = self._earlier_cookies(visit.chapters[0], browser)
        lines += [f"# {one.found.method} {_comment(one.found.path)}: {one.found.status}" for one in visit.chapters]
        lines.append(f"response = {browser}.{_call(first)}")
        lines += _statuses(visit)
        for name, lost, value in _cookies(visit):
            lines += self._cookie(browser, client, name, lost, value)
        keys = _session_keys(visit)
        if keys is not None and client not in self.without_session and _is_visit(first) and not _goes_on(visit):
            lines.append(f"assert session_keys({browser}) == {keys}")
        return lines

    def _cookie(self, browser: str, client: int, name: str, lost: str | None, value: str | None) -> list[str]:
        if lost is not None:
            says = [f"# {_comment(lost)}."] if lost else []
            is_older = lost and name in self.known[client]
            return [*says, *([] if is_older else [f"assert {browser}.cookie({name!r}) is None"])]
        self.known[client].add(name)
        if name in self.session_names and client in self.without_session:
            return []
        found = f"{browser}.cookie({name!r})"
        if value is None or is_secret_name(name) or _random(value):
            return [f"assert {found} is not None"]
        return [f"assert (cookie := {found}) is not None and cookie.value == {value!r}"]

    def _earlier_cookies(self, chapter: Chapter, browser: str) -> list[str]:
        """Return the lines for cookies that came, and that no chosen request has set."""
        known, found = self.known[chapter.client], chapter.found
        lines = []
        for cookie in found.cookies:
            if cookie.name in known:
                continue
            known.add(cookie.name)
            if cookie.value.is_whole:
                line = f"{cookie.name}={cookie.value.text}"
                now = f"now={browser}.clock.now()"
                lines.append(f"{browser}.jar.receive({whole_url(found)!r}, [{line!r}], {now})")
            else:
                lines.append(f"# The cookie {_comment(cookie.name)} came as well. Its value was not recorded.")
            if cookie.name in found.session_names:
                self.without_session.add(chapter.client)
        return lines


_SESSION_KEYS = [
    "",
    "",
    "def session_keys(browser: Browser) -> list[str]:",
    '    """Return the keys of the session that the browser has a cookie of."""',
    "    cookie = browser.jar.cookie_header(browser.url, now=browser.clock.now())",
    '    with app.test_request_context(browser.url, headers={"Cookie": cookie}):',
    "        return sorted(session)",
]


def _visits(chapters: list[Chapter]) -> list[Visit]:
    """Group requests that follow from redirects with those that were redirected."""
    visits: list[Visit] = []
    expected: dict[int, tuple[str, list[Chapter]]] = {}
    for chapter in chapters:
        found = chapter.found
        target = expected.pop(chapter.client, None)
        here = found.path + (f"?{found.query}" if found.query else "")
        if target is not None and _target(target[0]) == here and found.method in {"GET", "HEAD"}:
            group = target[1]
            group.append(chapter)
        else:
            group = [chapter]
            visits.append(Visit(group))
        if found.status in _REDIRECTS and found.location:
            expected[chapter.client] = found.location, group
    return visits


def _target(location: str) -> str:
    parts = urlsplit(location)
    return unquote(parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _is_visit(found: Recording) -> bool:
    """Return whether a request was made by the address bar, a link or a form, and not by a script."""
    mode = found.origin_headers.get("HTTP_SEC_FETCH_MODE", "navigate")
    is_form = found.method == "POST" and "json" not in found.content_type
    return mode == "navigate" and (found.method == "GET" or is_form)


def _goes_on(visit: Visit) -> bool:
    """Return whether the browser follows a redirect whose request was not chosen."""
    return visit.last.status in _REDIRECTS and bool(visit.last.location)


def _statuses(visit: Visit) -> list[str]:
    last = visit.last
    statuses = [one.found.status for one in visit.chapters[:-1]]
    path = urlsplit(last.location).path
    if _goes_on(visit):
        statuses.append(last.status)
        where = f"response.history[{len(statuses) - 1}].headers['Location']"
        return [
            f"assert [one.status_code for one in response.history][:{len(statuses)}] == {statuses}",
            f"assert urlsplit({where}).path == {path!r}",
        ]
    lines = []
    if statuses:
        lines.append(f"assert [one.status_code for one in response.history] == {statuses}")
        lines.append(f"assert unquote(urlsplit(response.url).path) == {last.path!r}")
    # The test's browser has no cache.
    lines.append(f"assert response.status_code {'in {200, 304}' if last.status == 304 else f'== {last.status}'}")
    return lines


def _comment(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:160]


def _call(found: Recording) -> str:
    url = repr(whole_url(found))
    if _is_visit(found):
        return f"visit({url})" if found.method == "GET" else f"submit({url}, {_form(found)})"
    given = [url] if found.method == "GET" else [url, f"method={found.method!r}"]
    headers = {}
    if found.json is not None:
        given.append(f"data={found.json!r}")
        headers["Content-Type"] = found.content_type
    elif found.form or found.files:
        given.append(f"data={_form(found)}")
    if found.origin_headers.get("HTTP_X_REQUESTED_WITH"):
        headers["X-Requested-With"] = found.origin_headers["HTTP_X_REQUESTED_WITH"]
    given += [f"headers={headers}"] if headers else []
    return f"fetch({', '.join(given)})"


def _form(found: Recording) -> str:
    fields: dict[str, list[str]] = {}
    for name, value in found.form or ():
        fields.setdefault(name, []).append(value)
    written = [f"{name!r}: {(values if values[1:] else values[0])!r}" for name, values in fields.items()]
    written += [f"{name!r}: (BytesIO(b'content'), {filename!r})" for name, filename in found.files]
    return "{" + ", ".join(written) + "}"


def _cookies(visit: Visit) -> list[tuple[str, str | None, str | None]]:
    """Return the cookies that a visit sets: name, why it is not there (empty: deleted) or None, value if known."""
    last: dict[str, tuple[str, str | None, str | None]] = {}
    for chapter in visit.chapters:
        for fate in chapter.fates:
            name, verdict = fate.line.name, fate.verdicts.get(chapter.profile)
            if verdict is None or not name:
                continue
            if verdict.kept:
                last[name] = name, None, fate.line.value.text if fate.line.value.is_whole else None
            else:
                last[name] = name, "" if fate.deletes(chapter.profile) else verdict.reason, None
    return list(last.values())


def _session_keys(visit: Visit) -> list[str] | None:
    """Return the keys of the session after a visit; None if it was not opened, or its cookie was dropped."""
    for chapter in reversed(visit.chapters):
        found = chapter.found
        fates = [fate for fate in chapter.fates if fate.line.name in found.session_names]
        if any(fate.deletes(chapter.profile) for fate in fates):
            return []
        if not all(fate.stored(chapter.profile) for fate in fates):
            return None
        for snapshot in reversed(found.snapshots):
            if snapshot.session is not None:
                return sorted(snapshot.session)
    return None
