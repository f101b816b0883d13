"""Signed tokens: those of itsdangerous, byte for byte, and nothing else is ever accepted."""

from __future__ import annotations

import hashlib
from random import Random
from types import SimpleNamespace
from typing import Any

import itsdangerous
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tuile.exceptions import BadToken
from tuile.keys.timed_signer import TimedSigner
from tuile.sessions.packing import pack, unpack

NOW = 1_700_000_000

quick = settings(derandomize=True, deadline=None, database=None, max_examples=150)

keys = st.one_of(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.binary())
key_lists = st.lists(keys, min_size=1, max_size=4)
times = st.integers(0, 2**40)
values = st.one_of(st.binary(), st.binary().map(lambda raw: b"." + raw), st.just(b"a.b..c"), st.just(b"."))


class FrozenSigner(itsdangerous.TimestampSigner):
    """What itsdangerous would have signed at another time."""

    now = NOW

    def get_timestamp(self) -> int:
        return self.now


def reference(secrets: Any, salt: str | bytes, digest: str = "sha1", now: int = NOW) -> FrozenSigner:
    method = getattr(hashlib, digest)
    signer = FrozenSigner(secrets, salt=salt, key_derivation="hmac", digest_method=method)
    signer.now = now
    return signer


# --- the tokens of itsdangerous ---------------------------------------------------------------------------------------


@quick
@given(key_lists, keys, st.sampled_from(["sha1", "sha256", "sha512"]), values, times)
@example(["secret"], "cookie-session", "sha1", b"value", 0)
@example([""], "", "sha1", b"", 255)
def test_tokens_are_those_of_itsdangerous(
    secrets: list[str | bytes], salt: str | bytes, digest: str, value: bytes, now: int
) -> None:
    signer = TimedSigner(secrets, salt, digest)
    theirs = reference(secrets, salt, digest, now)
    token = signer.sign(value, now)
    assert token == theirs.sign(value)
    assert signer.unsign(token, now) == value
    assert signer.unsign(token, now, 0) == value
    assert theirs.unsign(token, max_age=0) == value


@quick
@given(key_lists, keys, values)
def test_a_key_is_text_or_its_bytes(secrets: list[str | bytes], salt: str | bytes, value: bytes) -> None:
    as_bytes = [itsdangerous.want_bytes(secret) for secret in secrets]
    token = TimedSigner(secrets, salt, "sha1").sign(value, NOW)
    assert TimedSigner(as_bytes, itsdangerous.want_bytes(salt), "sha1").sign(value, NOW) == token


@quick
@given(st.lists(keys, min_size=2, max_size=5, unique_by=itsdangerous.want_bytes), st.data())
def test_the_newest_key_signs_and_all_of_them_verify(secrets: list[str | bytes], data: st.DataObject) -> None:
    # HMAC fills a short key up with zeros, so that a key and the same with a zero at its end are one key.
    assume(len({itsdangerous.want_bytes(secret).rstrip(b"\0") for secret in secrets}) == len(secrets))
    assume(all(len(itsdangerous.want_bytes(secret)) <= 64 for secret in secrets))
    signer = TimedSigner(secrets, "salt", "sha1")
    assert signer.sign(b"value", NOW) == TimedSigner(secrets[-1:], "salt", "sha1").sign(b"value", NOW)
    old = data.draw(st.sampled_from(secrets))
    token = TimedSigner([old], "salt", "sha1").sign(b"value", NOW)
    assert signer.unsign(token, NOW) == b"value"
    retired = TimedSigner([secret for secret in secrets if secret != old], "salt", "sha1")
    with pytest.raises(BadToken, match="does not match"):
        retired.unsign(token, NOW)


