"""The signed session, by what is in it and what is done with it."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from typing import Any

from markupsafe import Markup

from benchmarks.breadth.registry import Subject, ask, f
from benchmarks.content import SECRET_KEY


def _words(count: int) -> dict[str, str]:
    return {f"key{number}": hashlib.sha256(str(number).encode()).hexdigest()[:40] for number in range(count)}


# What each login puts in.
_STARTS: dict[str, dict[str, Any]] = {
    "small": {"user": "ada", "count": 1},
    "tagged": {
        "user": "ada",
        "count": 1,
        "at": dt.datetime(2026, 1, 2, tzinfo=dt.timezone.utc),
        "id": uuid.UUID("12345678-1234-5678-1234-567812345678"),
        "pair": (1, 2),
        "html": Markup("<b>"),
        "bytes": b"abc",
    },
    "1 KB": {"user": "ada", "count": 1, **_words(16)},
    "3.5 KB": {"user": "ada", "count": 1, **_words(55)},
    "cart": {"user": "ada", "count": 1, "cart": [{"id": n, "quantity": 1, "price": 9.99} for n in range(10)]},
    "text of 2 KB": {"user": "ada", "count": 1, "text": "lorem ipsum " * 170},
}


def _register(app: Any) -> None:
    @app.get("/login/<kind>")  # type: ignore[untyped-decorator]
    def login(kind: str) -> Any:
        f.session.update(_STARTS[kind])
        return "welcome"


SUBJECT = Subject("sessions", _register, SECRET_KEY=SECRET_KEY)
view = SUBJECT.view


def _login(kind: str) -> Any:
    return ask("/login/" + kind.replace(" ", "%20"))


def _read() -> Any:
    return f.session["user"]


def _write() -> Any:
    f.session["count"] += 1
    return f"{f.session['user']} {f.session['count']}"


for _kind in _STARTS:
    view(f"{_kind}, read", login=_login(_kind))(_read)
    view(f"{_kind}, read and written", login=_login(_kind))(_write)

view("permanent, read", login=_login("small"), PERMANENT_SESSION_LIFETIME=3600)(_read)


@view("key set, session not used")
def _() -> Any:
    return "text"


@view("cookie sent, session not used", login=_login("small"))
def _() -> Any:
    return "text"


@view("cookie sent, not used, not refreshed", login=_login("small"), SESSION_REFRESH_EACH_REQUEST=False)
def _() -> Any:
    return "text"


@view("empty, read with get")
def _() -> Any:
    return str(f.session.get("user"))


@view("new, written")
def _() -> Any:
    f.session["user"] = "ada"
    return "welcome"


@view("cleared", login=_login("small"))
def _() -> Any:
    f.session.clear()
    return "bye"


@view("made permanent", login=_login("small"))
def _() -> Any:
    f.session.permanent = True
    return "stays"


@view("modified by hand", login=_login("cart"))
def _() -> Any:
    f.session["cart"][0]["quantity"] += 1
    f.session.modified = True
    return "changed"


@view("a wrong signature", cookies="session=eyJ1c2VyIjoiYWRhIn0.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb")
def _() -> Any:
    return str(f.session.get("user"))


@view("an old key's cookie", login=_login("small"), SECRET_KEY_FALLBACKS=["an older key " * 3])
def _() -> Any:
    return f.session["user"]


@view("flash and get_flashed_messages", login=_login("small"))
def _() -> Any:
    f.flash("saved", "info")
    return str(f.get_flashed_messages(with_categories=True))


@view("flash for the next page", login=_login("small"))
def _() -> Any:
    f.flash("saved")
    return "done"


view("secure, Lax and a domain", login=_login("small"), SESSION_COOKIE_SECURE=True, SESSION_COOKIE_SAMESITE="Lax",
     SESSION_COOKIE_DOMAIN="example.com")(_write)  # fmt: skip


class _OwnCookie(f.sessions.SecureCookieSessionInterface):
    def get_cookie_secure(self, app: Any) -> bool:
        return bool(super().get_cookie_secure(app))

    def get_cookie_domain(self, app: Any) -> Any:
        return super().get_cookie_domain(app)


class _OwnSalt(f.sessions.SecureCookieSessionInterface):
    salt = "another-salt"


class _InMemory(f.sessions.SecureCookieSessionInterface):
    """Sessions by an id, as extensions keep them."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def open_session(self, app: Any, request: Any) -> Any:
        return self.session_class(self.kept.get(request.cookies.get("session"), {}))

    def save_session(self, app: Any, session: Any, response: Any) -> None:
        if session.modified:
            self.kept["an-id"] = dict(session)
            response.set_cookie("session", "an-id", httponly=True)


def _with_interface(make: Any, view_function: Any) -> Any:
    def register(app: Any) -> None:
        app.session_interface = make()
        app.add_url_rule("/", "view", view_function)

    return register


SUBJECT.app("an own get_cookie_*, read", login=_login("small"))(_with_interface(_OwnCookie, _read))
SUBJECT.app("an own get_cookie_*, written", login=_login("small"))(_with_interface(_OwnCookie, _write))
SUBJECT.app("an own salt, read", login=_login("small"))(_with_interface(_OwnSalt, _read))
SUBJECT.app("an own store, written", login=_login("small"))(_with_interface(_InMemory, _write))
SUBJECT.app("an own store, read", login=_login("small"))(_with_interface(_InMemory, _read))
