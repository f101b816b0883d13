"""Sessions on the server, request by request, on each store."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

import tuile
from tests.beside_flask import make_environ, send
from tests.frames.test_frames import Client, check_budget, environ_for
from tests.stores.conftest import NOW
from tests.stores.site import Site
from tuile import current_app, session
from tuile.sessions.identity import new_identity
from tuile.sessions.interface import SecureCookieSession, SessionInterface
from tuile.sessions.operations import End
from tuile.sessions.signed import SecureCookieSessionInterface
from tuile.sessions.stores.memory import MemoryStore
from tuile.signals import session_replayed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.stores.conftest import Clock
    from tests.stores.site import Reply
    from tuile import Flask, Request
    from tuile.sessions.stores import Store


def nothing() -> None:
    pass


def read() -> Any:
    return session.get("x")


def write() -> None:
    session["x"] = 1


def log_in(user: str = "ada") -> Any:
    return lambda: session.update(_user_id=user)


def whole() -> dict[str, Any]:
    return dict(session)


@pytest.fixture
def site(store: Store) -> Site:
    return Site(store)


# --- how often the store is asked -------------------------------------------------------------------------------------


def test_a_request_without_a_cookie_asks_nothing_unless_it_writes(site: Site) -> None:
    assert site.ask(nothing).operations == []
    reply = site.ask(read)
    assert (reply.operations, reply.cookie) == ([], None)
    assert ("Vary", "Cookie") in reply.answer.headers
    reply = site.ask(write)
    assert (reply.operations, bool(reply.cookie)) == (["Create"], True)


def test_a_request_that_does_not_touch_the_session_asks_nothing(site: Site) -> None:
    cookie = site.begin()
    reply = site.ask(nothing, cookie)
    assert (reply.operations, reply.cookie) == ([], None)
    assert "Vary" not in dict(reply.answer.headers)


@pytest.mark.parametrize(
    ("view", "operations", "sets"),
    [
        (read, ["Load"], False),
        (whole, ["Load"], False),
        (write, ["Load", "Apply"], False),
        (lambda: session.update(x=0), ["Load"], False),
        (lambda: session.add("n"), ["Load", "Apply"], False),
        (lambda: session["l"].append(1), ["Load", "Apply"], False),
        (lambda: session.pop("x"), ["Load", "Apply"], False),
        (log_in(), ["Load", "Create", "Retire"], True),
        (lambda: session.regenerate(), ["Load", "End"], True),  # noqa: PLW0108 - a proxy
        (lambda: session.regenerate(["x"]), ["Load", "Create", "Retire"], True),
        (lambda: session.clear(), ["Load", "End"], True),  # noqa: PLW0108 - a proxy
        (lambda: session.end(), ["Load", "End"], True),  # noqa: PLW0108 - a proxy
    ],
)
def test_each_change_asks_as_little_as_possible(site: Site, view: Any, operations: list[str], sets: bool) -> None:
    cookie = site.begin(x=0, l=[])
    reply = site.ask(view, cookie)
    assert reply.operations == operations
    assert (reply.cookie is not None) is sets
    assert ("Vary", "Cookie") in reply.answer.headers


@pytest.mark.parametrize("cookie", ["", "x", "a.b", "eyJ4IjoxfQ.aRyE1g.kqYw7NfVnYlDq0HkI1pA0oJ8Q4c", "'; DROP TABLE x"])
def test_what_is_no_id_of_ours_is_not_looked_up(site: Site, cookie: str) -> None:
    reply = site.ask(read, cookie)
    assert (reply.operations, reply.result, reply.cookie) == ([], None, None)


def test_a_planted_id_is_never_taken_over(site: Site) -> None:
    planted = new_identity().token
    reply = site.ask(write, planted)
    assert reply.cookie
    assert reply.cookie.partition(".")[0] != planted.partition(".")[0]
    assert site.content(planted) == {}


def test_the_right_handle_with_another_secret_is_nothing(site: Site) -> None:
    cookie = site.begin(x=1)
    forged = f"{cookie.partition('.')[0]}.{new_identity().secret}"
    assert site.content(forged) == {}
    assert site.ask(lambda: session.clear(), forged).cookie == ""  # noqa: PLW0108 - a proxy
    assert site.content(cookie) == {"x": 1}


def test_of_several_cookies_the_first_good_one_counts(site: Site) -> None:
    cookie = site.begin(x=1)
    assert site.content(f"{new_identity().token}; session=nonsense; session={cookie}") == {"x": 1}
    assert site.content(f"a; session=b; session=c; session=d; session={cookie}") == {}


def leave_before_saving(site: Site, cookie: str) -> None:
    session.add("x")
    site.store.is_away = True


def conflict(site: Site, cookie: str) -> None:
    site.ask(lambda: session.update(x=2), cookie)
    session["x"] = 1


def end_meanwhile(site: Site, cookie: str) -> None:
    site.ask(lambda: session.end(), cookie)  # noqa: PLW0108 - a proxy
    session["x"] = 1


def clear_and_write(site: Site, cookie: str) -> None:
    session.clear()
    session["y"] = 1


VIEWS: dict[str, tuple[Callable[[Site, str], object], dict[str, Any]]] = {
    "not touched": (lambda *_: None, {}),
    "read": (lambda *_: session.get("x"), {}),
    "written": (lambda *_: session.update(x=5), {}),
    "changed inside": (lambda *_: session["l"].append(1), {}),
    "written as it was": (lambda *_: session.update(x=0), {}),
    "made permanent": (lambda *_: setattr(session, "permanent", True), {}),
    "written when its secret is renewed": (lambda *_: session.update(x=5), {"SESSION_RENEW": 1e-9}),
    "logged in": (lambda *_: session.update(_user_id="ada"), {}),
    "with another key for its user": (lambda *_: session.update(x=5), {"SESSION_USER_KEY": "l"}),
    "ended": (lambda *_: session.end(), {}),
    "ended meanwhile": (end_meanwhile, {}),
    "cleared and written": (clear_and_write, {}),
    "with a value that is not JSON": (lambda *_: session.update(x=object()), {}),
    "when the store goes away": (leave_before_saving, {}),
    "in conflict": (conflict, {"SESSION_CONFLICT": "error"}),
}


@pytest.mark.parametrize("case", VIEWS)
def test_the_fast_path_saves_as_the_steps_do(case: str) -> None:
    view, config = VIEWS[case]
    seen = []
    for by_steps in (False, True):
        site = Site(MemoryStore())
        if by_steps:
            site.app.after_request(lambda response: response)
        cookie = site.begin(x=0, l=[])
        site.app.config.update(config)
        reply = site.ask(lambda site=site, cookie=cookie: view(site, cookie), cookie)  # type: ignore[misc]
        site.store.is_away = False
        names = [(name, value.partition("=")[0]) for name, value in reply.answer.headers]
        seen.append((reply.answer.status, names, reply.answer.body, reply.operations, site.content(cookie)))
    assert seen[0] == seen[1]


# How many functions of Python a warm request enters, with a store in memory: more are a cost that somebody has to see.
BUDGETS = {"/nothing": 7, "/read": 27, "/write": 61}


def test_a_warm_request_stays_within_its_budget_of_functions() -> None:
    app = tuile.Flask("app", static_folder=None)
    app.config["SESSION_STORE"] = "memory"
    app.add_url_rule("/begin", "begin", lambda: str(session.update(_user_id="ada", csrf="0" * 32, theme="dark", n=5)))
    app.add_url_rule("/nothing", "nothing", lambda: "")
    app.add_url_rule("/read", "read", lambda: str(session.get("n")))
    app.add_url_rule("/write", "write", lambda: str(session.add("n")))
    client = Client(app)
    client.get(environ_for("/begin"))
    cookie = client.cookies()
    for path, budget in BUDGETS.items():
        for _ in range(20):
            client.get(environ_for(path, cookie))
        check_budget(path, budget, client.functions_entered(environ_for(path, cookie)))


# --- content ----------------------------------------------------------------------------------------------------------

VALUES = {
    "text": "é\0\ud800",
    "number": 10**30,
    "float": 0.1,
    "none": None,
    "tuple": (1, (2, [3])),
    "bytes": b"\0\xff",
    "when": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
    "tag": {" t": [1]},
    " t": "a key that looks like a tag",
    "": {"": [{}]},
}


@pytest.mark.parametrize("keys", [*([key] for key in VALUES), list(VALUES)])
def test_values_come_back_as_they_were(site: Site, keys: list[str]) -> None:
    content = {key: VALUES[key] for key in keys}
    cookie = site.begin(**content)
    assert site.ask(whole, cookie).result == content


def test_keys_become_text_as_in_a_signed_session(site: Site) -> None:
    keys: list[Any] = [1, None, False]
    cookie = site.ask(lambda: session.update(dict.fromkeys(keys, 1))).cookie
    assert site.content(cookie) == {"1": 1, "null": 1, "false": 1}
    site.ask(lambda: session.update({keys[0]: 2}), cookie)
    assert site.content(cookie) == {"1": 2, "null": 1, "false": 1}


def test_what_cannot_be_written_is_an_error_and_changes_nothing(site: Site) -> None:
    cookie = site.begin(x=0)
    assert site.ask(lambda: session.update(x=1, y=object()), cookie).answer.code == 500
    assert site.content(cookie) == {"x": 0}


def test_a_session_is_still_modified_after_it_was_saved(site: Site) -> None:
    seen = []

    @site.app.teardown_request
    def look(error: Any) -> None:
        seen.append(session.modified)

    site.ask(write)
    assert seen == [True]


def test_a_session_without_any_key_left_is_still_there(site: Site) -> None:
    cookie = site.begin(x=0)

    def pop_while_another_sets() -> None:
        session.pop("x")
        site.ask(lambda: session.update(y=1), cookie)

    assert site.ask(pop_while_another_sets, cookie).cookie is None
    assert site.content(cookie) == {"y": 1}


def test_no_secret_key_is_needed(site: Site) -> None:
    assert site.app.secret_key is None
    assert site.content(site.begin(x=1)) == {"x": 1}


def test_what_it_tells_about_itself(site: Site, clock: Clock) -> None:
    def told() -> Any:
        return [session.new, session.handle, session.created, session.seen]

    assert site.ask(told).result == [True, None, None, None]
    cookie = site.begin(x=1)
    clock.forward(100)
    began = datetime.fromtimestamp(NOW, timezone.utc)
    handle = cookie.partition(".")[0]
    assert site.ask(told, cookie).result == [False, handle, began, began + timedelta(seconds=100)]


# --- the cookie -------------------------------------------------------------------------------------------------------


def line(reply: Reply) -> str:
    return next(value for name, value in reply.answer.headers if name == "Set-Cookie")


def test_the_cookie_has_the_settings_of_the_session_cookie(store: Store) -> None:
    site = Site(
        store,
        SESSION_COOKIE_NAME="session",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_PATH="/",
        SESSION_COOKIE_DOMAIN="example.com",
    )
    reply = site.ask(write)
    assert line(reply) == f"session={reply.cookie}; Domain=example.com; Secure; HttpOnly; Path=/; SameSite=Lax"
    deleted = line(site.ask(lambda: session.end(), reply.cookie))  # noqa: PLW0108 - a proxy
    assert deleted.startswith("session=; Domain=example.com; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0;")


def test_a_permanent_session_renews_its_cookie_when_it_is_touched(site: Site) -> None:
    reply = site.ask(lambda: setattr(session, "permanent", True))
    cookie = reply.cookie
    assert "Expires=" in line(reply)
    assert site.ask(nothing, cookie).cookie is None
    for view in (read, write):
        reply = site.ask(view, cookie)
        assert reply.cookie == cookie
        assert "Expires=" in line(reply)
    reply = site.ask(lambda: setattr(session, "permanent", False), cookie)
    assert reply.cookie == cookie
    assert "Expires=" not in line(reply)
    assert site.ask(read, cookie).cookie is None


def test_unless_that_is_off(store: Store) -> None:
    site = Site(store, SESSION_REFRESH_EACH_REQUEST=False)
    cookie = site.ask(lambda: setattr(session, "permanent", True)).cookie
    assert site.ask(read, cookie).cookie is None


def test_a_cookie_ends_with_the_session(store: Store) -> None:
    site = Site(store, SESSION_ABSOLUTE=60)
    site.app.permanent_session_lifetime = timedelta(days=3650)
    reply = site.ask(lambda: setattr(session, "permanent", True))
    assert "Expires=Tue, 14 Nov 2023 22:14:20 GMT" in line(reply)


@pytest.mark.parametrize(("view", "sets"), [(read, False), (write, False), (log_in(), True)])
def test_a_page_for_shared_caches(site: Site, view: Any, sets: bool) -> None:
    @site.app.after_request
    def make_public(response: Any) -> Any:
        response.headers["Cache-Control"] = "public, max-age=60"
        return response

    cookie = site.ask(lambda: setattr(session, "permanent", True)).cookie

    reply = site.ask(view, cookie)
    assert (reply.cookie is not None) is sets
    assert dict(reply.answer.headers)["Cache-Control"] == ("private, max-age=60" if sets else "public, max-age=60")


# --- login and logout -------------------------------------------------------------------------------------------------


def test_a_login_gets_a_new_id_by_itself(site: Site, clock: Clock) -> None:
    before = site.begin(x=1)
    after = site.ask(log_in(), before).cookie
    assert after
    assert after.partition(".")[0] != before.partition(".")[0]
    assert site.content(after) == {"x": 1, "_user_id": "ada"}
    assert site.content(before) == {"x": 1}
    assert site.ask(write, before).cookie is None
    assert site.ask(lambda: session.end(), before).cookie is None  # noqa: PLW0108 - a proxy
    assert site.content(after) == {"x": 1, "_user_id": "ada"}


def test_the_id_from_before_a_login_reads_for_a_moment(site: Site, clock: Clock) -> None:
    before = site.begin(x=1)
    site.ask(log_in(), before)
    clock.forward(29)
    assert site.content(before) == {"x": 1}
    clock.forward(1)
    assert site.content(before) == {}


def test_a_login_with_it_is_a_login(site: Site) -> None:
    before = site.begin(x=1)
    site.ask(log_in(), before)
    again = site.ask(log_in("bob"), before).cookie
    assert site.content(again) == {"x": 1, "_user_id": "bob"}
    assert site.content(before) == {}


def test_a_logout_leaves_nothing_of_the_login(site: Site) -> None:
    anonymous = site.begin(x=1)
    ada = site.ask(log_in(), anonymous).cookie
    out = site.ask(lambda: session.pop("_user_id"), ada).cookie
    assert out
    assert site.content(out) == {"x": 1}
    assert site.content(ada) == {}


def test_another_user_has_another_session(site: Site) -> None:
    ada = site.ask(log_in()).cookie
    bob = site.ask(log_in("bob"), ada).cookie
    assert site.content(bob) == {"_user_id": "bob"}
    assert site.content(ada) == {}


def test_the_same_user_again_keeps_the_id(site: Site) -> None:
    ada = site.ask(log_in()).cookie
    assert site.ask(log_in(), ada).cookie is None
    number = site.ask(lambda: session.update(_user_id=7)).cookie
    assert site.ask(lambda: session.update(_user_id="7"), number).cookie is None


def test_another_key_can_say_who_it_is(store: Store) -> None:
    site = Site(store, SESSION_USER_KEY="user")
    cookie = site.begin(x=1)
    assert site.ask(lambda: session.update(user="ada"), cookie).cookie
    none = Site(store, SESSION_USER_KEY=None)
    cookie = none.begin(x=1)
    assert none.ask(log_in(), cookie).cookie is None


def test_regenerate_keeps_what_it_is_told_to(site: Site) -> None:
    before = site.begin(x=1, y=2)

    def again() -> None:
        session.regenerate(keep=["x"])
        session["z"] = 3

    after = site.ask(again, before).cookie
    assert site.content(after) == {"x": 1, "z": 3}
    with site.app.test_request_context("/"), pytest.raises(TypeError, match=r"keep=\['x'\]"):
        session.regenerate("x")


def test_what_is_put_into_an_ended_session_begins_another(site: Site) -> None:
    before = site.begin(x=1)

    def end_and_go_on() -> None:
        session.end()
        session["y"] = 1

    reply = site.ask(end_and_go_on, before)
    assert reply.operations == ["Load", "End", "Create"]
    assert site.content(reply.cookie) == {"y": 1}
    assert site.content(before) == {}


def test_an_app_can_refuse_sessions(store: Store) -> None:
    site = Site(store)
    cookie = site.begin(x=1)
    setattr(site.app, "session_refused", lambda opened: opened.get("x") == 1)  # noqa: B010 - a method
    assert site.content(cookie) == {}


# --- renewal ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def renewing(store: Store) -> Site:
    return Site(store, SESSION_RENEW=600, SESSION_GRACE=30)


def test_a_secret_is_renewed(renewing: Site, clock: Clock) -> None:
    first = renewing.begin(x=1)
    clock.forward(599)
    assert renewing.ask(read, first).cookie is None
    clock.forward(1)
    reply = renewing.ask(read, first)
    second = reply.cookie
    assert reply.operations == ["Load", "Renew"]
    assert second
    assert second != first
    assert second.partition(".")[0] == first.partition(".")[0]
    assert renewing.ask(write, first).cookie is None  # parallel
    assert renewing.content(second) == {"x": 1}
    assert renewing.content(first) == {"x": 1}
    clock.forward(29)
    assert renewing.ask(write, first).cookie is None
    assert renewing.content(second) == {"x": 1}


def test_an_answer_with_a_new_secret_may_be_lost(renewing: Site, clock: Clock) -> None:
    first = renewing.begin(x=1)
    for _ in range(5):
        clock.forward(600)
        assert renewing.ask(read, first).cookie
    assert renewing.content(first) == {"x": 1}


@pytest.mark.parametrize(("setting", "left"), [("end", {}), ("log", {"x": 1})])
def test_a_former_secret_is_told_and_ends_the_session(
    renewing: Site, clock: Clock, setting: str, left: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    renewing.app.config["SESSION_REPLAY"] = setting
    told = []

    def note(app: Any, **what: Any) -> None:
        told.append(what)

    first = renewing.begin(x=1)
    clock.forward(600)
    second = renewing.ask(read, first).cookie
    renewing.ask(read, second)
    clock.forward(30)
    with session_replayed.connected_to(note, renewing.app):
        assert renewing.content(first) == left
    assert told == [{"handle": first.partition(".")[0], "user": None}]
    assert renewing.content(second) == left
    assert first.partition(".")[2] not in caplog.text


# --- clocks -----------------------------------------------------------------------------------------------------------


def test_a_session_lasts_as_long_as_the_settings_say(store: Store, clock: Clock) -> None:
    site = Site(store, SESSION_IDLE=timedelta(hours=1), SESSION_ABSOLUTE=7000)
    cookie = site.begin(x=1)
    clock.forward(3000)
    assert site.content(cookie) == {"x": 1}
    clock.forward(3000)
    assert site.content(cookie) == {"x": 1}
    clock.forward(1000)
    assert site.content(cookie) == {}


def test_without_settings_it_lasts_for_the_lifetime_of_permanent_ones(site: Site, clock: Clock) -> None:
    cookie = site.begin(x=1)
    clock.forward(31 * 86400 - 1)
    assert site.content(cookie) == {"x": 1}
    clock.forward(31 * 86400)
    assert site.content(cookie) == {}


# --- failure ----------------------------------------------------------------------------------------------------------


def test_without_the_store_only_pages_that_touch_the_session_fail(site: Site) -> None:
    cookie = site.begin(x=1)
    site.store.is_away = True
    assert site.ask(nothing, cookie).answer.code == 200
    assert site.ask(read).answer.code == 200
    reply = site.ask(read, cookie)
    assert reply.answer.code == 503
    assert dict(reply.answer.headers)["Retry-After"] == "5"
    assert reply.cookie is None
    site.store.is_away = False
    assert site.ask(read, cookie).result == 1


def test_a_session_can_read_as_empty_meanwhile(store: Store) -> None:
    site = Site(store, SESSION_FAILURE="empty")
    cookie = site.begin(x=1)
    site.store.is_away = True
    reply = site.ask(read, cookie)
    assert (reply.answer.code, reply.result, reply.cookie) == (200, None, None)
    for view in (write, lambda: session.end(), lambda: session.add("n")):  # noqa: PLW0108 - a proxy
        reply = site.ask(view, cookie)
        assert (reply.answer.code, reply.cookie) == (503, None)
    site.store.is_away = False
    assert site.content(cookie) == {"x": 1}


class EagerInterface(SecureCookieSessionInterface):
    """An interface that opens sessions at the start of each request, as any that overrides this method."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        return super().open_session(app, request)


