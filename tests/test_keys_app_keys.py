"""The ring of keys and its tokens: what was not made with one of its keys, for this and in time, is never accepted."""

from __future__ import annotations

import base64
import gc
import hashlib
import inspect
import pickle
import re
import weakref
from itertools import pairwise
from typing import Any
from unittest import mock

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import tuile
from tuile.cli import cli, rotate_keys_command
from tuile.exceptions import BadToken
from tuile.keys.ring import KeyRing, hkdf, key_id
from tuile.keys.tokens import LATEST, Opened, bound_to, is_encrypted
from tuile.keys.weakness import weakness

NOW = 1_700_000_000
KEY = "c1f0b6e2d94a7385 current 5e83a7d1f6094bc2"
FORMER = b"7b29d5f0e8a1c364 former 90e4c6b7a2f1d358"

quick = settings(derandomize=True, deadline=None, database=None, max_examples=150)

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
keys = st.one_of(texts.filter(bool), st.binary(min_size=1))
makers = pytest.mark.parametrize("kind", ["signed", "encrypted"])


def made(ring: KeyRing, kind: str, purpose: str, value: str, **options: Any) -> str:
    make = ring.sign if kind == "signed" else ring.encrypt
    return make(purpose, value, **{"now": NOW, **options})


def opened(ring: KeyRing, kind: str, purpose: str, token: str, **options: Any) -> Opened:
    read = ring.verify if kind == "signed" else ring.decrypt
    return read(purpose, token, **{"now": NOW, **options})


def reason(ring: KeyRing, kind: str, purpose: str, token: str, **options: Any) -> str:
    """Why it is refused: by BadToken and nothing else, and without telling what is in it."""
    try:
        opened(ring, kind, purpose, token, **options)
    except BadToken as error:
        return error.reason if "a value" not in str(error) else "the error tells the value"
    return "accepted"


# --- HKDF: the vectors of RFC 5869, appendix A, for SHA-256 -----------------------------------------------------------


