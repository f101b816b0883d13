"""Whatever a client sends as the cookie of its session, in whichever way sessions are kept: never an error."""

from __future__ import annotations

import random
import string
from typing import TYPE_CHECKING, Any

import pytest

from tests.stores.site import Site
from tests.stores.test_moving import KEY, signed, whole, writing
from tuile.sessions import Session
from tuile.sessions.identity import new_identity, parse
from tuile.sessions.operations import Create
from tuile.sessions.record import Clocks, Record
from tuile.sessions.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIGS: dict[str, dict[str, Any]] = {
    "a store": {},
    "a store and signed cookies from before": {"SECRET_KEY": KEY},
    "signed cookies": {"SECRET_KEY": KEY, "SESSION_WRITES": "cookie", "SESSION_EPOCH_AGE": 0},
    "encrypted cookies": {"SECRET_KEY": KEY, "SESSION_WRITES": "cookie", "SESSION_ENCRYPT": True},
    "large ones in the store": {"SECRET_KEY": KEY, "SESSION_OVERFLOW": "spill"},
    "refused sessions are not read": {"SECRET_KEY": KEY, "SESSION_ABSOLUTE": 3600, "SESSION_RENEW": 60},
    "Flask-Session": {"SECRET_KEY": KEY, "SESSION_TYPE": "filesystem"},
    "Flask-Session with signed ids": {"SECRET_KEY": KEY, "SESSION_TYPE": "filesystem", "SESSION_USE_SIGNER": True},
}


@pytest.fixture(params=CONFIGS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    config = dict(CONFIGS[request.param])
    if "SESSION_TYPE" in config:
        config["SESSION_FILE_DIR"] = str(tmp_path)
    site = Site(MemoryStore(), **config)
    if "SESSION_TYPE" in config:
        Session(site.app)
    return site


def changed(text: str, choose: random.Random) -> str:
    """A text with one change: something cut, doubled, turned around or put in."""
    at, other = sorted((choose.randrange(len(text) + 1), choose.randrange(len(text) + 1)))
    letters = string.ascii_letters + string.digits + "-_.=%+/\\ \t\"'{}[]:,é\x7f\xff"
    return choose.choice(
        [
            text[:at] + text[other:],
            text[:at] + choose.choice(letters) + text[at:],
            text[:at] + text[at:other] * 2 + text[other:],
            text[:at] + text[at:other][::-1] + text[other:],
            text.swapcase(),
            text + text,
        ]
    )


def tokens(site: Site) -> Iterator[str]:
    choose = random.Random(7)
    good = [
        site.ask(writing(_user_id="ada", x=[1])).cookie,
        new_identity().token,
        signed(_user_id="bob", basket=[1]),
        signed(),
        "A" * 43,
        f"{'A' * 43}.{'B' * 27}",
        f"epoch.{'A' * 22}",
        f"moved.{'A' * 22}.{'B' * 32}",
        "eyJ4IjoxfQ.aRyE1g.kqYw7NfVnYlDq0HkI1pA0oJ8Q4c",
        ".eJyrVqpQsjKs",
        "e2.",
        "\0" * 50,
        "9" * 20_000,
    ]
    for token in good:
        yield token or ""
        for _ in range(25):
            text = token or "x"
            for _ in range(choose.randrange(1, 4)):
                text = changed(text, choose)
            yield text.replace(";", "").replace("\n", "").replace("\r", "")[:30_000]


def test_no_cookie_is_an_error_or_somebody_elses_session(site: Site) -> None:
    mine = site.ask(writing(_user_id="eve")).cookie
    for token in tokens(site):
        reply = site.ask(whole, token.encode().decode("latin-1"))
        assert reply.answer.code == 200, token
        assert reply.result.get("_user_id") in {None, "ada", "bob"}, token
        reply = site.ask(writing(y=1), token.encode().decode("latin-1"))
        assert reply.answer.code == 200, token
        if reply.cookie and (parse(reply.cookie) is not None):
            # What is issued is ours, and not what came.
            assert reply.cookie != token
    assert site.content(mine)["_user_id"] == "eve"


def test_several_hostile_cookies_do_not_hide_a_good_one(site: Site) -> None:
    good = site.ask(writing(_user_id="ada")).cookie
    for bad in ("A" * 43, new_identity().token, "x"):
        assert site.content(f"{bad}; session={good}")["_user_id"] == "ada"


@pytest.mark.parametrize(
    "data", [{}, {"epoch": "x"}, {"epoch": "-5"}, {"epoch": "9" * 400}, {"epoch": "é"}, {"x": "1"}]
)
def test_a_record_of_an_epoch_that_is_none_ends_nothing(data: dict[str, str]) -> None:
    store = MemoryStore()
    site = Site(store, SECRET_KEY=KEY, SESSION_WRITES="cookie", SESSION_EPOCH_AGE=0)
    site.app.sessions.end_all("ada")
    [name] = store._records
    store._records.clear()
    store.ask(Create(Record(name, "", data), Clocks(3600.0)))
    cookie = site.ask(writing(_user_id="ada")).cookie
    assert site.content(cookie) == {"_user_id": "ada"}
    site.app.sessions.end_all("ada")
    assert site.content(cookie) == {}


def test_a_record_of_a_session_that_cannot_be_read_is_an_empty_session() -> None:
    store = MemoryStore()
    site = Site(store, SECRET_KEY=KEY)
    former = signed(_user_id="ada")
    cookie = site.ask(writing(x=1), former).cookie
    handle = str(cookie).partition(".")[0]
    for text in ("", "{", '{" t": 1}', '{" d": "no date"}', '{" u": 5}', "[" * 5000, '"\ud800"'):
        store._records[handle] = store._records[handle]._replace(data={"x": text})
        for one in (cookie, former):
            reply = site.ask(whole, one)
            assert reply.answer.code == 200
            assert "_user_id" not in reply.result


def test_the_test_client_has_transactions_in_each_way(site: Site) -> None:
    client = site.app.test_client()
    with client.session_transaction() as session:
        session["x"] = 1
    with client.session_transaction() as session:
        assert session["x"] == 1
        session.clear()
    with client.session_transaction() as session:
        assert dict(session) == {}


def test_secrets_of_former_cookies_are_not_in_what_is_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    for token in (signed(x=1), "A" * 43, new_identity().token):
        site.ask(whole, token)
        assert token not in caplog.text