READING: dict[str, Callable[[], object]] = {
    "get": lambda: session.get("x"),
    "[]": lambda: session["x"],
    "in": lambda: "x" in session,
    "dict": lambda: dict(session),
    "unpacked": lambda: {**session},
    "list": lambda: list(session),
    "len": lambda: len(session),
    "if": lambda: "full" if session else "empty",
    "keys": lambda: session.keys(),  # noqa: PLW0108 - a proxy
    "values": lambda: session.values(),  # noqa: PLW0108
    "items": lambda: session.items(),  # noqa: PLW0108
    "copy": lambda: session.copy(),  # type: ignore[attr-defined] # noqa: PLW0108 - a dictionary
    "==": lambda: session == {"x": 1},
    "!=": lambda: session != {"x": 1},
    "|": lambda: session | {},  # type: ignore[operator] # a dictionary
    "permanent": lambda: session.permanent,
    "set": lambda: session.update(x=2),
    "add": lambda: session.add("n"),
    "append": lambda: session.append("l", 1),
    "change": lambda: session.change("x", str),
    "pop": lambda: session.pop("x", None),
    "|=": lambda: session.__ior__({"x": 1}),  # type: ignore[attr-defined] # a dictionary
    "reversed": lambda: list(reversed(session)),  # type: ignore[call-overload]
    "clear": lambda: session.clear(),  # noqa: PLW0108
    "regenerate": lambda: session.regenerate(),  # noqa: PLW0108
    "end": lambda: session.end(),  # noqa: PLW0108
    "list of sessions": lambda: current_app.sessions.of("ada"),
    "end of others": lambda: current_app.sessions.end_all("ada"),
}


