"""Changes inside the values of a session are noticed, and operations on single keys."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

import tuile
from tests.beside_flask import make_environ, send
from tuile import flash, session
from tuile.json.tag import TaggedJSONSerializer
from tuile.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionInterface, SessionMixin
from tuile.sessions.interface import CREATED_KEY
from tuile.sessions.plain import is_emptied
from tuile.sessions.stored import ServerSession
from tuile.sessions.tracked import TrackedSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuile import Flask

CONTENT = {"l": [1, {"d": []}], "c": {"p": {"q": 1}}, "t": ([1],), "s": "text", "n": 5}


class OwnInterface(SecureCookieSessionInterface):
    """One that goes the way of all subclasses: through itsdangerous."""


def new_app(interface: SessionInterface | None = None, **config: Any) -> Flask:
    app = tuile.Flask("app", static_folder=None)
    app.config.update({"SECRET_KEY": "5f1b0c9d7e3a48c2b6d4917f20ea63c8", **config})
    if interface is not None:
        app.session_interface = interface
    app.add_url_rule("/", "view", lambda: json.dumps(app.config["VIEW"](), default=str))
    return app


class Visitor:
    """Send requests with the cookie of the last answer that set one."""

    def __init__(self, app: Flask, content: dict[str, Any] | None = None) -> None:
        self.app = app
        self.cookie: str | None = None
        self.was_set = False
        if content is not None:
            self.do(lambda: session.update(copy.deepcopy(content)))

    def do(self, view: Callable[[], Any]) -> Any:
        self.app.config["VIEW"] = view
        cookies = {} if self.cookie is None else {"HTTP_COOKIE": self.cookie}
        answer = send(self.app, make_environ("/", **cookies))
        assert answer.code == 200
        lines = [value for name, value in answer.headers if name == "Set-Cookie"]
        self.was_set = bool(lines)
        if lines:
            self.cookie = lines[0].partition(";")[0]
        return json.loads(answer.text)

    def content(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.do(lambda: found.update(copy.deepcopy(dict(session))))
        return found


@pytest.fixture(params=["stock", "subclass", "encrypted", "sha256"])
def visitor(request: pytest.FixtureRequest) -> Visitor:
    kinds: dict[str, Flask] = {
        "stock": new_app(),
        "subclass": new_app(OwnInterface()),
        "encrypted": new_app(SESSION_ENCRYPT=True),
        "sha256": new_app(SESSION_DIGEST="sha256"),
    }
    return Visitor(kinds[request.param], CONTENT)


def pattern() -> Any:
    match session._get_current_object():  # type: ignore[attr-defined] # a proxy
        case {"l": found}:
            return found


def keyword(**given: Any) -> None:
    given["l"].append(2)


CHANGES: dict[str, Callable[[], Any]] = {
    "session[...]": lambda: session["l"].append(2),
    "get": lambda: session.get("l", []).append(2),
    "setdefault": lambda: session.setdefault("l", []).append(2),
    "values": lambda: next(value for value in session.values() if value == CONTENT["l"]).append(2),
    "items": lambda: dict(session.items())["l"].append(2),
    "dict": lambda: dict(session)["l"].append(2),
    "unpacking": lambda: {**session}["l"].append(2),
    "a keyword": lambda: keyword(**session),
    "copy": lambda: session.copy()["l"].append(2),  # type: ignore[attr-defined] # a dictionary's
    "copy.copy": lambda: copy.copy(session._get_current_object())["l"].append(2),  # type: ignore[attr-defined]
    "|": lambda: (session | {})["l"].append(2),  # type: ignore[operator]
    "| from the right": lambda: ({} | session)["l"].append(2),  # type: ignore[operator]
    "update": lambda: (own := {}, own.update(session), own["l"].append(2))[-1],  # type: ignore[var-annotated]
    "a pattern": lambda: pattern().append(2),
    "a template": lambda: tuile.render_template_string("{{ session.l.append(2) }}"),
}


@pytest.mark.parametrize("way", CHANGES)
def test_a_change_inside_a_list_is_noticed_however_it_was_reached(visitor: Visitor, way: str) -> None:
    visitor.do(CHANGES[way])
    assert visitor.was_set
    assert visitor.content() == {**CONTENT, "l": [1, {"d": []}, 2]}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda: session["l"][1]["d"].append(1), {"l": [1, {"d": [1]}]}),
        (lambda: session["c"]["p"].update(q=True), {"c": {"p": {"q": True}}}),
        (lambda: session["c"].pop("p"), {"c": {}}),
        (lambda: session["t"][0].append(2), {"t": ([1, 2],)}),
        (lambda: session["l"].__setitem__(0, 1.0), {"l": [1.0, {"d": []}]}),
    ],
)
def test_a_change_is_noticed_at_any_depth(visitor: Visitor, change: Any, expected: Any) -> None:
    visitor.do(change)
    assert visitor.was_set
    assert repr(sorted(visitor.content().items())) == repr(sorted({**CONTENT, **expected}.items()))


@pytest.mark.parametrize(
    "view",
    [
        lambda: session["s"],
        lambda: session["l"],
        lambda: sorted(session["l"][1]),
        lambda: dict(session),
        lambda: "l" in session and len(session) and list(session),
        lambda: repr(session),
        lambda: session == {},
        lambda: (session["l"].append(2), session["l"].pop())[-1],
        lambda: json.dumps(session._get_current_object()),  # type: ignore[attr-defined] # a proxy
        lambda: len(pickle.dumps(copy.copy(dict(session)))),
        lambda: "nothing",
    ],
)
def test_reading_is_no_change(visitor: Visitor, view: Any) -> None:
    visitor.do(view)
    assert not visitor.was_set


def test_modified_says_it_at_once() -> None:
    def view() -> list[bool]:
        before = session.modified
        session["l"].append(2)
        return [before, session.modified, session.modified]

    assert Visitor(new_app(), CONTENT).do(view) == [False, True, True]


def mark(modified: bool) -> Callable[[], None]:
    def view() -> None:
        session["l"].append(4)
        session.modified = modified

    return view


def test_modified_can_be_taken_back() -> None:
    def view() -> list[bool]:
        session["l"].append(2)
        session.modified = False
        seen = [session.modified]
        session["l"].append(3)
        return [*seen, session.modified]

    visitor = Visitor(new_app(), CONTENT)
    assert visitor.do(view) == [False, True]
    assert visitor.was_set
    visitor.do(mark(False))
    assert not visitor.was_set
    visitor.do(mark(True))
    assert visitor.was_set


def test_a_value_that_cannot_be_written_is_an_error_as_it_is_when_it_is_assigned() -> None:
    app = new_app(PROPAGATE_EXCEPTIONS=True)
    visitor = Visitor(app, CONTENT)
    with pytest.raises(TypeError, match="not JSON serializable"):
        visitor.do(lambda: session["l"].append(object()))
    with pytest.raises(TypeError, match="not JSON serializable"):
        visitor.do(lambda: (session.__setitem__("x", object()), session["x"], "")[-1])


def test_a_key_that_was_read_and_removed_stays_removed(visitor: Visitor) -> None:
    visitor.do(lambda: (session["l"], session.pop("l"))[-1])
    assert "l" not in visitor.content()


@pytest.mark.parametrize(
    ("content", "is_tracked"),
    [
        ({}, False),
        ({"n": 1, "s": "[{", "none": None, "b": b"[", "m": Markup("["), "d": datetime.now(timezone.utc)}, False),
        ({"l": []}, True),
        ({"t": ()}, True),
        ({"d": {}}, True),
    ],
)
def test_only_a_session_with_values_that_can_be_changed_is_tracked(
    visitor: Visitor, content: dict[str, Any], is_tracked: bool
) -> None:
    visitor.do(lambda: [session.popitem() for _ in CONTENT] and session.update(content))
    kind = visitor.do(lambda: type(session._get_current_object()).__name__)  # type: ignore[attr-defined] # a proxy
    assert kind == ("TrackedSession" if is_tracked else "SecureCookieSession")


def test_a_session_class_of_ones_own_is_used_for_any_content() -> None:
    class Own(SecureCookieSession):
        pass

    class Interface(SecureCookieSessionInterface):
        session_class = Own

    visitor = Visitor(new_app(Interface()), CONTENT)
    assert visitor.do(lambda: type(session._get_current_object()).__name__) == "Own"  # type: ignore[attr-defined]


def test_a_value_is_encoded_only_when_it_was_handed_out_and_differs() -> None:
    encoded: list[Any] = []

    def encode(value: Any) -> str:
        encoded.append(value)
        return json.dumps(value)

    opened = TrackedSession({"a": [1], "b": [2], "n": 3}, encode)
    assert not opened.modified
    assert opened["n"] == opened.get("n") == 3
    assert encoded == []
    assert opened["a"] == opened.get("a") == [1]
    assert not opened.modified
    assert encoded == []
    opened["a"].append(2)
    assert opened.modified
    assert encoded == [[1, 2], [1]]
    assert opened.get("x", 7) == 7
    assert "x" not in opened


# --- operations -------------------------------------------------------------------------------------------------------


class Plain(dict[str, Any], SessionMixin):
    """A session of some other interface."""


sessions = pytest.mark.parametrize(
    "opened", [SecureCookieSession, Plain, lambda: TrackedSession({}, json.dumps)], ids=["own", "plain", "tracked"]
)


@sessions
def test_numbers_are_added(opened: Callable[[], Any]) -> None:
    it = opened()
    assert [it.add("n"), it.add("n", 4), it.add("n", 0.5), it.add("m", -1)] == [1, 5, 5.5, -1]
    assert dict(it) == {"n": 5.5, "m": -1}
    assert it.modified


@sessions
@pytest.mark.parametrize(("before", "number"), [("a", 1), (True, 1), ([], 1), (1, "a"), (1, True), (None, 1)])
def test_what_is_no_number_is_not_added(opened: Callable[[], Any], before: Any, number: Any) -> None:
    it = opened()
    it["n"] = before
    with pytest.raises(TypeError, match=r"session\.add\('n', \.\.\.\) adds numbers"):
        it.add("n", number)
    assert dict(it) == {"n": before}


@sessions
def test_values_are_appended(opened: Callable[[], Any]) -> None:
    it = opened()
    it.append("l", 1)
    it.append("l", 2, (3,))
    it["t"] = (1,)
    it.append("t", 2)
    it.append("e")
    assert dict(it) == {"l": [1, 2, (3,)], "t": [1, 2], "e": []}
    assert it.modified


@sessions
@pytest.mark.parametrize("before", ["abc", 1, {"a": 1}, None])
def test_nothing_is_appended_to_what_is_no_list(opened: Callable[[], Any], before: Any) -> None:
    it = opened()
    it["l"] = before
    with pytest.raises(TypeError, match=r"session\.append\('l', \.\.\.\) needs a list"):
        it.append("l", 1)
    assert dict(it) == {"l": before}


@sessions
def test_a_value_is_changed_by_a_function(opened: Callable[[], Any]) -> None:
    it = opened()
    assert it.change("c", lambda found: {**found, "a": 1}, {}) == {"a": 1}
    assert it.change("n", str) == "None"
    assert dict(it) == {"c": {"a": 1}, "n": "None"}


def test_operations_are_saved(visitor: Visitor) -> None:
    visitor.do(lambda: session.add("n"))
    visitor.do(lambda: session.append("l", 2))
    visitor.do(lambda: session.change("s", str.upper))
    assert visitor.content() == {**CONTENT, "n": 6, "l": [1, {"d": []}, 2], "s": "TEXT"}


def test_a_message_is_flashed_by_appending_it() -> None:
    class Appending(SecureCookieSession):
        def append(self, key: str, *values: Any) -> None:
            super().append(key, *values, "seen")

    class Interface(SecureCookieSessionInterface):
        session_class = Appending

    visitor = Visitor(new_app(Interface()))
    visitor.do(lambda: flash("hello"))
    assert visitor.content() == {"_flashes": [("message", "hello"), "seen"]}


def test_a_message_is_flashed_in_a_session_without_the_method() -> None:
    kept: dict[str, Any] = {}

    class Kept(dict[str, Any]):
        accessed = modified = permanent = False

    class Interface(SessionInterface):
        def open_session(self, app: Any, request: Any) -> Any:
            return Kept(kept)

        def save_session(self, app: Any, opened: Any, response: Any) -> None:
            kept.update(opened)

    visitor = Visitor(new_app(Interface()))
    visitor.do(lambda: flash("hello"))
    visitor.do(lambda: flash("again", "error"))
    assert kept == {"_flashes": [("message", "hello"), ("error", "again")]}


@pytest.mark.parametrize(
    "made",
    [
        SecureCookieSession(),
        TrackedSession({}, TaggedJSONSerializer().dumps),
        ServerSession(TaggedJSONSerializer()),
    ],
    ids=lambda made: type(made).__name__,
)
def test_every_session_takes_defaults_by_name(made: SecureCookieSession) -> None:
    assert made.pop("x", default=1) == 1
    assert made.pop("x", None) is None
    with pytest.raises(KeyError):
        made.pop("x")
    assert made.setdefault("x", default=2) == 2
    assert made.pop(key="x") == 2
    assert made == {}


def test_a_value_that_was_read_and_not_changed_is_encoded_once_with_the_session() -> None:
    visitor = Visitor(new_app(), {"l": [1, {"d": []}], "c": {"p": 1}, "n": 5})
    visitor.do(lambda: session["n"])
    for change, is_set in [
        (lambda: session["l"], False),
        (lambda: session["l"].append(2), True),
        (lambda: session["l"].append(2) or (session["l"].pop() and None), False),
        (lambda: session["c"].update(p=1), False),
        (lambda: session["c"].update(p=1.0), True),
        (lambda: session["c"].update(p=True), True),
        (lambda: [session.update(l=session["l"]), session["l"].append(3)], True),
        (lambda: next(iter(session.values())), False),
        (lambda: session["l"].append(session["c"]), True),
    ]:
        visitor.do(change)
        assert visitor.was_set == is_set
    assert visitor.do(lambda: dict(session)) == {"l": [1, {"d": []}, 2, 3, {"p": True}], "c": {"p": True}, "n": 5}


def test_a_session_in_another_notation_is_compared_value_by_value() -> None:
    app = new_app()
    app.json.sort_keys = False
    visitor = Visitor(app, {"z": [{"y": 1, "x": 2}], "a": [1]})
    app.json.sort_keys = True
    visitor.do(lambda: session["z"])
    assert not visitor.was_set
    visitor.do(lambda: session["a"].append(2))
    assert visitor.was_set
    visitor.do(lambda: [session["z"], session["a"]])
    assert not visitor.was_set


def test_changes_before_modified_is_reset_are_not_saved_and_later_ones_are() -> None:
    visitor = Visitor(new_app(), {"l": [1]})

    def reset(*later: int) -> None:
        session["l"].append(2)
        session.modified = False
        session["l"].extend(later)

    visitor.do(reset)
    assert not visitor.was_set
    visitor.do(lambda: reset(3))
    assert visitor.was_set


# --- whatever is inside -----------------------------------------------------------------------------------------------

_inner = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from([0.0, -0.0, 1.0, float("nan"), 2**80])),
        *(st.text(max_size=2), st.binary(max_size=2), st.uuids(), st.just(Markup("<b>")), st.just("\ud800")),
        *(st.datetimes(timezones=st.just(timezone.utc)), st.just({1, 2}), st.just({1: 2, "1": 2}), st.just(1j)),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=2).map(tuple),
        st.dictionaries(st.sampled_from(["a", "b", " t", " di__"]), inner, max_size=3),
    ),
    max_leaves=6,
)


def _text_of(value: Any) -> str | None:
    try:
        return TaggedJSONSerializer().dumps(value)
    except Exception:  # noqa: BLE001 - it cannot be saved
        return None


@settings(derandomize=True, deadline=None, database=None, max_examples=600)
@given(st.lists(_inner, max_size=3), _inner, st.sampled_from(["none", "equal", "append", "replace", "turn"]))
def test_a_session_is_modified_exactly_if_the_text_of_a_value_is_another(inner: Any, other: Any, change: str) -> None:
    value = [{"x": inner, "y": 1}, 2]
    before = _text_of(value)
    opened = TrackedSession({"key": value, "n": 1}, TaggedJSONSerializer().dumps)
    found: Any = opened["key"]
    if change == "equal":
        # Other objects that are equal.
        found[0]["x"] = copy.deepcopy(inner)
    elif change == "append":
        found[0]["x"].append(other)
    elif change == "replace":
        found[0]["y"] = other
    elif change == "turn":
        # Keys in another order have the same text.
        found[0]["x"] = found[0].pop("x")
    after = _text_of(value)
    if before is None or after is None:
        # It cannot be saved, which saving it tells; but what nobody changed is left alone.
        assert opened.modified or change in {"none", "equal", "turn"}
    else:
        assert opened.modified == (before != after)


@pytest.mark.parametrize("its_own", [{}, {CREATED_KEY: 1}], ids=["", "begun"])
@pytest.mark.parametrize("others", [{}, {"l": [1]}, {"s": "text"}], ids=["none", "a list", "a text"])
@pytest.mark.parametrize("is_modified", [False, True], ids=["as it was", "modified"])
def test_a_session_is_emptied_if_it_has_nothing_of_the_applications(
    its_own: dict[str, Any], others: dict[str, Any], is_modified: bool
) -> None:
    made = TrackedSession({**its_own, **others}, TaggedJSONSerializer().dumps)
    made.modified = is_modified
    plain = SecureCookieSession({**its_own, **others})
    plain.modified = is_modified
    assert is_emptied(made) == is_emptied(plain) == (not others and (is_modified or not its_own))


def test_whether_a_session_is_emptied_is_told_without_looking_into_its_values() -> None:
    looked: list[object] = []

    def encode(value: object) -> str:
        looked.append(value)
        return "another text"

    made = TrackedSession({"l": [1]}, encode)
    made._handed_out["l"] = "noted as text"
    assert not is_emptied(made)
    assert looked == []
    assert made.modified
    assert looked
