"""Encrypted sessions and SHA-256: changing the settings logs nobody out, in either direction."""

from __future__ import annotations

import base64
import hashlib
import logging
import sys
from typing import TYPE_CHECKING, Any
from unittest import mock

import flask
import pytest
from flask.sessions import SecureCookieSessionInterface as FlasksInterface
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import tuile
from tests.beside_flask import Answer, make_environ, send
from tuile.keys.ring import key_id
from tuile.sessions import SecureCookieSessionInterface

if TYPE_CHECKING:
    from tuile import Flask

NOW = 1_700_000_000
KEY = "c1f0b6e2d94a7385 current 5e83a7d1f6094bc2"
FORMER = "7b29d5f0e8a1c364 former 90e4c6b7a2f1d358"
DAY = 24 * 3600

quick = settings(
    derandomize=True, deadline=None, database=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
contents = st.dictionaries(
    st.text(max_size=8), st.one_of(st.text(), st.integers(), st.none(), st.booleans()), min_size=1
)


class Sha256Interface(FlasksInterface):
    """The interface that users of Flask write to sign with SHA-256."""

    digest_method = staticmethod(hashlib.sha256)


def new_app(lib: Any = tuile, **config: Any) -> Any:
    app = lib.Flask("app", static_folder=None)
    app.config.update({"SECRET_KEY": KEY, "TESTING": True, **config})
    app.add_url_rule("/write", "write", lambda: lib.session.update(lib.request.environ["test.content"]) or "written")
    app.add_url_rule("/read", "read", lambda: repr(dict(lib.session)))
    app.add_url_rule("/count", "count", lambda: lib.session.update(n=lib.session.get("n", 0) + 1) or "counted")
    return app


def flasks(**config: Any) -> Any:
    """Return a Flask application that signs with SHA-256."""
    app = new_app(flask, **config)
    app.session_interface = Sha256Interface()
    return app


def token_of(answer: Answer) -> str:
    (line,) = [value for name, value in answer.headers if name == "Set-Cookie"]
    return line.partition(";")[0].partition("=")[2]


def visit(app: Any, path: str, token: str | None = None, now: int = NOW, content: Any = None) -> Answer:
    cookie = {} if token is None else {"HTTP_COOKIE": f"session={token}"}
    with mock.patch("time.time", return_value=now):
        answer = send(app, make_environ(path, **cookie) | {"test.content": content})
    assert answer.code == 200, answer.text
    return answer


def written(app: Any, content: dict[str, Any], now: int = NOW) -> str:
    return token_of(visit(app, "/write", now=now, content=content))


def read(app: Any, token: str, now: int = NOW) -> str:
    return visit(app, "/read", token, now).text


SHA1: dict[str, Any] = {}
SHA256 = {"SESSION_DIGEST": "sha256"}
ENCRYPTED = {"SESSION_ENCRYPT": True}
WAYS = [SHA1, SHA256, ENCRYPTED, {**SHA256, **ENCRYPTED}]
every_way = pytest.mark.parametrize("way", WAYS, ids=["sha1", "sha256", "encrypted", "both"])
every_other_way = pytest.mark.parametrize("other", WAYS, ids=["sha1", "sha256", "encrypted", "both"])


# --- nobody is logged out ---------------------------------------------------------------------------------------------


@every_way
@every_other_way
def test_a_session_of_one_way_is_read_by_every_other_and_written_in_its_way(
    way: dict[str, Any], other: dict[str, Any]
) -> None:
    token = written(new_app(**way), {"n": 1, "user": "ada"})
    moved = new_app(**other)
    assert read(moved, token) == "{'n': 1, 'user': 'ada'}"
    again = token_of(visit(moved, "/count", token))
    assert again.startswith("e2.") is bool(other.get("SESSION_ENCRYPT"))
    if not other.get("SESSION_ENCRYPT"):
        assert len(again.rpartition(".")[2]) == (43 if other == SHA256 else 27)
    assert read(new_app(**way), again) == "{'n': 2, 'user': 'ada'}"


@every_way
@every_other_way
def test_a_session_of_a_former_key_is_read_and_written_with_the_current_one(
    way: dict[str, Any], other: dict[str, Any]
) -> None:
    token = written(new_app(SECRET_KEY=FORMER, **way), {"n": 1})
    assert read(new_app(**other), token) == "{}"
    rotated = new_app(SECRET_KEY_FALLBACKS=[FORMER], **other)
    again = token_of(visit(rotated, "/count", token))
    assert read(new_app(**other), again) == "{'n': 2}"
    assert read(new_app(SECRET_KEY=FORMER, **other), again) == "{}"


@quick
@given(contents, st.sampled_from([None, [FORMER], [FORMER, "another"]]))
@example({"a": "a" * 500}, None)
def test_sha256_sessions_are_those_of_a_flask_with_sha256(content: dict[str, Any], fallbacks: Any) -> None:
    keys = {"SECRET_KEY_FALLBACKS": fallbacks}
    ours, theirs = new_app(**SHA256, **keys), flasks(**keys)
    token = written(ours, content)
    assert written(theirs, content) == token
    assert read(theirs, token) == read(ours, token) == read(new_app(), token)


@quick
@given(contents)
def test_sha1_sessions_of_flask_are_read_after_every_change_and_go_back(content: dict[str, Any]) -> None:
    token = written(new_app(flask, SECRET_KEY=FORMER), content)
    told = read(new_app(flask, SECRET_KEY=FORMER), token)
    for way in WAYS:
        assert read(new_app(SECRET_KEY_FALLBACKS=[FORMER], **way), token) == told
    back = new_app(SECRET_KEY_FALLBACKS=[FORMER])
    encrypted = written(new_app(SECRET_KEY=FORMER, **ENCRYPTED), content)
    assert read(back, encrypted) == told
    again = token_of(visit(back, "/write", encrypted, content={"more": 1}))
    assert read(new_app(flask), again) == read(back, again)


def test_a_digest_is_changed_while_the_app_runs() -> None:
    app = new_app()
    first = written(app, {"n": 1})
    app.config["SESSION_DIGEST"] = "sha256"
    second = written(app, {"n": 1})
    app.config["SESSION_ENCRYPT"] = True
    third = written(app, {"n": 1})
    del app.config["SESSION_DIGEST"], app.config["SESSION_ENCRYPT"]  # as of a configuration without our own settings
    assert written(app, {"n": 1}) == first
    assert [read(app, token) for token in (first, second, third)] == ["{'n': 1}"] * 3
    assert (len(first.rpartition(".")[2]), len(second.rpartition(".")[2]), third[:3]) == (27, 43, "e2.")


def test_a_digest_that_is_none_of_the_two_is_an_error() -> None:
    for app in (new_app(SESSION_DIGEST="md5"), new_app(SESSION_DIGEST="md5", SECRET_KEY_FALLBACKS=[FORMER])):
        with pytest.raises(ValueError, match="SESSION_DIGEST must be 'sha1'"):
            written(app, {"n": 1})
        with pytest.raises(ValueError, match="SESSION_DIGEST must be"):
            app.session_interface.get_signing_serializer(app)


@pytest.mark.parametrize("config", [SHA1, SHA256], ids=["sha1", "sha256"])
def test_the_serializer_that_others_ask_for_makes_and_reads_the_same_sessions(config: dict[str, Any]) -> None:
    app, other = new_app(**config), new_app(**(SHA256 if config == SHA1 else SHA1))
    serializer = app.session_interface.get_signing_serializer(app)
    with mock.patch("time.time", return_value=NOW):
        assert serializer.dumps({"n": 1}) == written(app, {"n": 1})
        assert serializer.loads(written(app, {"n": 1})) == serializer.loads(written(other, {"n": 1})) == {"n": 1}


# --- encrypted --------------------------------------------------------------------------------------------------------


def test_an_encrypted_session_does_not_show_what_is_in_it() -> None:
    app = new_app(**ENCRYPTED)
    tokens = {written(app, {"user": "ada lovelace"}) for _ in range(20)}
    assert len(tokens) == 20
    for token in tokens:
        assert b"lovelace" not in base64.urlsafe_b64decode(token.rpartition(".")[2] + "==")


@quick
@given(contents, st.sampled_from([{"n": (1, b"2")}, {}]))
def test_what_is_in_an_encrypted_session_comes_out(content: dict[str, Any], more: dict[str, Any]) -> None:
    content = {**content, **more}
    token = written(new_app(**ENCRYPTED), content)
    assert read(new_app(), token) == read(new_app(), written(new_app(), content))


def test_an_encrypted_session_is_refused_changed_moved_and_late() -> None:
    app = new_app(**ENCRYPTED)
    token = written(app, {"n": 1})
    for position in range(len(token)):
        other = "A" if token[position] != "A" else "B"
        assert read(app, token[:position] + other + token[position + 1 :]) == "{}"
        assert read(app, token[:position]) == "{}"
    assert read(app, token, NOW + 31 * DAY) == "{'n': 1}"
    assert read(app, token, NOW + 31 * DAY + 1) == "{}"
    assert read(app, token, NOW - 60) == "{'n': 1}"  # clocks may differ
    assert read(app, token, NOW - 61) == "{}"
    assert read(new_app(PERMANENT_SESSION_LIFETIME=10), token, NOW + 11) == "{}"
    renamed = new_app(SESSION_COOKIE_NAME="other", **ENCRYPTED)
    assert visit(renamed, "/read", f"x; other={token}").text == "{}"
    # Nor is it a cookie's token, or a cookie's token a session.
    with app.test_request_context("/", headers={"Cookie": f"session={token}"}):
        assert tuile.cookies.encrypted.reason("session") == "tampered"
        tuile.cookies.encrypted.set("session", '{"n":1}')
        forged = tuile.cookies["session"]
    assert read(app, forged) == "{}"


def test_sessions_of_other_salts_and_serializers_are_encrypted_too() -> None:
    class Interface(SecureCookieSessionInterface):
        salt = "another salt"

    app = new_app(**ENCRYPTED)
    app.session_interface = Interface()
    token = written(app, {"n": (1, 2)})
    assert token.startswith("e2.")
    assert read(app, token) == "{'n': (1, 2)}"
    assert read(new_app(**ENCRYPTED), token) == "{}"
    app.config["SESSION_ENCRYPT"] = False
    assert read(app, token) == "{'n': (1, 2)}"


def test_without_cryptography_writing_is_an_error_and_reading_says_so_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    token = written(new_app(**ENCRYPTED), {"n": 1})
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(RuntimeError, match=r'pip install "tuile\[crypto\]"'):
        written(new_app(**ENCRYPTED), {"n": 1})
    for sent in (token, "", "nonsense"):
        with pytest.raises(RuntimeError, match=r'pip install "tuile\[crypto\]"'):
            read(new_app(**ENCRYPTED), sent)
    with caplog.at_level(logging.WARNING):
        assert read(new_app(), token) == "{}"
    assert 'pip install "tuile[crypto]"' in caplog.text
    assert token not in caplog.text
    assert KEY not in caplog.text


# --- keys -------------------------------------------------------------------------------------------------------------


def test_a_former_key_that_is_empty_reads_nothing() -> None:
    """Flask reads what anybody can sign with an empty key; such a key comes of a variable that is not set."""
    forged = written(new_app(flask, SECRET_KEY="placeholder", SECRET_KEY_FALLBACKS=None), {"user": "admin"})
    assert read(new_app(), forged) == "{}"
    serializer = FlasksInterface().get_signing_serializer(new_app(flask, SECRET_KEY="x"))
    assert serializer is not None
    serializer.secret_keys = [b""]
    with mock.patch("time.time", return_value=NOW):
        forged = str(serializer.dumps({"user": "admin"}))
    assert read(new_app(flask, SECRET_KEY_FALLBACKS=[""]), forged) == "{'user': 'admin'}"
    for way in WAYS:
        assert read(new_app(SECRET_KEY_FALLBACKS=["", None], **way), forged) == "{}"


@every_way
def test_a_key_that_is_retired_signs_and_reads_no_session(way: dict[str, Any]) -> None:
    token = written(new_app(SECRET_KEY=FORMER, **way), {"n": 1})
    retired = {"SECRET_KEY_RETIRED": [key_id(FORMER)], **way}
    assert read(new_app(SECRET_KEY_FALLBACKS=[FORMER], **retired), token) == "{}"
    for fallbacks in (None, [KEY]):
        app = new_app(SECRET_KEY=FORMER, SECRET_KEY_FALLBACKS=fallbacks, **retired)
        with pytest.raises(RuntimeError, match="listed in SECRET_KEY_RETIRED"):
            read(app, token)


def test_apps_with_keys_of_their_own_do_not_share_them() -> None:
    apps: list[Flask] = [new_app(SECRET_KEY=f"the key of app number {number}") for number in range(3)]
    tokens = [written(app, {"n": number}) for number, app in enumerate(apps)]
    for number, app in enumerate(apps):
        assert [read(app, token) for token in tokens] == [
            f"{{'n': {other}}}" if other == number else "{}" for other in range(3)
        ]