@pytest.mark.parametrize(
    ("secret", "salt", "info", "length", "expected"),
    [
        (
            bytes([0x0B] * 22),
            bytes(range(13)),
            bytes(range(0xF0, 0xFA)),
            42,
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            bytes(range(0x50)),
            bytes(range(0x60, 0xB0)),
            bytes(range(0xB0, 0x100)),
            82,
            (
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
                "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
            ),
        ),
        (
            bytes([0x0B] * 22),
            b"",
            b"",
            42,
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ],
)
def test_hkdf_derives_what_the_standard_says(
    secret: bytes, salt: bytes, info: bytes, length: int, expected: str
) -> None:
    assert hkdf(secret, salt=salt, info=info, length=length).hex() == expected


@quick
@given(st.binary(), st.binary(), st.binary(), st.integers(1, 300))
def test_hkdf_is_that_of_cryptography(secret: bytes, salt: bytes, info: bytes, length: int) -> None:
    theirs = HKDF(algorithm=SHA256(), length=length, salt=salt or None, info=info).derive(secret)
    assert hkdf(secret, salt=salt, info=info, length=length) == theirs


@pytest.mark.parametrize("length", [0, -1, 255 * 32 + 1])
def test_hkdf_refuses_a_length_that_it_cannot_derive(length: int) -> None:
    with pytest.raises(ValueError, match="1 to 8160"):
        hkdf(b"secret", length=length)


# --- tokens: there and back -------------------------------------------------------------------------------------------


@makers
@quick
@given(keys, texts, texts, texts, st.integers(0, LATEST), st.one_of(st.none(), st.integers(1, LATEST)))
@example("a", "", "", "", 0, None)
@example("a", "cookie", "theme", "", LATEST, None)
@example("a", "cookie", "theme", 'd"ä;rk, \n\0', NOW, NOW + 1)
def test_what_was_put_into_a_token_comes_out(
    kind: str, key: str | bytes, purpose: str, name: str, value: str, now: int, expires: int | None
) -> None:
    ring = KeyRing(key)
    token = made(ring, kind, purpose, value, name=name, now=now, expires=expires)
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", token)  # cookie-octets that nothing quotes, RFC 6265bis 4.1.1
    assert is_encrypted(token) is (kind == "encrypted")
    before_the_end = 0 if expires is None else expires - 1
    found = opened(ring, kind, purpose, token, name=name, now=before_the_end)
    assert found == (value, now, expires, ring.current_id)
    assert value not in repr(found) or value in f"<Opened key {ring.current_id}, issued {now}, expires {expires}>"


def test_the_format_of_a_signed_token_stays() -> None:
    ring = KeyRing("a key that never changes")
    token = ring.sign("cookie", "dark", name="theme", now=NOW, expires=NOW + 60)
    assert token == "s1.243cc2b1.AGVT8QAAZVPxPGRhcms.XVg4IERf7QWySonGf3gjPzwqRRMrpE8irKLh_X4sxbc"
    assert ring.verify("cookie", token, name="theme", now=NOW).value == "dark"


def test_the_format_of_an_encrypted_token_stays() -> None:
    ring = KeyRing("a key that never changes")
    token = "e1.243cc2b1.Qa3Mrh_68gjXduva1bPholPQm6uPQJMKfocWXFnAl_h9bO0unx0Stch3SzmDwj8oC8OLJ4VG"
    assert ring.decrypt("cookie", token, name="theme", now=NOW).value == "dark"


def test_an_encrypted_token_does_not_show_its_value_and_is_never_the_same_twice() -> None:
    ring = KeyRing(KEY)
    tokens = {ring.encrypt("p", "attack at dawn", now=NOW) for _ in range(100)}
    assert len(tokens) == 100
    for token in tokens:
        box = base64.urlsafe_b64decode(token.rpartition(".")[2] + "==")
        assert b"dawn" not in box
        assert len(box) == 24 + 10 + len("attack at dawn") + 16


# --- tokens: everything else is refused, with its reason --------------------------------------------------------------

RING = KeyRing(KEY, [FORMER])
TOKENS = {
    kind: made(RING, kind, "purpose", "a value", name="name", expires=NOW + 100) for kind in ("signed", "encrypted")
}


@makers
def test_a_token_with_one_character_changed_is_refused(kind: str) -> None:
    token = TOKENS[kind]
    assert reason(RING, kind, "purpose", token, name="name") == "accepted"
    for position, character in enumerate(token):
        for other in {*"\0\n .=+/-_Aa0z1\x7f\xffä😀\ud800", chr(ord(character) ^ 1), character.swapcase()} - {
            character
        }:
            changed = token[:position] + other + token[position + 1 :]
            assert reason(RING, kind, "purpose", changed, name="name") != "accepted", changed


@makers
def test_every_other_spelling_of_the_last_character_is_refused(kind: str) -> None:
    token = TOKENS[kind]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    accepted = [
        last for last in alphabet if reason(RING, kind, "purpose", token[:-1] + last, name="name") == "accepted"
    ]
    assert accepted == [token[-1]]


@makers
def test_a_token_cut_off_is_refused(kind: str) -> None:
    token = TOKENS[kind]
    for length in range(len(token)):
        for cut in (token[:length], token[length + 1 :], token[:length] + token[length + 1 :]):
            assert reason(RING, kind, "purpose", cut, name="name") != "accepted", cut


@makers
@quick
@given(st.integers(0, 200), st.text(min_size=1, max_size=4))
@example(200, "=")
@example(200, "\n")
@example(200, ".")
@example(0, " ")
def test_a_token_with_something_put_in_is_refused(kind: str, position: int, inserted: str) -> None:
    token = TOKENS[kind]
    assert reason(RING, kind, "purpose", token[:position] + inserted + token[position:], name="name") != "accepted"


@makers
@quick
@given(
    st.one_of(
        st.text(),
        st.from_regex(r"[a-z][0-9]{1,3}\.[0-9a-f]{8}\.[A-Za-z0-9_.-]*", fullmatch=True),
        st.from_regex(rf"[se]1\.{RING.current_id}\.[A-Za-z0-9_.-]*", fullmatch=True),
    )
)
@example("")
@example("...")
@example("s1..")
@example(f"s1.{RING.current_id}.A.A")
@example(f"e1.{RING.current_id}.A")
@example(f"e1.{RING.current_id}.{'A' * 66}")
@example(f"e1.{RING.current_id}.{'A' * 68}")
def test_garbage_is_refused_and_raises_nothing_else(kind: str, garbage: str) -> None:
    assert reason(RING, kind, "purpose", garbage, name="name", max_age_s=10) != "accepted"


@makers
def test_much_garbage_is_refused(kind: str) -> None:
    for garbage in ("." * 1_000_000, f"{kind[0]}1.{RING.current_id}." + "A" * 1_000_000, TOKENS[kind] * 10_000):
        assert reason(RING, kind, "purpose", garbage, name="name") != "accepted"


@makers
@quick
@given(texts, texts, texts, texts)
@example("p", "n", "pn", "")
@example("p", "n", "", "pn")
@example("a\0b", "c", "a", "b\0c")
def test_a_token_is_of_one_purpose_and_one_name(kind: str, purpose: str, name: str, other: str, another: str) -> None:
    assume((purpose, name) != (other, another))
    assert bound_to(purpose, name) != bound_to(other, another)
    token = made(RING, kind, purpose, "a value", name=name)
    assert reason(RING, kind, other, token, name=another) == "tampered"


def test_a_token_of_one_kind_is_none_of_the_other() -> None:
    assert reason(RING, "encrypted", "purpose", TOKENS["signed"], name="name") == "other kind"
    assert reason(RING, "signed", "purpose", TOKENS["encrypted"], name="name") == "other kind"
    # Nor with its version changed: each kind has its own keys.
    assert (
        reason(RING, "encrypted", "purpose", "e" + TOKENS["signed"][1:].replace(".", "", 2), name="name") == "no token"
    )
    assert reason(RING, "signed", "purpose", "s1" + TOKENS["encrypted"][2:], name="name") == "tampered"


@makers
@pytest.mark.parametrize("version", ["0", "2", "10", "999", "01"])
def test_a_version_that_is_not_known_is_refused(kind: str, version: str) -> None:
    token = TOKENS[kind]
    version = "3" if (kind, version) == ("encrypted", "2") else version
    assert reason(RING, kind, "purpose", token[0] + version + token[2:], name="name") == "unknown version"


@makers
def test_a_token_ends(kind: str) -> None:
    token = made(RING, kind, "p", "a value", expires=NOW + 100)
    assert reason(RING, kind, "p", token, now=NOW + 99.9) == "accepted"
    assert reason(RING, kind, "p", token, now=NOW + 100) == "expired"
    assert reason(RING, kind, "p", made(RING, kind, "p", "a value", expires=-5)) == "expired"
    assert reason(RING, kind, "p", made(RING, kind, "p", "a value"), now=LATEST * 2) == "accepted"


@makers
def test_a_token_may_be_wanted_younger_than_it_says(kind: str) -> None:
    token = made(RING, kind, "p", "a value", expires=NOW + 100)
    assert reason(RING, kind, "p", token, now=NOW + 10, max_age_s=10) == "accepted"
    assert reason(RING, kind, "p", token, now=NOW + 11, max_age_s=10) == "expired"
    assert reason(RING, kind, "p", token, now=NOW - 61, max_age_s=10) == "expired"


# --- rotation ---------------------------------------------------------------------------------------------------------


@makers
def test_former_keys_read_and_the_current_one_makes(kind: str) -> None:
    token = made(KeyRing(FORMER), kind, "p", "a value")
    assert reason(KeyRing(KEY), kind, "p", token) == "unknown key"
    assert reason(KeyRing(KEY, retired=[key_id(FORMER)]), kind, "p", token) == "retired key"
    found = opened(RING, kind, "p", token)
    assert (found.value, found.key_id) == ("a value", key_id(FORMER))
    again = made(RING, kind, "p", found.value)
    assert opened(RING, kind, "p", again).key_id == key_id(KEY) == RING.current_id
    assert reason(KeyRing(KEY), kind, "p", again) == "accepted"


@makers
def test_two_keys_of_one_id_are_both_tried(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuile.keys.ring._id_of", lambda extract: "00000000")
    token = made(KeyRing(FORMER), kind, "p", "a value")
    assert opened(KeyRing(KEY, ["a third key", FORMER]), kind, "p", token).value == "a value"
    assert reason(KeyRing(KEY, ["a third key"]), kind, "p", token) == "tampered"


def test_a_key_derived_for_a_purpose_is_for_that_purpose_alone() -> None:
    derived = {RING.derive(purpose) for purpose in ("", "a", "b", "cookie", "session")}
    derived |= {RING.derive("a", length) for length in (16, 64)}
    assert len(derived) == 7
    assert RING.derive("a", 64)[:32] == RING.derive("a")  # as HKDF has it
    assert RING.derive_all("a") == (KeyRing(KEY).derive("a"), KeyRing(FORMER).derive("a"))
    assert RING.derive("a") not in {RING._keys[0].derive(use, "a").octets for use in ("s1", "e1", "e2")}


def test_what_is_derived_is_kept_within_bounds() -> None:
    ring = KeyRing(KEY)
    first = ring.derive("0")
    for number in range(2000):
        ring.derive(str(number))
    assert len(ring._keys[0]._derived) <= 256
    assert ring.derive("0") == first


def test_text_and_its_bytes_are_one_key() -> None:
    assert KeyRing("schlüssel").current_id == KeyRing("schlüssel".encode()).current_id


def test_a_ring_refuses_what_is_no_key() -> None:
    for empty in ("", b""):
        with pytest.raises(ValueError, match="is empty"):
            KeyRing(empty)
        with pytest.raises(ValueError, match="is empty"):
            KeyRing(KEY, [empty])
    with pytest.raises(TypeError, match="not NoneType"):
        KeyRing(None)  # type: ignore[arg-type] # as read from an environment that does not have it
    for single in ("former", b"former"):
        with pytest.raises(TypeError, match="must be a list"):
            KeyRing(KEY, single)  # type: ignore[arg-type] # what type checkers do not see of a str
    with pytest.raises(TypeError, match="must be a list"):
        KeyRing(KEY, retired="0123abcd")
    with pytest.raises(ValueError, match=f"{key_id(FORMER)} is retired"):
        KeyRing(KEY, [FORMER], [key_id(FORMER)])


def test_a_ring_does_not_tell_its_keys() -> None:
    ring = KeyRing(KEY, [FORMER], ["0123abcd"])
    ring.derive("purpose")
    told = repr(ring) + str(ring) + repr(ring._keys) + repr(BadToken("x"))
    assert KEY not in told
    assert FORMER.decode() not in told
    assert ring.derive("purpose").hex() not in told
    assert repr(ring) == f"<KeyRing current {key_id(KEY)}; verify-only {key_id(FORMER)}; retired 1>"
    assert ring.verify_only_ids == (key_id(FORMER),)
    assert ring.retired_ids == {"0123abcd"}
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(ring)


# --- keys that can be guessed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [
        "",
        "dev",
        "secret",
        "test key",
        b"development key",
        "super-secret-key-change-me",
        "SuperSecretKey1234",
        "you-will-never-guess",
        "please change this to something".replace("thing", ""),
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "0101010101010101010101",
        b'_5#y2L"F4Q8z\n\xec]/',
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    ],
)
def test_a_key_that_can_be_guessed_is_noticed_and_not_told(key: str | bytes) -> None:
    why = weakness(key)
    assert why is not None
    assert not key or str(key) not in why


