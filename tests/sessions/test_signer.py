"""The serializer of sessions that an interface signs in its own way writes and reads what itsdangerous does."""

from __future__ import annotations

import hashlib
import string
from typing import TYPE_CHECKING, Any
from unittest import mock

import itsdangerous
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tuile
from tests.beside_flask import make_app
from tests.sessions.test_verified import contents
from tuile.exceptions import BadToken
from tuile.json.tag import TaggedJSONSerializer
from tuile.keys.app_keys import keys_of
from tuile.keys.timed_signer import TimedSigner
from tuile.sessions.signer import BoundedSerializer, session_serializer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuile import Flask

KEY = "5f1b0c9d7e3a48c2b6d4917f20ea63c8"
OLDER = "a72c41d9e05b4f6d8c13"
NOW = 1_800_000_000
TAGGED = TaggedJSONSerializer()
DIGESTS = [hashlib.sha1, hashlib.sha224, hashlib.sha256, hashlib.sha384, hashlib.sha512, hashlib.md5]
token_characters = string.ascii_letters + string.digits + "-_.=~ü"


def app_with(*older: str) -> Flask:
    """Return an application with a key and older ones."""
    return make_app(tuile, SECRET_KEY=KEY, SECRET_KEY_FALLBACKS=list(older))


def theirs_for(app: Flask, salt: Any, derivation: str, digest: Any) -> Any:
    """Return the serializer that Flask would make."""
    keys = [*(app.config["SECRET_KEY_FALLBACKS"] or []), app.secret_key]
    options = {"key_derivation": derivation, "digest_method": digest}
    return itsdangerous.URLSafeTimedSerializer(keys, salt=salt, serializer=TAGGED, signer_kwargs=options)


def ours_for(app: Flask, salt: Any = "s", derivation: str = "hmac", digest: Any = hashlib.sha256) -> BoundedSerializer:
    """Return the serializer of an application."""
    made = session_serializer(app, salt, TAGGED, derivation, digest)
    assert made is not None
    return made


