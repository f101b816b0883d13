"""Two requests of one session at the same time, on each store: the table of what becomes of their changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.stores.site import Site
from tuile import flash, get_flashed_messages, session
from tuile.signals import session_conflict, session_gone

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuile.sessions.stores import Store

    Change = Callable[[], Any]

GONE: Any = None


def put(**content: Any) -> Change:
    return lambda: session.update(content)


def drop(key: str) -> Change:
    return lambda: session.pop(key)


def read() -> Any:
    return dict(session)


def added() -> None:
    session["n"] += 1


def cleared_for_ada() -> None:
    session.clear()
    session["user"] = "ada"


def doubled(value: Any) -> Any:
    return 2 * value


def extended(value: Any) -> Any:
    value.append("changed")  # in place
    return value


def popped_and_appended() -> None:
    session.pop("l")
    session.append("l", "x")


def added_twice() -> None:
    session.add("n", 2)
    session.add("n", 3)


def added_and_assigned() -> None:
    session.add("n", 2)
    session["n"] = 100


def assigned_and_added() -> None:
    session["n"] = 100
    session.add("n", 2)


def appended_both_ways() -> None:
    session.append("l", "x")
    session["l"].append("z")


# What was there; what A and B do, of which B saves first; what is there then; the keys in conflict.
ROWS: list[tuple[str, dict[str, Any], Change, Change, Any, tuple[str, ...]]] = [
    ("keys are independent", {"o": 1}, put(x=1), put(y=2), {"o": 1, "x": 1, "y": 2}, ()),
    ("the later assignment wins", {"x": 0}, put(x=1), put(x=2), {"x": 1}, ("x",)),
    ("reading is no change", {"x": 0}, read, put(x=2), {"x": 2}, ()),
    ("assigning what is there is no change", {"x": 0}, put(x=0), put(x=2), {"x": 2}, ()),
    ("numbers are added", {"n": 5}, lambda: session.add("n", 1), lambda: session.add("n", 1), {"n": 7}, ()),
    ("numbers are added, and again", {"n": 5}, added_twice, added_twice, {"n": 15}, ()),
    ("two assignments of a sum", {"n": 5}, added, added, {"n": 6}, ()),
    ("added, then assigned", {"n": 5}, added_and_assigned, lambda: session.add("n"), {"n": 100}, ("n",)),
    ("assigned, then added", {"n": 5}, assigned_and_added, lambda: session.add("n"), {"n": 102}, ("n",)),
    ("both lists grew", {"l": ["a"]}, lambda: session["l"].append("x"), lambda: session["l"].append("y"), {"l": ["a", "y", "x"]}, ()),
    ("both appended", {"l": ["a"]}, lambda: session.append("l", "x"), lambda: session.append("l", "y"), {"l": ["a", "y", "x"]}, ()),
    ("appended and grew", {"l": ["a"]}, appended_both_ways, lambda: session.append("l", "y"), {"l": ["a", "y", "x", "z"]}, ()),
    ("both created a list", {"o": 1}, put(l=["x"]), put(l=["y"]), {"o": 1, "l": ["y", "x"]}, ()),
    ("took what it saw", {"l": ["a"]}, put(l=[]), lambda: session["l"].append("y"), {"l": ["y"]}, ()),
    ("popped what it saw", {"l": ["a"]}, drop("l"), lambda: session["l"].append("y"), {"l": ["y"]}, ()),
    ("popped, then appended", {"l": ["a"]}, popped_and_appended, lambda: session["l"].append("y"), {"l": ["y", "x"]}, ()),
    ("one grew, one shrank", {"l": ["a", "b"]}, lambda: session["l"].append("c"), lambda: session["l"].remove("a"), {"l": ["b", "c"]}, ()),
    ("neither grew nor took all", {"l": ["a", "b"]}, lambda: session["l"].remove("a"), lambda: session["l"].append("c"), {"l": ["b"]}, ("l",)),
    ("two keys inside", {"c": {"p": 1}}, lambda: session["c"].update(p=2), lambda: session["c"].update(q=1), {"c": {"p": 2, "q": 1}}, ()),
    ("one key inside", {"c": {"p": 1}}, lambda: session["c"].update(p=2), lambda: session["c"].update(p=3), {"c": {"p": 2}}, ("c",)),
    ("changed inside, and dropped", {"c": {"p": 1}, "o": 1}, lambda: session["c"].update(p=2), drop("c"), {"o": 1}, ()),
    ("assigned, and dropped", {"c": {"p": 1}}, put(c={"p": 2}), drop("c"), {"c": {"p": 2}}, ()),
    ("dropped, and changed", {"x": 1, "o": 1}, drop("x"), put(x=2), {"o": 1}, ()),
    ("changed, and dropped", {"x": 1}, put(x=2), drop("x"), {"x": 2}, ()),
    ("cleared", {"x": 1}, lambda: session.clear(), put(z=1), GONE, ()),  # noqa: PLW0108 - a proxy
    ("cleared for a user", {"x": 1}, cleared_for_ada, put(z=1), {"user": "ada"}, ()),
    ("ended meanwhile", {"x": 1}, put(z=1), lambda: session.end(), GONE, ()),  # noqa: PLW0108 - a proxy
    ("cleared meanwhile", {"x": 1}, put(z=1), cleared_for_ada, {"user": "ada"}, ()),
    ("both ended", {"x": 1}, lambda: session.end(), lambda: session.end(), GONE, ()),  # noqa: PLW0108 - a proxy
    ("a function", {"x": 1}, lambda: session.change("x", doubled), put(x=5), {"x": 10}, ()),
    ("a function that changes in place", {"l": ["a"]}, lambda: session.change("l", extended, []), put(l=["b"]), {"l": ["b", "changed"]}, ()),
    ("a function, and dropped", {"l": ["a"], "o": 1}, lambda: session.change("l", extended, []), drop("l"), {"l": ["changed"], "o": 1}, ()),
    ("a function, and nothing", {"o": 1}, lambda: session.change("l", extended, []), read, {"l": ["changed"], "o": 1}, ()),
    ("both flashed", {"o": 1}, lambda: flash("A"), lambda: flash("B"), {"o": 1, "_flashes": [["message", "B"], ["message", "A"]]}, ()),
    ("shown and flashed", {"o": 1, "_flashes": [("message", "a")]}, get_flashed_messages, lambda: flash("B"), {"o": 1, "_flashes": [["message", "B"]]}, ()),
    ("tuples are one value", {"t": (1, 2)}, put(t=(1, 2, 3)), put(t=(1, 2, 4)), {"t": [1, 2, 3]}, ("t",)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("base", "a", "b", "expected", "conflicts"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_two_requests_at_the_same_time(
    store: Store, base: dict[str, Any], a: Change, b: Change, expected: Any, conflicts: tuple[str, ...]
) -> None:
    site = Site(store)
    cookie = site.begin(**base)
    told: list[tuple[str, ...]] = []

    def note(app: Any, keys: tuple[str, ...], **_: Any) -> None:
        told.append(keys)

    def meanwhile() -> None:
        session.get("x")  # reads it
        assert site.ask(b, cookie).answer.code == 200
        a()

    with session_conflict.connected_to(note, site.app):
        reply = site.ask(meanwhile, cookie)
    assert reply.answer.code == 200
    assert site.content(cookie) == ({} if expected is GONE else json.loads(json.dumps(expected)))
    assert told == ([conflicts] if conflicts else [])


def test_what_is_not_saved_is_told(store: Store) -> None:
    site = Site(store, SESSION_USER_KEY="user")
    cookie = site.begin(user="ada", x=1)
    handle = cookie.partition(".")[0]
    told: list[Any] = []

    def note(app: Any, **what: Any) -> None:
        told.append(what)

    def meanwhile() -> None:
        session["y"] = 1
        site.ask(lambda: session.end(), cookie)  # noqa: PLW0108 - a proxy

    with session_gone.connected_to(note, site.app):
        reply = site.ask(meanwhile, cookie)
    assert (reply.answer.code, reply.cookie) == (200, None)
    assert told == [{"handle": handle, "user": "ada"}]


def test_a_conflict_can_be_an_error(store: Store) -> None:
    site = Site(store, SESSION_CONFLICT="error")
    cookie = site.begin(x=0, l=[])

    def meanwhile() -> None:
        session["x"] = 1
        session["y"] = 1
        site.ask(put(x=2), cookie)

    assert site.ask(meanwhile, cookie).answer.code == 500
    assert site.content(cookie) == {"x": 2, "l": []}


def test_debug_mode_says_what_loses_nothing(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    site = Site(store, DEBUG=True)
    cookie = site.begin(x=0)

    def meanwhile() -> None:
        session["x"] += 1
        site.ask(put(x=2), cookie)

    site.ask(meanwhile, cookie)
    assert (
        "Two requests changed 'x' in the session at the same time, and one change is lost. session.add()" in caplog.text
    )


def test_two_logins_make_two_sessions(store: Store) -> None:
    site = Site(store)
    cookie = site.begin(x=0)
    replies = []

    def meanwhile() -> None:
        session["_user_id"] = "ada"
        replies.append(site.ask(put(_user_id="bob"), cookie))

    replies.append(site.ask(meanwhile, cookie))
    bob, ada = (site.content(reply.cookie) for reply in replies)
    assert (bob, ada) == ({"x": 0, "_user_id": "bob"}, {"x": 0, "_user_id": "ada"})