@quick
@given(st.binary(min_size=16, max_size=64))
def test_random_keys_are_not_called_weak(seed: bytes) -> None:
    random = hashlib.sha256(seed).digest()
    assert weakness(random) is None
    assert weakness(random.hex()) is None
    assert weakness(hkdf(random, length=16)) is None


# --- tuile rotate-keys ------------------------------------------------------------------------------------------------


def rotate(**config: Any) -> str:
    """What the command prints for an app with these settings."""
    app = tuile.Flask("app", static_folder=None)
    app.config.update(config)
    result = app.test_cli_runner().invoke(rotate_keys_command)
    assert result.exit_code == 0, result.output
    return result.output


def test_rotate_keys_says_which_keys_there_are_and_prints_none_of_them() -> None:
    told = rotate(SECRET_KEY="hunter2", SECRET_KEY_FALLBACKS=["the oldest", FORMER], SECRET_KEY_RETIRED=["0123abcd"])
    for key in ("hunter2", "the oldest", FORMER.decode()):
        assert key not in told
    assert f"{key_id('hunter2')}  SECRET_KEY, signs and reads (it can be guessed: it is shorter than 16" in told
    assert f"{key_id(FORMER)}  SECRET_KEY_FALLBACKS, only reads\n" in told
    assert f"{key_id('the oldest')}  SECRET_KEY_FALLBACKS, only reads (" in told
    assert "0123abcd  SECRET_KEY_RETIRED, is refused\n" in told
    assert told.count("31 days") == 1