def outcome(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Return the result of a call as text, or the class of its error."""
    try:
        return repr(function(*args, **kwargs))
    except Exception as error:  # noqa: BLE001 - whatever it is
        return type(error)


def at(seconds: float) -> Any:
    """Return a context in which it is so many seconds later."""
    return mock.patch("time.time", return_value=NOW + seconds)


@given(
    content=contents,
    salt=st.one_of(st.text("ab-", min_size=1, max_size=4), st.binary(min_size=1, max_size=4)),
    derivation=st.sampled_from(["hmac", "hmac", "hmac", "concat", "django-concat", "none"]),
    digest=st.sampled_from(DIGESTS),
    older=st.lists(st.just(OLDER), max_size=1),
    later=st.sampled_from([0, 1, 99, 100, 101, 10_000]),
)
@settings(max_examples=150, deadline=None)
def test_a_serializer_writes_and_reads_as_itsdangerous_does(
    content: Any, salt: Any, derivation: str, digest: Any, older: list[str], later: int
) -> None:
    app = app_with(*older)
    theirs = theirs_for(app, salt, derivation, digest)
    for ours in (ours_for(app, salt, derivation, digest), ours_for(app, salt, derivation, digest)):
        with app.app_context():
            with at(0):
                token = theirs.dumps(content)
                assert ours.dumps(content) == token
            with at(later):
                assert outcome(ours.loads, token, max_age=100) == outcome(theirs.loads, token, max_age=100)
                for given in ({}, {"max_age": None}, {"return_timestamp": True}, {"max_age": 0.5}, {"salt": "b"}):
                    assert outcome(ours.loads, token, **given) == outcome(theirs.loads, token, **given)
            with at(-10_000 - later):  # written by a machine whose clock is ahead
                assert outcome(ours.loads, token) == outcome(theirs.loads, token)


@given(
    cut=st.integers(0, 60),
    put=st.text(token_characters, max_size=3),
    content=contents,
    digest=st.sampled_from(DIGESTS[:3]),
)
@settings(max_examples=150, deadline=None)
def test_a_changed_token_is_refused_as_itsdangerous_refuses_it(cut: int, put: str, content: Any, digest: Any) -> None:
    app = app_with()
    ours, theirs = ours_for(app, "s", "hmac", digest), theirs_for(app, "s", "hmac", digest)
    with app.app_context(), at(0):
        token = theirs.dumps(content)
        token = token[: -cut - 1] + put + token[len(token) - cut :]
        assert outcome(ours.loads, token, max_age=100) == outcome(theirs.loads, token, max_age=100)
        assert outcome(ours.loads, token.encode(), max_age=100) == outcome(theirs.loads, token, max_age=100)
        assert outcome(ours.loads, token) == outcome(theirs.loads, token)


def test_sessions_of_an_older_key_are_read_until_it_is_removed() -> None:
    app = app_with(OLDER)
    token = ours_for(make_app(tuile, SECRET_KEY=OLDER)).dumps({"a": 1})
    assert ours_for(app).loads(token, max_age=100) == {"a": 1}
    app.config["SECRET_KEY_FALLBACKS"].clear()
    with pytest.raises(itsdangerous.BadSignature):
        ours_for(app).loads(token, max_age=100)


CHANGES: dict[str, Callable[[Any], object]] = {
    "keys": lambda made: made.secret_keys.append(b"another"),
    "salt": lambda made: setattr(made, "salt", b"another"),
    "digest": lambda made: made.signer_kwargs.update(digest_method=hashlib.sha512),
    "fallback": lambda made: made.fallback_signers.append({"digest_method": hashlib.sha512}),
    "serializer": lambda made: setattr(made, "serializer", TaggedJSONSerializer()),
    "signer": lambda made: setattr(made, "signer", itsdangerous.TimestampSigner),
    "make_signer": lambda made: setattr(made, "make_signer", made.make_signer),
}


@pytest.mark.parametrize("change", CHANGES)
def test_one_that_was_changed_is_as_itsdangerous_has_it_and_others_are_not_changed(change: str) -> None:
    app = app_with()
    for _ in range(2):
        changed, theirs = ours_for(app), theirs_for(app, "s", "hmac", hashlib.sha256)
        CHANGES[change](changed)
        CHANGES[change](theirs)
        with at(0), mock.patch.object(TimedSigner, "sign") as sign:
            assert changed.dumps({"a": 1}) == theirs.dumps({"a": 1})
        assert not sign.called
        with at(0):
            assert ours_for(app).dumps({"a": 1}) == theirs_for(app, "s", "hmac", hashlib.sha256).dumps({"a": 1})


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (itsdangerous.Serializer, "dump_payload"),
        (itsdangerous.Serializer, "load_payload"),
        (itsdangerous.Signer, "unsign"),
        (itsdangerous.signer.HMACAlgorithm, "get_signature"),
        (itsdangerous.TimestampSigner, "get_timestamp"),
        (itsdangerous.TimestampSigner, "timestamp_to_datetime"),
        (itsdangerous.TimestampSigner, "unsign"),
        (itsdangerous.URLSafeTimedSerializer, "make_signer"),
        (itsdangerous.URLSafeTimedSerializer, "load_payload"),
    ],
)
def test_a_patch_of_itsdangerous_is_called(owner: Any, name: str) -> None:
    app = app_with()
    original = getattr(owner, name)
    with mock.patch.object(owner, name, autospec=True, side_effect=original) as patched:
        assert ours_for(app).loads(ours_for(app).dumps({"a": 1}), max_age=100) == {"a": 1}
    assert patched.called


def test_signers_are_kept_for_the_settings_that_they_were_made_of() -> None:
    app = app_with()
    first = ours_for(app)
    assert ours_for(app).as_made is first.as_made is not None
    assert ours_for(app, "other").as_made is not first.as_made
    app.config["SECRET_KEY"] = OLDER
    changed = ours_for(app)
    assert changed.secret_keys == [OLDER.encode()]
    with pytest.raises(itsdangerous.BadSignature):
        changed.loads(first.dumps({"a": 1}), max_age=100)


def test_a_key_that_another_thread_sets_meanwhile_is_not_kept_for_the_one_before() -> None:
    app = app_with()

    def keys_after_a_change(app: Flask) -> Any:
        app.config["SECRET_KEY"] = OLDER
        return keys_of(app)

    with mock.patch("tuile.sessions.signer.keys_of", keys_after_a_change):
        assert ours_for(app).secret_keys == [OLDER.encode()]
    app.config["SECRET_KEY"] = KEY
    assert ours_for(app).secret_keys == [KEY.encode()]


def test_what_cannot_be_written_raises_the_error_of_itsdangerous() -> None:
    app = app_with()
    theirs = theirs_for(app, "s", "hmac", hashlib.sha256)
    for content in (object(), {"a": {1, 2}}):
        assert outcome(ours_for(app).dumps, content) == outcome(theirs.dumps, content)
    with pytest.raises(ValueError, match="octets as JSON"):
        ours_for(app).dumps({"a": "x" * 300_000})


def test_a_token_that_inflates_too_far_is_refused() -> None:
    app = app_with()
    token = theirs_for(app, "s", "hmac", hashlib.sha256).dumps({"a": "x" * 300_000})
    with pytest.raises(itsdangerous.BadPayload) as caught:
        ours_for(app).loads(token, max_age=100)
    assert isinstance(caught.value.original_error, BadToken)


def test_no_repr_and_no_traceback_shows_a_key() -> None:
    made = ours_for(app_with())
    assert KEY not in f"{made!r} {made.as_made!r} {vars(made)['as_made']!r}"
