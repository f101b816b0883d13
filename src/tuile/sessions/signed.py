"""Sessions that are kept whole in a signed cookie, byte for byte as Flask's.

Floor 2, one request. What must live here: how a session becomes the text of a cookie and back. What must
not: how text is signed (`keyring`), how the cookie is written (`cookie_syntax`, through the response).
"""

from __future__ import annotations

import hashlib
import time
import typing as t
import zlib

from itsdangerous import BadSignature, URLSafeTimedSerializer

from ..json.tag import TaggedJSONSerializer
from ..keyring import BadToken, TimedSigner, decode, encode
from .interface import SecureCookieSession, SessionInterface

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from ..app import Flask
    from ..request import Request
    from ..response import Response
    from .interface import SessionMixin

session_json_serializer = TaggedJSONSerializer()

_SIGNERS_KEPT = 64


def _lazy_sha1(string: bytes = b"") -> t.Any:
    # hashlib.sha1 may be missing in a FIPS build; then only its use fails, not this import.
    return hashlib.sha1(string)


class SecureCookieSessionInterface(SessionInterface):
    """Keeps a session in a cookie that the browser can read but not change.

    A subclass may change the salt, the digest, the key derivation and the serializer, as in Flask; it is
    then asked at the start of a request, like any other interface.
    """

    #: The purpose that the secret key is used for here.
    salt = "cookie-session"
    #: The hash of the signature. Flask's sessions use SHA-1, in HMAC, where its collisions do not matter.
    digest_method: Callable[[bytes], t.Any] = staticmethod(_lazy_sha1)
    #: How itsdangerous turns the secret key into the signing key.
    key_derivation = "hmac"
    #: What turns the session into text and back.
    serializer = session_json_serializer
    session_class = SecureCookieSession
    opens_lazily = True

    _signers: t.ClassVar[dict[tuple[t.Any, ...], TimedSigner]] = {}

    def __init_subclass__(cls, **kwargs: t.Any) -> None:
        super().__init_subclass__(**kwargs)
        # A subclass may do anything when it opens a session, so it is asked when Flask would ask it.
        if "opens_lazily" not in cls.__dict__:
            cls.opens_lazily = False

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Return itsdangerous' serializer for this app's sessions, or None without a secret key."""
        keys = _secret_keys(app)
        if not keys:
            return None
        return URLSafeTimedSerializer(
            list(keys),
            salt=self.salt,
            serializer=self.serializer,
            signer_kwargs={"key_derivation": self.key_derivation, "digest_method": self.digest_method},
        )

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the session from the request's cookie; a bad or an old one is an empty session."""
        if not app.secret_key:
            return None
        token = request.cookies.get(self.get_cookie_name(app))
        if not token:
            return self.session_class()
        max_age_s = int(app.permanent_session_lifetime.total_seconds())
        signer = self._signer(app)
        try:
            if signer is None:
                serializer = self.get_signing_serializer(app)
                return None if serializer is None else self.session_class(serializer.loads(token, max_age=max_age_s))
            payload = signer.unsign(token.encode(), int(time.time()), max_age_s)
            return self.session_class(self.serializer.loads(_unpack(payload)))
        except (BadSignature, ValueError):
            return self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write the session to the response's cookie if it changed, or delete the cookie if it is empty now."""
        if session.accessed:
            _vary_by_cookie(response)
        if not session:
            if session.modified:
                response.delete_cookie(self.get_cookie_name(app), **self._cookie_attributes(app))
                _vary_by_cookie(response)
            return
        if not self.should_set_cookie(app, session):
            return
        expires = self.get_expiration_time(app, session)
        response.set_cookie(
            self.get_cookie_name(app), self._token(app, session), expires=expires, **self._cookie_attributes(app)
        )
        _vary_by_cookie(response)

    def _token(self, app: Flask, session: SessionMixin) -> str:
        signer = self._signer(app)
        if signer is not None:
            payload = _pack(self.serializer.dumps(dict(session)))
            return signer.sign(payload, int(time.time())).decode()
        serializer = self.get_signing_serializer(app)
        if serializer is None:
            message = "The session cannot be saved: the app's secret key was removed during the request. Set SECRET_KEY."
            raise RuntimeError(message)
        return t.cast("str", serializer.dumps(dict(session)))

    def _signer(self, app: Flask) -> TimedSigner | None:
        """Return the kept signer for the app's keys; None where itsdangerous has to be asked."""
        if (
            type(self).get_signing_serializer is not SecureCookieSessionInterface.get_signing_serializer
            or self.digest_method is not _lazy_sha1
            or self.key_derivation != "hmac"
            or type(self.serializer) is not TaggedJSONSerializer
        ):
            return None
        keys = _secret_keys(app)
        if not keys:
            return None
        purpose = (self.salt, *keys)
        signer = self._signers.get(purpose)
        if signer is None:
            if len(self._signers) >= _SIGNERS_KEPT:
                self._signers.clear()
            signer = self._signers[purpose] = TimedSigner(keys, self.salt, "sha1")
        return signer

    def _cookie_attributes(self, app: Flask) -> dict[str, t.Any]:
        return {
            "domain": self.get_cookie_domain(app),
            "path": self.get_cookie_path(app),
            "secure": self.get_cookie_secure(app),
            "httponly": self.get_cookie_httponly(app),
            "samesite": self.get_cookie_samesite(app),
            "partitioned": self.get_cookie_partitioned(app),
        }


def _secret_keys(app: Flask) -> tuple[str | bytes, ...]:
    """Return the app's keys, the newest last; none without a `SECRET_KEY`.

    Raises:
        TypeError: `SECRET_KEY_FALLBACKS` is one key and not a list of keys.
    """
    key = app.secret_key
    if not key:
        return ()
    fallbacks = app.config["SECRET_KEY_FALLBACKS"]
    if not fallbacks:
        return (key,)
    if isinstance(fallbacks, (str, bytes)):
        message = (
            "SECRET_KEY_FALLBACKS must be a list of keys, but it is a single"
            f" {type(fallbacks).__name__}, which would be read as one key a letter."
            " Write [key] in the place of key."
        )
        raise TypeError(message)
    return (*fallbacks, key)


def _pack(text: str) -> bytes:
    """Return the text as base64, compressed and marked with a dot where that is shorter."""
    raw = text.encode()
    compressed = zlib.compress(raw)
    if len(compressed) < len(raw) - 1:
        return b"." + encode(compressed)
    return encode(raw)


def _unpack(payload: bytes) -> str:
    try:
        if payload[:1] == b".":
            return zlib.decompress(decode(payload[1:])).decode()
        return decode(payload).decode()
    except (zlib.error, UnicodeDecodeError) as error:
        message = f"The signed value is not a session: {error}."
        raise BadToken(message) from error


def _vary_by_cookie(response: Response) -> None:
    """Say that the answer depends on the cookie, unless the response says so already."""
    if "Vary" in response.headers:
        response.vary.add("Cookie")
    else:
        response.headers["Vary"] = "Cookie"
