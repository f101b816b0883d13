"""Sign an app's sessions in Flask's format, with a signer that is cached until a setting changes."""

from __future__ import annotations

import hashlib
import time
import typing as t
import zlib
from binascii import Error as Base64Error
from binascii import a2b_base64
from contextlib import suppress
from operator import attrgetter, itemgetter

from itsdangerous import (
    BadPayload,
    HMACAlgorithm,
    Serializer,
    SignatureExpired,
    Signer,
    TimestampSigner,
    URLSafeTimedSerializer,
)

from ..exceptions import BadToken
from ..invalidation import Stock
from ..json.tag import TaggedJSONSerializer
from ..keys.app_keys import check_keys, keys_of
from ..keys.secret import Hidden
from ..keys.serializer import SessionSerializer, SessionSigner
from ..keys.timed_signer import TimedSigner
from ..keys.tokens import CLOCK_SKEW_S, TO_STANDARD
from .interface import lazy_sha1
from .kinds import kinds_of
from .packing import MAX_UNPACKED_BYTES, check_size, inflated, pack, unpack

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from ..app import Flask
    from ..keys.secret import Key, Secret
    from ..keys.tokens import Opened
    from .kinds import Kind
    from .verified import Verified

# --- ours -------------------------------------------------------------------------------------------------------------


class SeenSettings(Hidden):
    """The settings of an app that decide how its sessions are signed, to compare with later. Its repr shows no key."""

    __slots__ = ("_lists", "_values")

    def __init__(self, app: Flask) -> None:
        values = [app.config[name] if name in app.config else None for name in _SETTINGS]  # noqa: SIM401 - as below
        # Lists can be changed in place, so they are compared with copies as well.
        self._lists = [(value, value.copy()) for value in values if isinstance(value, (list, set))]
        self._values = tuple(value if _is_comparable(value) else _UNKNOWN for value in values)

    def are_current(self, app: Flask) -> bool:
        """Return whether all settings are certain to have the same values."""
        try:
            # No local variables for the settings: tracebacks show them.
            if _read_settings(app.config) != self._values:
                return False
        except KeyError:
            return False
        for live, copied in self._lists:  # noqa: SIM110 - most apps have none, and `all` would be one more call
            if live != copied:
                return False
        return True


_SETTINGS = (
    "SECRET_KEY",
    "SECRET_KEY_CHECKS",
    "SECRET_KEY_FALLBACKS",
    "SECRET_KEY_RETIRED",
    "SESSION_DIGEST",
    "SESSION_ENCRYPT",
    "SESSION_READS",
)
_read_settings = itemgetter(*_SETTINGS)
_IMMUTABLE = frozenset({type(None), str, bytes, bool, int})
# Not the value of any setting.
_UNKNOWN = object()


def _is_comparable(value: object) -> bool:
    if isinstance(value, tuple):
        return type(value) is tuple and _IMMUTABLE.issuperset(map(type, value))
    return type(value) in _IMMUTABLE or type(value) in {list, set}


class KeptSigner(Hidden):
    """The signers of an app's sessions, and the settings that they were made from. Its repr shows no key."""

    __slots__ = ("kinds", "made_of", "readers", "salt", "seen", "signer", "verified", "verified_once")

    def __init__(self, app: Flask, salt: Key, made_of: tuple[object, ...], seen: SeenSettings) -> None:
        self.made_of = made_of
        self.salt = salt
        self.seen = seen
        self.kinds = kinds_of(app)
        #: The signers of all signed sessions that are read, by kind.
        self.readers: dict[Kind, TimedSigner] = {
            kind: TimedSigner(keys_of(app), salt, kind) for kind in self.kinds.digests_read
        }
        #: The signer of new sessions; None if they are encrypted.
        self.signer = None if self.kinds.written == "encrypted" else self.readers.get(self.kinds.written)
        #: The cookies that were verified lately, and the hashes of those that were verified only once.
        self.verified: dict[str, Verified] = {}
        self.verified_once: set[int] = set()