def test_rotate_keys_prints_another_new_key_each_time_and_names_it_by_its_id() -> None:
    news = [re.findall(r"^    ([0-9a-f]{64})$", rotate(SECRET_KEY=KEY), re.MULTILINE) for _ in range(2)]
    assert news[0] != news[1]
    for new in news:
        assert len(new) == 1
        assert weakness(new[0]) is None
    told = rotate(SECRET_KEY=KEY)
    (new_key,) = re.findall(r"^    ([0-9a-f]{64})$", told, re.MULTILINE)
    assert told.count(new_key) == 1
    assert f"with the id {key_id(new_key)}" in told


def test_the_steps_of_rotate_keys_log_nobody_out_when_they_are_followed() -> None:
    told = rotate(SECRET_KEY=KEY, SECRET_KEY_FALLBACKS=[FORMER])
    (new,) = re.findall(r"^    ([0-9a-f]{64})$", told, re.MULTILINE)
    secrets = {key_id(key): key for key in (KEY, FORMER, new)}
    currents = re.findall(r"SECRET_KEY           = <key (\w+)>$", told, re.MULTILINE)
    fallbacks = re.findall(r"SECRET_KEY_FALLBACKS = \[(.*)\]$", told, re.MULTILINE)
    steps = [
        (secrets[now], [secrets[one] for one in re.findall(r"<key (\w+)>", then)])
        for now, then in zip(currents, fallbacks, strict=True)
    ]
    assert steps == [(KEY, [FORMER, new]), (new, [FORMER, KEY]), (new, [])]
    # While processes are restarted one after the other, each reads what the others sign.
    rings = [KeyRing(KEY, [FORMER]), *(KeyRing(*step) for step in steps)]
    for before, after in pairwise(rings):
        for maker, reader in ((before, after), (after, before)):
            assert reason(reader, "signed", "p", made(maker, "signed", "p", "a value")) == "accepted"


