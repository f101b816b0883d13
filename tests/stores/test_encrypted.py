"""Sessions that are encrypted before a store gets them: what is in the store, keys, and two requests at once."""

from __future__ import annotations

import json
import sqlite3
import sys
from typing import TYPE_CHECKING, Any

import pytest

import tuile
from tests.stores.conftest import command
from tests.stores.site import Site
from tests.stores.test_merging import GONE, ROWS, put
from tuile import session
from tuile.sessions.operations import Load
from tuile.sessions.record import Clocks
from tuile.sessions.stores.encrypted import EncryptedStore
from tuile.sessions.stores.memory import MemoryStore
from tuile.sessions.stores.postgres import PostgresStore
from tuile.sessions.stores.postgres_wire import Statement
from tuile.sessions.stores.redis import RedisStore
from tuile.sessions.stores.sqlite import SQLiteStore
from tuile.signals import session_conflict, session_gone

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.stores.conftest import Clock
    from tuile.sessions.stores import Store

pytest.importorskip("cryptography")

OLD, NEW, OTHER = (f"{number}{'5e83a7d1f6094bc2c1f0b6e2d94a7385' * 2}" for number in range(3))


@pytest.fixture
def site(store: Store) -> Site:
    return Site(store, SECRET_KEY=OLD, SESSION_ENCRYPT=True)


def beside(site: Site, **config: Any) -> Site:
    """Another process with the same store."""
    return Site(site.store.store, **{"SECRET_KEY": OLD, **config})


def stored(store: Store) -> str:
    """Everything in a store, as text."""
    if isinstance(store, SQLiteStore):
        connection = sqlite3.connect(store.path)
        found = [list(map(str, row)) for row in connection.execute("SELECT * FROM tuile_sessions")]
        connection.close()
        return str(found)
    if isinstance(store, PostgresStore):
        opened = store._connect()
        rows = opened.exchange(Statement("SELECT * FROM tuile_sessions", has_rows=True))
        opened.close()
        return str(rows)
    if isinstance(store, RedisStore):
        return str([command(store, "HGETALL", key) for key in command(store, "KEYS", "session:s:*")])
    assert isinstance(store, MemoryStore)
    return str([(*record, dict(record.data)) for record in store._records.values()])


def record(store: Store, cookie: str) -> Any:
    return store.ask(Load(cookie.partition(".")[0], Clocks(1e9))).record


SECRETS = ("Zaphod", "Beeblebrox", "heart-of-gold", "trillian", "eccentrica")


def test_what_is_in_a_session_is_not_in_the_store(site: Site) -> None:
    cookie = site.begin(Zaphod="Beeblebrox", basket=["heart-of-gold"])
    site.ask(lambda: session["basket"].append("trillian"), cookie)
    site.ask(lambda: session.append("eccentrica", 1), cookie)
    content = {"Zaphod": "Beeblebrox", "basket": ["heart-of-gold", "trillian"], "eccentrica": [1]}
    assert site.content(cookie) == content
    # A login, and what is left of the session before.
    again = site.ask(put(_user_id="ada"), cookie).cookie
    assert site.content(again) == {**content, "_user_id": "ada"}
    assert site.content(cookie) == content
    inside = stored(site.store.store)
    assert "e2." in inside
    assert [word for word in SECRETS if word in inside] == []
    # What lists need is readable.
    assert [entry.user for entry in site.app.sessions.of("ada")] == ["ada"]


def test_the_plain_text_is_there_without_the_setting(store: Store) -> None:
    site = Site(store)
    site.begin(Zaphod="Beeblebrox")
    assert all(word in stored(store) for word in SECRETS[:2])