def test_rotation_goes_both_ways_with_itsdangerous() -> None:
    before, after = ["old"], ["old", "new"]
    theirs, ours = reference(before, "s").sign(b"value"), TimedSigner(before, "s", "sha1").sign(b"value", NOW)
    assert TimedSigner(after, "s", "sha1").unsign(theirs, NOW, 10) == b"value"
    assert reference(after, "s").unsign(ours, max_age=10) == b"value"
    for token in (reference(after, "s").sign(b"value"), TimedSigner(after, "s", "sha1").sign(b"value", NOW)):
        with pytest.raises(BadToken):
            TimedSigner(before, "s", "sha1").unsign(token, NOW)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (TimedSigner(["another"], "salt", "sha1"), "another key"),
        (TimedSigner(["secret"], "another", "sha1"), "another purpose"),
        (TimedSigner(["secret"], "salt", "sha256"), "another digest"),
    ],
)
def test_a_token_of_another_signer_is_refused(other: TimedSigner, why: str) -> None:
    signer = TimedSigner(["secret"], "salt", "sha1")
    with pytest.raises(BadToken, match="does not match"):
        signer.unsign(other.sign(b"value", NOW), NOW)
    with pytest.raises(BadToken, match="does not match"):
        other.unsign(signer.sign(b"value", NOW), NOW)


def test_signing_needs_a_key() -> None:
    with pytest.raises(ValueError, match="at least one key"):
        TimedSigner([], "salt", "sha1")


@pytest.mark.parametrize("secret", ["secret", b"secret"])
def test_a_single_key_is_not_taken_for_a_list_of_its_letters(secret: Any) -> None:
    with pytest.raises(TypeError):
        TimedSigner(secret, "salt", "sha1")


# --- everything else is a BadToken ------------------------------------------------------------------------------------

SIGNER = TimedSigner(["old secret", "secret"], "salt", "sha1")
TOKEN = SIGNER.sign(b"eyJhIjoxfQ", NOW)


def refuses(token: bytes, now: int = NOW, max_age_s: int | None = None) -> bool:
    """Whether it is refused, by BadToken and nothing else."""
    try:
        SIGNER.unsign(token, now, max_age_s)
    except BadToken:
        return True
    return False


@pytest.mark.parametrize("position", range(len(TOKEN)))
def test_a_token_with_one_byte_changed_is_refused(position: int) -> None:
    for octet in {0, 10, 32, *b".=+/-_Aa0", 127, 128, 255, TOKEN[position] ^ 1, TOKEN[position] ^ 128} - {
        TOKEN[position]
    }:
        token = TOKEN[:position] + bytes([octet]) + TOKEN[position + 1 :]
        assert refuses(token), token
        assert refuses(token, max_age_s=1000), token


@pytest.mark.parametrize("length", range(len(TOKEN)))
def test_a_token_cut_off_is_refused(length: int) -> None:
    assert refuses(TOKEN[:length])
    assert refuses(TOKEN[length + 1 :])
    assert refuses(TOKEN[:length] + TOKEN[length + 1 :])


@quick
@given(st.integers(0, len(TOKEN)), st.binary(min_size=1, max_size=5))
@example(len(TOKEN), b"=")
@example(len(TOKEN), b"\n")
@example(len(TOKEN), b".")
@example(0, b".")
@example(0, b"A")
def test_a_token_with_something_put_in_is_refused(position: int, inserted: bytes) -> None:
    token = TOKEN[:position] + inserted + TOKEN[position:]
    assert refuses(token)
    assert refuses(token, max_age_s=10)


@quick
@given(st.one_of(st.binary(), st.lists(st.binary(), max_size=5).map(b".".join)), st.one_of(st.none(), times))
@example(b"", None)
@example(b".", 0)
@example(b"..", 0)
@example(b"...", None)
def test_garbage_is_refused(garbage: bytes, max_age_s: int | None) -> None:
    assert refuses(garbage, max_age_s=max_age_s)


def test_much_garbage_is_refused() -> None:
    for garbage in (b"." * 1_000_000, b"a" * 1_000_000, TOKEN * 20_000, b"\xff" * 1_000_000):
        assert refuses(garbage, max_age_s=1)