def session_signer(app: Flask, salt: Key) -> KeptSigner:
    """Return the signers of the app's sessions, rebuilt if a key or a setting has changed.

    Raises:
        ValueError: If `SESSION_DIGEST` or `SESSION_READS` has an invalid value.
        TypeError: If `SESSION_READS` is not a list.
        RuntimeError: If the key is retired.
    """
    # Read first: any later change makes the signers stale.
    seen = SeenSettings(app)
    check_keys(app)
    reads = app.config.get("SESSION_READS")
    made_of = (
        keys_of(app),
        salt,
        app.config.get("SESSION_DIGEST"),
        # `kinds_of` raises an error for a setting that is not a list.
        tuple(reads) if isinstance(reads, (list, set, frozenset)) else reads,
        app.config.get("SESSION_ENCRYPT"),
    )
    kept: KeptSigner | None = app._kept_signer
    if kept is None or kept.made_of != made_of:
        made = KeptSigner(app, salt, made_of, seen)
        if kept is None and made.kinds.digest != (app.config.get("SESSION_DIGEST") or "sha1"):
            app.logger.warning("This Python refuses SHA-1, so sessions are signed as with SESSION_DIGEST = 'sha256'.")
        kept = app._kept_signer = made
    else:
        kept.seen = seen
    return kept


def kind_of(token: str) -> Kind:
    """Return the name of the hash of a signature, by its length."""
    return "sha1" if token[-28:][:1] == "." else "sha256"


def signed_at(token: str) -> int | None:
    """Return the time in a token of Flask's format, in seconds since 1970; None for other tokens."""
    stamp = token.rpartition(".")[0].rpartition(".")[2].encode()
    try:
        raw = a2b_base64(stamp.translate(TO_STANDARD) + b"=" * (-len(stamp) % 4))
    except Base64Error:
        return None
    return int.from_bytes(raw, "big") if raw else None


# --- encrypted --------------------------------------------------------------------------------------------------------


def decrypted(app: Flask, salt: Key, name: str, token: str, max_age_s: int) -> Opened | None:
    """Decrypt a session, even if new ones are not encrypted; None if it is invalid."""
    try:
        opened = app.keyring.decrypt(purpose_of(salt), token, now=time.time(), name=name, max_age_s=max_age_s)
        check_size(len(opened.value))
    except (BadToken, ValueError):
        return None
    except RuntimeError as error:
        app.logger.warning("An encrypted session could not be read, so it is treated as empty. %s", error)
        return None
    return opened


def purpose_of(salt: Key) -> str:
    """Return the purpose for which sessions are encrypted, from the salt of their interface."""
    return f"session {salt if isinstance(salt, str) else salt.hex()}"


# --- itsdangerous' ----------------------------------------------------------------------------------------------------


METHODS: t.Final[dict[str, Callable[[bytes], object]]] = {"sha1": lazy_sha1, "sha256": hashlib.sha256}
# The hashes that `TimedSigner` computes as well, and their names.
_NAMED: t.Final[tuple[tuple[object, str], ...]] = (
    (lazy_sha1, "sha1"),
    *((getattr(hashlib, name), name) for name in ("sha1", "sha224", "sha256", "sha384", "sha512")),
)
_SIGNATURE_BYTES = {lazy_sha1: 20, hashlib.sha256: 32}