@pytest.mark.parametrize("use", READING)
def test_each_use_of_a_session_says_that_the_store_is_away(use: str) -> None:
    for interface in (SecureCookieSessionInterface(), EagerInterface()):
        site = Site(MemoryStore())
        site.app.session_interface = interface
        cookie = site.begin(x=1)
        site.store.is_away = True
        reply = site.ask(READING[use], cookie)
        assert (reply.answer.code, reply.cookie) == (503, None)
        assert dict(reply.answer.headers)["Retry-After"] == "5"
        assert site.ask(nothing, cookie).answer.code == 200
        site.store.is_away = False
        assert site.content(cookie) == {"x": 1}


class OwnInterface(SessionInterface):
    """An interface of an application, which keeps sessions in a store of Tuile by itself."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession:
        app.sessions.check()
        return SecureCookieSession({"x": 1} if "session" in request.cookies else {})

    def save_session(self, app: Flask, session: Any, response: Any) -> None:
        if session.modified:
            app.config["SESSION_STORE"].ask(End("x"))  # raises what a store raises
            response.set_cookie("session", "x")


@pytest.mark.parametrize("use", READING)
def test_an_interface_that_raises_the_error_of_a_store_is_a_503_where_the_session_is_used(use: str) -> None:
    site = Site(MemoryStore())
    site.app.session_interface = OwnInterface()
    cookie = site.begin(x=1)
    site.store.is_away = True
    reply = site.ask(READING[use], cookie)
    assert (reply.answer.code, reply.cookie) == (503, None)
    assert dict(reply.answer.headers)["Retry-After"] == "5"
    assert site.ask(nothing, cookie).answer.code == 200
    site.store.is_away = False
    assert site.content(cookie) == {"x": 1}


def test_an_interface_that_cannot_save_is_a_503(site: Site) -> None:
    site.app.session_interface = OwnInterface()

    def change() -> None:
        session["x"] = 2
        site.store.is_away = True

    reply = site.ask(change, "x")
    assert (reply.answer.code, reply.cookie) == (503, None)
    assert dict(reply.answer.headers)["Retry-After"] == "5"


def test_another_error_of_an_interface_is_raised_as_ever(site: Site) -> None:
    class Broken(OwnInterface):
        def open_session(self, app: Flask, request: Request) -> SecureCookieSession:
            raise ConnectionError

    site.app.session_interface = Broken()
    assert site.ask(nothing).answer.code == 500


@pytest.mark.parametrize("interface", [SecureCookieSessionInterface(), EagerInterface()])
def test_the_page_of_the_error_can_look_into_the_session(interface: Any) -> None:
    site = Site(MemoryStore())
    site.app.session_interface = interface
    site.app.register_error_handler(503, lambda error: (f"away, {session.get('x', 'nobody')}", 503))
    cookie = site.begin(x=1)
    site.store.is_away = True
    reply = site.ask(read, cookie)
    assert (reply.answer.code, reply.answer.text) == (503, "away, nobody")
    # Nobody waits for the store twice.
    assert reply.operations == ["Load"]


@pytest.mark.parametrize("view", [write, log_in(), lambda: session.end()])  # noqa: PLW0108 - a proxy
def test_what_could_not_be_saved_is_never_an_answer(site: Site, view: Any, caplog: pytest.LogCaptureFixture) -> None:
    cookie = site.begin(x=0)

    def change() -> None:
        view()
        session.get("x")
        site.store.is_away = True

    reply = site.ask(change, cookie)
    assert reply.answer.code == 503
    assert reply.cookie is None
    headers = dict(reply.answer.headers)
    assert (headers["Retry-After"], headers["Content-Type"]) == ("5", "text/html; charset=utf-8")
    assert "done" not in reply.answer.text
    assert headers["Content-Length"] == str(len(reply.answer.body))
    assert "The response is a 503, because the session could not be saved." in caplog.text


def test_a_stream_that_is_replaced_is_closed(site: Site) -> None:
    closed = []

    class Stream:
        def __iter__(self) -> Any:
            return iter([b"streamed"])

        def close(self) -> None:
            closed.append(True)

    @site.app.get("/stream")
    def stream() -> Any:
        session["x"] = 1
        site.store.is_away = True
        return site.app.response_class(Stream())

    assert send(site.app, make_environ("/stream")).code == 503
    assert closed == [True]


# --- two responses for one request ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (lambda: session.add("n", 2), {"x": 0, "n": 2}),
        (lambda: session.append("l", 2), {"x": 0, "l": [2]}),
        (log_in(), {"x": 0, "_user_id": "ada"}),
    ],
)
def test_an_error_after_the_save_does_not_save_twice(site: Site, view: Any, expected: dict[str, Any]) -> None:
    cookie = site.begin(x=0)

    def fail(app: Any, response: Any) -> None:
        if response.status_code == 200:
            raise ZeroDivisionError

    with tuile.request_finished.connected_to(fail, site.app):
        reply = site.ask(view, cookie)
    assert reply.answer.code == 500
    assert site.content(reply.cookie or cookie) == expected


def test_what_an_error_handler_changes_is_saved_as_well(site: Site) -> None:
    def fail(app: Any, response: Any) -> None:
        if response.status_code == 200:
            raise ZeroDivisionError

    @site.app.errorhandler(500)
    def apologise(error: Exception) -> Any:
        session.add("errors")
        return "sorry", 500

    cookie = site.begin(x=0)
    with tuile.request_finished.connected_to(fail, site.app):
        site.ask(lambda: session.add("n"), cookie)
    assert site.content(cookie) == {"x": 0, "n": 1, "errors": 1}


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("SESSION_STORE", "redus://localhost", "SESSION_STORE must be None .* not redus://"),
        ("SESSION_STORE", "sqlite://", "SESSION_STORE must be"),
        ("SESSION_STORE", "sqlite:///:memory:", "SESSION_STORE must be"),
        ("SESSION_STORE", 7, "SESSION_STORE must be"),
        ("SESSION_DURABLE", "always", "SESSION_DURABLE must be 'process' or 'machine'"),
        ("SESSION_IDLE", 0, "SESSION_IDLE must be positive, not 0"),
        ("SESSION_IDLE", "1h", "SESSION_IDLE must be a timedelta or a number of seconds"),
        ("SESSION_IDLE", float("nan"), "SESSION_IDLE must be positive"),
        ("SESSION_RENEW", True, "SESSION_RENEW must be a timedelta"),
        ("SESSION_GRACE", -1, "SESSION_GRACE must be at least 0"),
        ("SESSION_SEEN_EVERY", -1, "SESSION_SEEN_EVERY must be at least 0"),
        ("SESSION_MAX_PER_USER", 0, "SESSION_MAX_PER_USER must be a positive whole number"),
        ("SESSION_CONFLICT", "first", "SESSION_CONFLICT must be 'last' or 'error'"),
        ("SESSION_REPLAY", "ignore", "SESSION_REPLAY must be 'end' or 'log'"),
        ("SESSION_DEVICE", "all", "SESSION_DEVICE must be 'agent' or 'none'"),
    ],
)
def test_a_wrong_setting_is_an_error_when_the_session_is_touched(name: str, value: Any, error: str) -> None:
    app = tuile.Flask("app", static_folder=None)
    app.config.update({"SESSION_STORE": "memory", "TESTING": True, name: value})
    app.add_url_rule("/", "view", lambda: str(session.get("x")))
    with pytest.raises((TypeError, ValueError), match=error):
        send(app, make_environ("/"))


def test_a_wrong_setting_shows_no_password() -> None:
    app = tuile.Flask("app", static_folder=None)
    app.config.update(SESSION_STORE="redus://user:geheim@host", TESTING=True)
    with app.test_request_context("/") as context, pytest.raises(ValueError, match="redus") as caught:
        context.session  # noqa: B018 - opens it
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "file"), [("sqlite", "sessions.db"), ("sqlite:///own.db", "own.db"), ("sqlite:///{}/abs.db", "abs.db")]
)
def test_where_the_file_is(tmp_path: Path, setting: str, file: str) -> None:
    app = tuile.Flask("app", static_folder=None, instance_path=str(tmp_path))
    app.config["SESSION_STORE"] = setting.format(tmp_path)
    app.add_url_rule("/", "view", lambda: str(session.add("x")))
    send(app, make_environ("/"))
    assert (tmp_path / file).exists()
    app._kept_store.store.close()  # type: ignore[union-attr] # there is one


def test_a_setting_may_change_while_the_app_runs(store: Store) -> None:
    site = Site(store, SECRET_KEY="5f1b0c9d7e3a48c2b6d4917f20ea63c8")
    cookie = site.begin(x=1)
    site.app.config["SESSION_STORE"] = None
    signed = site.begin(y=1)
    assert site.content(signed) == {"y": 1}
    assert site.content(cookie) == {}
    site.app.config["SESSION_STORE"] = MemoryStore()
    assert site.content(cookie) == {}
    site.app.config["SESSION_STORE"] = store
    assert site.content(cookie) == {"x": 1}


def test_a_subclass_of_the_interface_keeps_sessions_in_the_store_too(store: Store) -> None:
    class Interface(SecureCookieSessionInterface):
        def get_cookie_samesite(self, app: Any) -> Any:
            return "Strict"

    site = Site(store)
    site.app.session_interface = Interface()
    reply = site.ask(write)
    assert line(reply).endswith("SameSite=Strict")
    assert site.content(reply.cookie) == {"x": 1}


def test_an_interface_of_ones_own_is_asked_instead(store: Store) -> None:
    class Interface(SecureCookieSessionInterface):
        def open_session(self, app: Any, request: Any) -> Any:
            return SecureCookieSession({"own": 1})

        def save_session(self, app: Any, opened: Any, response: Any) -> None:
            pass

    site = Site(store)
    site.app.session_interface = Interface()
    assert site.content(None) == {"own": 1}
    assert site.store.asked == []


def test_the_device_is_kept_unless_it_is_not_wanted(store: Store) -> None:
    for setting, expected in (("agent", ("A" * 256, "192.0.2.7")), ("none", ("", ""))):
        site = Site(store, SESSION_DEVICE=setting)
        site.ask(write, HTTP_USER_AGENT="A" * 1000, REMOTE_ADDR="192.0.2.7")
        created: Any = site.store.asked[-1]
        assert (created.record.agent, created.record.address) == expected


def test_an_unreadable_record_is_an_empty_session(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    site = Site(store)
    cookie = site.begin(x=1)
    site.app.json.loads = lambda *args, **kwargs: 1 / 0  # type: ignore[method-assign]
    assert site.ask(read, cookie).result is None
    assert "cannot be read, so it is treated as empty" in caplog.text


def test_a_slow_request_from_before_a_login_does_not_replace_the_cookie_of_the_login(site: Site, clock: Clock) -> None:
    before = site.begin(x=1)

    def slow() -> None:
        assert session["x"] == 1
        site.ask(lambda: session.update(_user_id="ada"), before)
        clock.forward(31)
        session["y"] = 2

    assert site.ask(slow, before).cookie is None