@quick
@given(times, st.integers(-(2**41), 2**41), st.integers(0, 2**41))
@example(NOW, 0, 0)
@example(NOW, 1, 0)
@example(NOW, -1, 10)
@example(NOW, -60, 0)
@example(NOW, -61, 10)
def test_a_token_lives_for_its_age_and_clocks_may_differ(signed: int, elapsed: int, max_age_s: int) -> None:
    now = signed + elapsed
    token = SIGNER.sign(b"value", signed)
    theirs = reference("secret", "salt", now=now)
    try:
        expected: bytes | None = theirs.unsign(token, max_age=max_age_s)
    except itsdangerous.BadSignature:
        expected = None
    except (ValueError, OverflowError, OSError):
        # The error of itsdangerous would have the date of signing, and there is no such date.
        expected = None
    assert (expected == b"value") is (0 <= elapsed <= max_age_s)
    # Clocks may differ by a minute: that is the one difference.
    assert refuses(token, now, max_age_s) is not (expected is not None or -60 <= elapsed < 0)
    assert not refuses(token, now)


def test_an_expired_token_says_how_old_it_is() -> None:
    with pytest.raises(BadToken, match=r"61 s ago.* 60 s old"):
        SIGNER.unsign(TOKEN, NOW + 61, 60)


def signed_without_time(value: bytes) -> bytes:
    """A value that these keys have signed, but for a signer that knows of no time."""
    return itsdangerous.Signer("secret", salt="salt", key_derivation="hmac", digest_method=hashlib.sha1).sign(value)


@quick
@given(st.one_of(st.binary(), st.binary().map(lambda raw: b"value." + raw)), st.one_of(st.none(), st.just(2**60)))
@example(b"value", None)
@example(b"value.A", None)  # no base64: one character too many
@example(b"value.A", 2**60)
@example(b"value.\xff", None)
def test_a_value_that_was_signed_without_a_time_is_read_as_itsdangerous_reads_it(
    value: bytes, max_age_s: int | None
) -> None:
    token = signed_without_time(value)
    try:
        expected: bytes | None = reference("secret", "salt").unsign(token, max_age=max_age_s)
    except (itsdangerous.BadSignature, ValueError, OverflowError, OSError):
        expected = None
    try:
        found: bytes | None = SIGNER.unsign(token, NOW, max_age_s)
    except BadToken:
        found = None
    assert found == expected


# --- text as it is signed ---------------------------------------------------------------------------------------------

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


# itsdangerous with a serializer that leaves the text alone.
PACKING: Any = itsdangerous.URLSafeSerializer("key", serializer=SimpleNamespace(dumps=str, loads=str))


def check_packed(text: str) -> None:
    """Fail unless a text is packed as itsdangerous packs it, or as well where zlib has a smaller table.

    With that it may look at fewer repetitions. Nobody depends on the octets, as long as itsdangerous reads them.
    """
    packed, theirs = pack(text), PACKING.dump_payload(text)
    assert unpack(packed) == text
    assert PACKING.load_payload(packed) == text
    if 120 < len(text.encode()) <= 1786:
        assert len(packed) <= len(theirs) + 8
    else:
        assert packed == theirs


@quick
@given(st.one_of(texts, st.tuples(texts, st.integers(1, 200)).map(lambda pair: pair[0] * pair[1])))
@example("")
@example("a" * 11)
@example("a" * 12)
@example("a" * 10_000)
@example("\x7f")
def test_text_is_packed_as_itsdangerous_packs_it(text: str) -> None:
    check_packed(text)


@quick
@given(st.one_of(st.binary(), st.binary().map(lambda raw: b"." + raw), st.binary(max_size=3).map(lambda r: r * 9)))
@example(b".")
@example(b"A")
@example(b".A")
@example(b"_w")  # the octet FF
@example(pack("a" * 100)[:-4])
@example(pack("a" * 100)[1:])
def test_what_was_not_packed_is_text_or_a_bad_token(packed: bytes) -> None:
    try:
        text = unpack(packed)
    except BadToken:
        return
    assert isinstance(text, str)