def test_rotate_keys_prints_no_id_where_a_key_belongs() -> None:
    told = rotate(SECRET_KEY=KEY, SECRET_KEY_FALLBACKS=[FORMER])
    values = re.findall(r"^ +SECRET_KEY\w* += (.*)$", told, re.MULTILINE)
    assert len(values) == 6
    assert all(re.fullmatch(r"<key \w+>|\[(<key \w+>(, )?)*\]", value) for value in values)


def test_rotate_keys_without_a_key_says_how_to_begin() -> None:
    told = rotate(SECRET_KEY=None)
    assert "has no SECRET_KEY" in told
    assert "Make it the SECRET_KEY" in told
    assert "SECRET_KEY_FALLBACKS" not in told


def test_rotate_keys_explains_fallbacks_that_are_no_list() -> None:
    app = tuile.Flask("app", static_folder=None)
    app.config.update(SECRET_KEY=KEY, SECRET_KEY_FALLBACKS="hunter2")
    result = app.test_cli_runner().invoke(rotate_keys_command)
    assert result.exit_code == 1
    assert "SECRET_KEY_FALLBACKS must be a list of keys" in result.output
    assert "hunter2" not in result.output


def test_rotate_keys_is_a_command_of_tuile_alone() -> None:
    assert cli.commands["rotate-keys"] is rotate_keys_command


@pytest.mark.parametrize(("key", "kind"), [(None, RuntimeError), (12345, TypeError), ("retired", RuntimeError)])
def test_an_app_without_a_usable_key_can_be_looked_at(key: Any, kind: type[Exception]) -> None:
    app = tuile.Flask("looked_at")
    app.secret_key = key
    if key == "retired":
        app.config["SECRET_KEY_RETIRED"] = [key_id("retired")]
    with pytest.raises(kind) as caught:
        app.keyring  # noqa: B018 - reading it is the test
    assert (type(caught.value).__name__, type(caught.value).__module__) == (kind.__name__, "builtins")
    assert not hasattr(app, "keyring")
    assert "secret_key" in dict(inspect.getmembers(app))
    assert isinstance(mock.create_autospec(app), tuile.Flask)


def test_the_error_of_an_app_without_a_key_is_gone_when_it_was_handled() -> None:
    app = tuile.Flask("handled")

    def kind_and_reference() -> tuple[type, weakref.ref[object]]:
        try:
            app.keyring  # noqa: B018 - reading it is the test
        except AttributeError as error:
            return type(error), weakref.ref(error)
        raise AssertionError

    gc.disable()
    try:
        kind, first = kind_and_reference()
        assert first() is None
        assert kind_and_reference()[0] is kind
    finally:
        gc.enable()