class SessionTimestampSigner(SessionSigner):
    """itsdangerous' signer, which skips signatures of another length, and allows clocks to differ."""

    def verify_signature(self, value: str | bytes, sig: str | bytes) -> bool:
        """Return whether the signature was made with one of the keys."""
        expected = _SIGNATURE_BYTES.get(self.digest_method)
        if expected is not None and len(sig) != -(-expected * 4 // 3):
            return False
        try:
            return super().verify_signature(value, sig)
        except ValueError:  # the hash is refused on this machine
            return False

    def unsign(self, signed_value: str | bytes, max_age: int | None = None, return_timestamp: bool = False) -> t.Any:
        """Return the value, and the time of signing if requested. A time in the near future is accepted."""
        value, signed = super().unsign(signed_value, None, return_timestamp=True)
        if max_age is not None:
            age_s = self.get_timestamp() - int(signed.timestamp())
            if not -CLOCK_SKEW_S <= age_s <= max_age:
                message = f"Signature age {age_s} is not between 0 and {max_age} seconds"
                raise SignatureExpired(message, payload=value, date_signed=signed)
        return (value, signed) if return_timestamp else value


class _RefusingSigner(SessionSigner):
    """The signer to use if no signed sessions are read."""

    def verify_signature(self, value: str | bytes, sig: str | bytes) -> bool:
        return False


# What writes and reads tokens in itsdangerous, to detect patches of its classes.
_TIMED = ("get_timestamp", "sign", "unsign", "derive_key", "get_signature", "verify_signature", "__init__")
_PAYLOADS = ("loads", "dumps", "load_payload", "dump_payload", "make_signer", "iter_unsigners")
_READ_AND_WRITTEN_BY = (
    (TimestampSigner, Stock(TimestampSigner, "timestamp_to_datetime", *_TIMED)),
    (Signer, Stock(Signer, "sign", "unsign")),
    (HMACAlgorithm, Stock(HMACAlgorithm, "get_signature", "verify_signature", "__init__")),
    (URLSafeTimedSerializer, Stock(URLSafeTimedSerializer, *_PAYLOADS)),
    (Serializer, Stock(Serializer, "load_payload", "dump_payload")),
)


class BoundedSerializer(SessionSerializer):
    """itsdangerous' serializer of sessions, with the size limit of Tuile's own code.

    As long as nobody has changed it or replaced a method, it signs with signers that are kept. Where they refuse
    anything, and for any error, itsdangerous' methods are called.
    """

    default_signer = SessionTimestampSigner
    #: How it was made, if `TimedSigner` signs like it.
    as_made: AsMade | None = None

    def loads(self, s: str | bytes, *args: object, **kwargs: object) -> object:
        """Return the content of a token; raise BadSignature or BadPayload if it is not valid."""
        max_age = kwargs.get("max_age", 2**36)  # any age
        if type(max_age) is int and type(s) is str and kwargs.keys() <= {"max_age"} and not args:
            for signer in self._signers():
                with suppress(Exception):  # itsdangerous raises its own
                    value, signed = signer.verify(s.encode())
                    if -CLOCK_SKEW_S <= int(time.time()) - signed <= max_age:
                        return self.serializer.loads(unpack(value))
        loads: Callable[..., object] = super().loads
        return loads(s, *args, **kwargs)

    def dumps(self, obj: object, salt: str | bytes | None = None) -> str:
        """Return the token of a session.

        Raises:
            ValueError: If it is too long to be read again.
        """
        signers = self._signers() if salt is None else ()
        if signers:
            with suppress(Exception):  # as above
                return signers[0].sign(pack(self.serializer.dumps(obj)), int(time.time())).decode()
        return super().dumps(obj, salt)

    def _signers(self) -> tuple[TimedSigner, ...]:
        """Return the signers that do what itsdangerous would do; none if that is not certain."""
        made = self.as_made
        if made is None or type(self) is not BoundedSerializer or not made.is_state_of(self):
            return ()
        for kind, stock in _READ_AND_WRITTEN_BY:
            if not stock.is_in(kind):
                return ()
        return made.signers

    def load_payload(self, payload: bytes, *args: t.Any, **kwargs: t.Any) -> t.Any:
        """Return the content of a payload; raise BadPayload if it is too long."""
        try:
            _check_inflated(payload)
        except BadToken as error:
            message = "The payload is too long after decompression."
            raise BadPayload(message, original_error=error) from None
        return super().load_payload(payload, *args, **kwargs)

    def dump_payload(self, obj: object) -> bytes:
        """Return the payload of a session.

        Raises:
            ValueError: If it is too long to be read again.
        """
        payload = super().dump_payload(obj)
        if payload.startswith(b"."):
            try:
                _check_inflated(payload)
            except BadToken:
                check_size(MAX_UNPACKED_BYTES + 1)
        else:
            check_size(len(payload) * 3 // 4)
        return payload


def _check_inflated(payload: bytes) -> None:
    """Raise BadToken for a payload that is too long after decompression; itsdangerous reports other errors."""
    if payload.startswith(b"."):
        with suppress(Base64Error, zlib.error):
            inflated(a2b_base64(payload[1:].translate(TO_STANDARD) + b"=" * (-len(payload[1:]) % 4)))


# The attributes of a serializer, of which the last are lists and dicts.
_read_attributes = attrgetter(
    *("salt", "serializer", "is_text_serializer", "signer"),
    *("secret_keys", "signer_kwargs", "serializer_kwargs", "fallback_signers"),
)


class AsMade(Hidden):
    """The attributes of a serializer as they were when it was made, and the signers that sign like it."""

    __slots__ = ("_attributes", "_count", "signers")

    def __init__(self, made: BoundedSerializer, salt: Key, keys: tuple[Secret, ...], names: list[str]) -> None:
        # A copy, because lists and dicts can be changed in place.
        self._attributes: tuple[object, ...] = _read_attributes(_copy_of(made))
        self._count = len(vars(made)) + 1  # this object is one
        self.signers = tuple(TimedSigner(keys, salt, name) for name in names)

    def is_state_of(self, serializer: BoundedSerializer) -> bool:
        """Return whether nothing was changed on a serializer or a copy of it."""
        found: tuple[object, ...] = _read_attributes(serializer)
        return len(vars(serializer)) == self._count and found == self._attributes


def _copy_of(serializer: BoundedSerializer) -> BoundedSerializer:
    """Return a copy with copies of the lists and dicts."""
    made: BoundedSerializer = object.__new__(BoundedSerializer)
    vars(made).update(vars(serializer))
    made.secret_keys = made.secret_keys.copy()
    made.signer_kwargs, made.serializer_kwargs = {**made.signer_kwargs}, {**made.serializer_kwargs}
    made.fallback_signers = [{**one} if isinstance(one, dict) else one for one in made.fallback_signers]
    return made


class KeptSerializer(Hidden):
    """A serializer of an app's sessions, and what it was made for. Its repr shows no key."""

    __slots__ = ("_asked", "_made", "_seen")

    def __init__(self, made: BoundedSerializer, asked: tuple[object, ...], seen: SeenSettings) -> None:
        self._made, self._asked, self._seen = made, asked, seen

    def copy_for(self, app: Flask, asked: tuple[object, ...]) -> BoundedSerializer | None:
        """Return a copy, which its user may change; None if it was made for something else."""
        if asked != self._asked or not self._seen.are_current(app):
            return None
        return _copy_of(self._made)


def session_serializer(
    app: Flask, salt: t.Any, serializer: t.Any, key_derivation: str, digest_method: t.Any
) -> BoundedSerializer | None:
    """Return itsdangerous' serializer for an app's sessions; None without a secret key."""
    asked = (salt, serializer, key_derivation, digest_method, app.json)
    kept: KeptSerializer | None = app._kept_serializer if app._keeps_secret_in_config else None
    found = None if kept is None else kept.copy_for(app, asked)
    if found is not None:
        return found
    seen, keys = SeenSettings(app), keys_of(app)
    if not keys:
        return None
    check_keys(app)
    kinds = kinds_of(app)
    methods = [digest_method]
    if digest_method is lazy_sha1:
        names = sorted(kinds.digests_read, key=lambda name: name != kinds.digest) or [kinds.digest]
        methods = [METHODS[name] for name in names]
    first, *others = [{"key_derivation": key_derivation, "digest_method": method} for method in methods]
    made = BoundedSerializer(
        b"",
        salt=salt,
        serializer=serializer,
        signer=SessionTimestampSigner if kinds.digests_read else _RefusingSigner,
        signer_kwargs=first,
        fallback_signers=[*others],
    )
    # Set after the constructor, which tries the serializer: tracebacks would show the keys.
    made.secret_keys = [key.octets for key in keys]
    known = [name for method in methods for one, name in _NAMED if one is method]
    if key_derivation == "hmac" and len(known) == len(methods) and made.is_text_serializer and kinds.digests_read:
        made.as_made = AsMade(made, salt, keys, known)
    # A copy, because the user of this one may change it. Another thread may have changed a setting meanwhile.
    if type(serializer) is TaggedJSONSerializer and type(salt) in _IMMUTABLE and seen.are_current(app):
        app._kept_serializer = KeptSerializer(_copy_of(made), asked, seen)
    return made