@pytest.mark.parametrize(
    ("base", "a", "b", "expected", "conflicts"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_two_requests_at_the_same_time(
    site: Site, base: dict[str, Any], a: Any, b: Any, expected: Any, conflicts: tuple[str, ...]
) -> None:
    cookie = site.begin(**base)
    told: list[tuple[str, ...]] = []

    def note(app: Any, keys: tuple[str, ...], **_: Any) -> None:
        told.append(keys)

    def meanwhile() -> None:
        session.get("x")
        assert site.ask(b, cookie).answer.code == 200
        a()

    with session_conflict.connected_to(note, site.app):
        assert site.ask(meanwhile, cookie).answer.code == 200
    assert site.content(cookie) == ({} if expected is GONE else json.loads(json.dumps(expected)))
    assert told == ([conflicts] if conflicts else [])


def test_a_conflict_can_be_an_error(site: Site) -> None:
    site.app.config["SESSION_CONFLICT"] = "error"
    cookie = site.begin(x=0)

    def meanwhile() -> None:
        session["x"] = 1
        session["y"] = 1
        site.ask(put(x=2), cookie)

    assert site.ask(meanwhile, cookie).answer.code == 500
    assert site.content(cookie) == {"x": 2}


def test_a_request_saves_twice(site: Site) -> None:
    """As with an error page, whose response is another one."""
    cookie = site.begin(x=0)

    def view() -> None:
        session["x"] = 1
        site.app.session_interface.save_session(site.app, session._get_current_object(), tuile.make_response(""))  # type: ignore[attr-defined]
        site.ask(put(z=3), cookie)
        session["y"] = 2

    site.ask(view, cookie)
    assert site.content(cookie) == {"x": 1, "y": 2, "z": 3}


def test_a_slow_request_does_not_log_in_again(site: Site) -> None:
    cookie = site.ask(put(_user_id="ada")).cookie
    told: list[Any] = []

    def note(app: Any, **what: Any) -> None:
        told.append(what["user"])

    def view() -> None:
        session["x"] = 1
        site.ask(lambda: session.end(), cookie)  # noqa: PLW0108 - a proxy

    with session_gone.connected_to(note, site.app):
        assert site.ask(view, cookie).cookie is None
    assert told == ["ada"]
    assert site.content(cookie) == {}


# --- keys -------------------------------------------------------------------------------------------------------------


def test_another_key_reads_as_long_as_it_is_a_fallback(site: Site) -> None:
    cookie = site.begin(x=1)
    new = beside(site, SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[OLD], SESSION_ENCRYPT=True)
    assert new.content(cookie) == {"x": 1}
    token = record(site.store.store, cookie).data[""]
    assert token.split(".")[1] == site.app.keyring.current_id
    new.ask(put(y=2), cookie)
    token = record(site.store.store, cookie).data[""]
    assert token.split(".")[1] == new.app.keyring.current_id
    assert beside(site, SECRET_KEY=NEW, SESSION_ENCRYPT=True).content(cookie) == {"x": 1, "y": 2}
    # The keys are read at each use.
    site.app.config["SECRET_KEY"] = NEW
    assert site.content(cookie) == {"x": 1, "y": 2}


def test_without_its_key_a_session_is_empty_and_says_why(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    cookie = site.begin(x=1)
    other = beside(site, SECRET_KEY=OTHER, SESSION_ENCRYPT=True)
    assert other.content(cookie) == {}
    assert f"The session {cookie.partition('.')[0]} cannot be read" in caplog.text
    assert other.ask(put(y=1), cookie).cookie != cookie
    assert site.content(cookie) == {"x": 1}


def test_what_was_encrypted_with_another_key_meanwhile_is_not_overwritten(site: Site) -> None:
    cookie = site.begin(x=1)
    new = beside(site, SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[OLD], SESSION_ENCRYPT=True)

    def view() -> None:
        session["y"] = 1
        new.ask(put(z=1), cookie)

    assert site.ask(view, cookie).answer.code == 503
    assert new.content(cookie) == {"x": 1, "z": 1}


def test_a_token_belongs_to_its_session(store: Store) -> None:
    """Who can write to the store cannot give one user the content of another."""
    if not isinstance(store, SQLiteStore):
        pytest.skip("it is the same for all")
    site = Site(store, SECRET_KEY=OLD, SESSION_ENCRYPT=True)
    ada, bob = site.begin(role="admin"), site.begin(role="guest")
    connection = sqlite3.connect(store.path)
    connection.execute(
        "UPDATE tuile_sessions SET data = (SELECT data FROM tuile_sessions WHERE handle = ?) WHERE handle = ?",
        (ada.partition(".")[0], bob.partition(".")[0]),
    )
    connection.commit()
    connection.close()
    assert site.content(bob) == {}
    assert site.content(ada) == {"role": "admin"}


@pytest.mark.parametrize("token", ["e2.", "e2.12345678.AAAA", "e1.00000000.", "e2." + "A" * 5000, "e3.x", ""])
def test_a_broken_token_is_an_empty_session(token: str, tmp_path: Any) -> None:
    site = Site(SQLiteStore(tmp_path / "s.db"), SECRET_KEY=OLD, SESSION_ENCRYPT=True)
    cookie = site.begin(x=1)
    connection = sqlite3.connect(tmp_path / "s.db")
    connection.execute("UPDATE tuile_sessions SET data = ?", (json.dumps({"": token}),))
    connection.commit()
    connection.close()
    for one in (site, beside(site)):
        reply = one.ask(lambda: dict(session), cookie)
        assert (reply.answer.code, reply.result) == (200, {})


# --- switching it on and off ------------------------------------------------------------------------------------------


def test_it_can_be_switched_on_while_users_are_logged_in(site: Site, clock: Clock) -> None:
    plain = beside(site)
    cookie = plain.begin(Zaphod="Beeblebrox", basket=["heart-of-gold"])
    assert site.content(cookie) == {"Zaphod": "Beeblebrox", "basket": ["heart-of-gold"]}
    site.ask(lambda: session["basket"].append("trillian"), cookie)
    assert [word for word in SECRETS if word in stored(site.store.store)] == []
    assert site.content(cookie) == {"Zaphod": "Beeblebrox", "basket": ["heart-of-gold", "trillian"]}


def test_a_process_without_it_reads_and_changes_what_others_have_encrypted(site: Site) -> None:
    plain = beside(site)
    cookie = site.begin(Zaphod="Beeblebrox", n=1)
    assert plain.content(cookie) == {"Zaphod": "Beeblebrox", "n": 1}
    assert plain.ask(lambda: session.add("n"), cookie).result == 2
    assert site.ask(lambda: session.add("n"), cookie).result == 3
    assert plain.content(cookie) == {"Zaphod": "Beeblebrox", "n": 3}
    # It stays encrypted, and new ones are not.
    assert "Zaphod" not in stored(site.store.store)
    plain.begin(trillian=1)
    assert "trillian" in stored(site.store.store)


def test_a_plain_session_that_is_changed_by_both_at_once_keeps_both(site: Site) -> None:
    plain = beside(site)
    cookie = plain.begin(x=1, n=1)

    def view() -> None:
        session["y"] = 1
        site.ask(put(z=1), cookie)  # encrypts it

    plain.ask(view, cookie)
    assert site.content(cookie) == plain.content(cookie) == {"x": 1, "n": 1, "y": 1, "z": 1}
    cookie = plain.begin(x=1, n=1)

    def other_view() -> None:
        session["y"] = 1
        plain.ask(put(z=1), cookie)

    site.ask(other_view, cookie)
    assert site.content(cookie) == plain.content(cookie) == {"x": 1, "n": 1, "y": 1, "z": 1}
    site.ask(put(y=2), cookie)
    assert site.content(cookie) == {"x": 1, "n": 1, "y": 2, "z": 1}


def test_what_a_plain_process_changes_while_a_session_is_encrypted_is_not_lost(site: Site) -> None:
    plain = beside(site)
    cookie = plain.begin(x=1, n=1, items=[1], both=1, d={"a": 1})

    def of_plain() -> None:
        session["x"] = 2
        session.add("n")
        session.append("items", 2)
        session["d"]["plain"] = 2

    def of_encrypting() -> None:
        session["own"] = 3
        session.add("n")
        session.append("items", 3)
        session["d"]["own"] = 3
        plain.ask(of_plain, cookie)

    site.ask(of_encrypting, cookie)
    together = {"x": 2, "n": 3, "items": [1, 2, 3], "both": 1, "d": {"a": 1, "plain": 2, "own": 3}, "own": 3}
    assert site.content(cookie) == plain.content(cookie) == together
    # With the next save nothing is plain any more.
    site.ask(put(own=4), cookie)
    assert site.content(cookie) == {**together, "own": 4}
    assert "items" not in stored(site.store.store)


def test_any_key_can_be_encrypted(site: Site) -> None:
    content = {"": "empty", "\0": "\0", "é": ["é"], "half": "\ud800"}
    plain = beside(site)
    for first, second in ((site, plain), (plain, site)):
        cookie = first.begin(**content)
        second.ask(put(x=1), cookie)
        for one in (first, second):
            assert one.content(cookie) == {**content, "x": 1}


def test_the_setting_is_read_at_each_use_and_keeps_a_store_in_memory() -> None:
    app = tuile.Flask("site", static_folder=None)
    app.config.update(SECRET_KEY=OLD, SESSION_STORE="memory")
    app.add_url_rule("/", "view", lambda: str(session.add("n")))
    client = app.test_client()
    assert client.get("/").text == "1"
    app.config["SESSION_ENCRYPT"] = True
    assert client.get("/").text == "2"
    assert "encrypted" in app.sessions.describe()
    app.config["SESSION_ENCRYPT"] = False
    assert client.get("/").text == "3"


# --- what is missing --------------------------------------------------------------------------------------------------


def make_app(**config: Any) -> tuile.Flask:
    app = tuile.Flask("site", static_folder=None)
    app.config.update({"SESSION_STORE": "memory", "SESSION_ENCRYPT": True, **config})
    app.add_url_rule("/", "view", lambda: "page")
    return app


def test_without_a_key_it_is_an_error_before_the_first_answer() -> None:
    with pytest.raises(RuntimeError, match="SESSION_ENCRYPT encrypts sessions with the SECRET_KEY"):
        make_app().test_client().get("/")


def test_without_the_package_it_is_an_error_before_the_first_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(RuntimeError, match=r'pip install "tuile\[crypto\]"'):
        make_app(SECRET_KEY=OLD).test_client().get("/")


def test_an_encrypted_store_names_what_it_wraps() -> None:
    ring: Callable[[], Any] = lambda: tuile.Flask("x").keyring  # noqa: E731
    with pytest.raises(RuntimeError):
        EncryptedStore(MemoryStore(), ring)
    app = make_app(SECRET_KEY=OLD)
    assert app.sessions.describe() == "MemoryStore, encrypted"