@quick
@given(st.lists(st.sampled_from(['"a":', "{}", "1,", "x", "é"]), max_size=70).map("".join))
def test_a_text_that_repeats_itself_is_packed_as_itsdangerous_packs_it(text: str) -> None:
    assert pack(text).decode() == PACKING.dump_payload(text).decode()


@pytest.mark.parametrize("letters", ["a", "ab", "abc", "abcdefghi"])
@pytest.mark.parametrize("length", range(22))
def test_a_short_text_is_packed_as_itsdangerous_packs_it(letters: str, length: int) -> None:
    chosen = Random(f"{letters} {length}")
    for head in ("", "0123456789", '{"count":'):
        for _ in range(50):
            text = head + "".join(chosen.choices(letters, k=length))
            assert pack(text) == PACKING.dump_payload(text)
    # Ten different octets and the longest repetition.
    text = "0123456789" + "0" * length
    assert pack(text) == PACKING.dump_payload(text)


def _least_path(leaves: int) -> int:
    """Return the least sum of the lengths of that many codes, each of which occurs once."""
    depth = leaves.bit_length() - 1
    return leaves * depth + 2 * (leaves - (1 << depth))


@pytest.mark.parametrize("different", range(1, 26))
def test_what_is_left_as_it_is_could_not_be_shorter(different: int) -> None:
    # So many different octets, and 8 others: the limit in `pack`. The checksum and the head of zlib take 6.
    shorter_bits = 8 * (different + 8 - 1 - 6 - 1)
    # A block takes 3 bits and its end 7, each octet 8, and a repetition at least as much.
    assert 3 + 8 * different + 8 + 7 > shorter_bits
    # With codes of its own: 17 bits, 3 for each length of a code in the order of RFC 1951 section 3.2.7 (12 if one is 4
    # or less, 10 if one is 5, 8 if one is 6), 10 for the codes that are not used, 1 for the distances, half a bit for
    # each that is used (a repeated length takes 3 bits for six), and the octets and the end with their codes.
    codes = different + 1
    used_bits = 17 + 10 + 1 + codes / 2
    assert used_bits + 3 * 12 + _least_path(codes) > shorter_bits
    assert used_bits + 3 * 10 + 5 * codes > shorter_bits
    assert used_bits + 3 * 8 + 6 * codes > shorter_bits
    assert used_bits + 3 * 6 + 7 * codes > shorter_bits


@pytest.mark.parametrize("different", range(1, 28))
def test_a_text_with_few_repetitions_is_packed_as_itsdangerous_packs_it(different: int) -> None:
    chosen = Random(different)
    for letters in ("abcdefghijklmnopqrstuvwxyz012345", '{"count":2,"user_id":1468,"lang":"pfbkx"}'):
        base = "".join(dict.fromkeys(letters))[:different]
        for others in range(11):
            for _ in range(20):
                start = chosen.randrange(len(base))
                for tail in (base[start:] * others, "".join(chosen.choices(base, k=others))):
                    text = base + tail[:others]
                    assert pack(text) == PACKING.dump_payload(text)


# Letters that a smaller table of zlib's puts into one place.
@pytest.mark.parametrize("letters", ["aq", "ab", "aqbr", "0 1!", 'aq,"', "abcdefghij"])
@pytest.mark.parametrize("length", [60, 119, 120, 121, 122, 200, 500, 762, 1500, 1786, 1787, 3799, 3802, 5000, 40_000])
def test_a_text_of_few_letters_is_packed_as_well_as_itsdangerous_packs_it(letters: str, length: int) -> None:
    chosen = Random(f"{letters} {length}")
    for _ in range(20):
        check_packed("".join(chosen.choices(letters, k=length)))
