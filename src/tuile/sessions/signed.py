"""Sessions that are kept whole in a signed cookie, byte for byte as Flask's.

Floor 2, one request. What must live here: how a session becomes the text of a cookie and back. What must
not: how text is signed (`keyring`), how the cookie is written (`cookie_syntax`, through the response).
"""

from __future__ import annotations

import hashlib
import time
import typing as t
from datetime import datetime, timezone

from itsdangerous import BadData, URLSafeTimedSerializer

from ..http.headers import vary_by
from ..invalidation import attributes, still_has
from ..json.tag import TaggedJSONSerializer
from ..keys.app_keys import check_keys, keys_of, other_digests, session_signer
from ..keys.ring import BadToken, TimedSigner, pack, unpack
from ..keys.serializer import SessionSerializer
from ..keys.tokens import is_encrypted
from ..keys.xaes import require_cipher
from ..wrappers.response import Response
from .interface import SecureCookieSession, SessionInterface

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from ..app import Flask
    from ..wrappers.request import Request
    from .interface import SessionMixin

session_json_serializer = TaggedJSONSerializer()

# The questions that are answered without asking them, while nobody has replaced one.
_STEPS = (
    "get_cookie_domain",
    "get_cookie_httponly",
    "get_cookie_name",
    "get_cookie_partitioned",
    "get_cookie_path",
    "get_cookie_samesite",
    "get_cookie_secure",
    "get_expiration_time",
    "get_signing_serializer",
    "is_due",
    "is_null_session",
    "make_null_session",
    "open_session",
    "save_session",
    "should_set_cookie",
)
# What this interface answers them with; filled below, when it is there.
_STOCK: dict[str, object] = {}
# How responses set a cookie, unless one has a way of its own.
_own_set_cookie = Response.set_cookie


def _lazy_sha1(string: bytes = b"") -> t.Any:
    # hashlib.sha1 may be missing in a FIPS build; then only its use fails, not this import.
    return hashlib.sha1(string)  # noqa: S324 - Flask's format; HMAC does not depend on what is weak in it


_METHODS: dict[str, Callable[[bytes], t.Any]] = {"sha1": _lazy_sha1, "sha256": hashlib.sha256}


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
    steps = SessionInterface.steps | {
        "digest_method",
        "get_signing_serializer",
        "key_derivation",
        "salt",
        "serializer",
        "session_class",
    }

    # Whether the cookie's name and attributes are certainly those of the configuration.
    _asks_itself: t.ClassVar[bool] = True

    @classmethod
    def look(cls) -> None:
        """Note whether the class is the one here; another one may do anything, and is asked when Flask would ask it."""
        cls.note("opens_lazily", "open_session" in cls.__dict__ and still_has(cls, _STOCK))
        cls.note("_asks_itself", not still_has(cls, _STOCK))

    def is_due(self, app: Flask, cookie_header: str) -> bool:
        """Return whether a session that nobody touched is renewed: one came, and there is a key to read it with."""
        # Only asked while no method is overridden, so the name is what the configuration says.
        name = app.config["SESSION_COOKIE_NAME"]
        if name not in cookie_header and name.isascii():
            return False
        return bool(app.config["SESSION_REFRESH_EACH_REQUEST"]) and bool(app.secret_key)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Return itsdangerous' serializer for this app's sessions, or None without a secret key."""
        keys = keys_of(app)
        if not keys:
            return None
        check_keys(app)
        methods = [self.digest_method]
        if self.digest_method is _lazy_sha1:
            digest = app.config.get("SESSION_DIGEST") or "sha1"
            methods = [_METHODS[name] for name in (digest, *other_digests(digest))]
        first, *others = [{"key_derivation": self.key_derivation, "digest_method": method} for method in methods]
        made = SessionSerializer(
            b"",
            salt=self.salt,
            serializer=self.serializer,
            signer_kwargs=first,
            fallback_signers=others,  # type: ignore[arg-type] # a list of less than the list may hold
        )
        # Not handed to the constructor, which tries the serializer: what raises shows its variables.
        made.secret_keys = [key.octets for key in keys]
        return made

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the session from the request's cookie; a bad or an old one is an empty session."""
        signer: t.Any = self._signer(app)
        serializer = self.get_signing_serializer(app) if signer is None else None
        if signer is None and serializer is None:
            return None
        if app.config.get("SESSION_ENCRYPT"):
            # At the first reading, not only when a visitor comes back with such a session.
            require_cipher()
        name = (
            app.config["SESSION_COOKIE_NAME"] if not (self._asks_itself or self.__dict__) else self.get_cookie_name(app)
        )
        cookies = request.cookies
        token = cookies[name] if name in cookies else None  # noqa: SIM401 - `get` would be one more call
        if not token:
            return self.session_class()
        lifetime = app.permanent_session_lifetime
        max_age_s = lifetime.days * 86400 + lifetime.seconds
        try:
            if serializer is not None:
                return self.session_class(serializer.loads(token, max_age=max_age_s))
            text = unpack(signer.unsign(token.encode(), int(time.time()), max_age_s))
        except (BadData, ValueError):
            # In this order, because a signed session is what nearly every one is.
            text = self._decrypted(app, name, token, max_age_s) if is_encrypted(token) else ""
            if not text:
                return self.session_class()
        try:
            return self.session_class(self.serializer.loads(text))
        except Exception:  # noqa: BLE001 - whatever the serializer and its tags may raise
            app.logger.warning("The session was made with this app's key, but cannot be read. It is empty now.")
            return self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write the session to the response's cookie if it changed, or delete the cookie if it is empty now."""
        if self._asks_itself or self.__dict__ or type(session) is not SecureCookieSession:
            self._save_by_methods(app, session, response)
            return
        # What the methods would answer, which nobody has overridden.
        if session.accessed:
            vary_by(response.headers, "Cookie")
        # No name for the settings: what raises shows its variables.
        name = app.config["SESSION_COOKIE_NAME"]
        if not session:
            if session.modified:
                response.delete_cookie(name, **self._cookie_attributes(app))
                vary_by(response.headers, "Cookie")
            return
        lasts = session.get("_permanent", False)
        if not (session.modified or (lasts and app.config["SESSION_REFRESH_EACH_REQUEST"])):
            return
        signer = self._signer(app)
        if signer is not None and not app.config.get("SESSION_ENCRYPT"):
            token = signer.sign(pack(self.serializer.dumps(dict(session))), int(time.time())).decode()
        else:
            token = self._serialized(app, name, session)
        expires = datetime.now(timezone.utc) + app.permanent_session_lifetime if lasts else None
        self._set_cookie(app, response, name, token, expires)
        if not session.accessed:
            vary_by(response.headers, "Cookie")

    def _save_by_methods(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Do what `save_session` does where a method may be somebody's own: ask each, needed or not, as Flask does."""
        name, described = self.get_cookie_name(app), self._cookie_attributes(app)
        if session.accessed:
            vary_by(response.headers, "Cookie")
        if not session:
            if session.modified:
                response.delete_cookie(name, **described)
                vary_by(response.headers, "Cookie")
            return
        if not self.should_set_cookie(app, session):
            return
        expires = self.get_expiration_time(app, session)
        response.set_cookie(name, self._serialized(app, name, session), expires=expires, **described)
        vary_by(response.headers, "Cookie")

    def _serialized(self, app: Flask, name: str, session: SessionMixin) -> str:
        """Return the token of the session, encrypted or as itsdangerous makes it."""
        serializer = self.get_signing_serializer(app)
        if serializer is None:
            message = (
                "The session cannot be saved: the app's secret key was removed during the request. Set SECRET_KEY."
            )
            raise RuntimeError(message)
        token: str
        if app.config.get("SESSION_ENCRYPT"):
            # Not compressed: how well it can be would tell something of what is in it.
            token = app.keyring.encrypt(
                self._purpose(), self.serializer.dumps(dict(session)), now=time.time(), name=name
            )
        else:
            token = serializer.dumps(dict(session))
        return token

    def _decrypted(self, app: Flask, name: str, token: str, max_age_s: int) -> str:
        """Return the text of an encrypted session, whether new ones are encrypted or not; "" for a bad one."""
        try:
            opened = app.keyring.decrypt(self._purpose(), token, now=time.time(), name=name, max_age_s=max_age_s)
        except BadToken:
            return ""
        except RuntimeError as error:
            app.logger.warning("The session is encrypted and cannot be read, so it is empty now. %s", error)
            return ""
        return opened.value

    def _purpose(self) -> str:
        salt: t.Any = self.salt  # a subclass's may be bytes
        return f"session {salt if isinstance(salt, str) else salt.hex()}"

    def _signer(self, app: Flask) -> TimedSigner | None:
        """Return the kept signer for the app's keys; None without a key, and where itsdangerous has to be asked."""
        if (
            self._asks_itself
            or self.__dict__
            or self.digest_method is not _lazy_sha1
            or self.key_derivation != "hmac"
            or type(self.serializer) is not TaggedJSONSerializer
        ):
            return None
        # No name for the key or the settings: what raises shows its variables.
        kept = app._kept_signer
        if (
            kept is not None
            and kept.only_key is not None
            and kept.only_key is (app.config["SECRET_KEY"] if app._keeps_secret_in_config else app.secret_key)
            and kept.salt is self.salt
            and kept.digest is app.config.get("SESSION_DIGEST")
            and not app.config["SECRET_KEY_FALLBACKS"]
            and not app.config.get("SECRET_KEY_RETIRED")
        ):
            return kept.signer
        return session_signer(app, self.salt) if app.secret_key else None

    def _set_cookie(self, app: Flask, response: Response, name: str, token: str, expires: datetime | None) -> None:
        set_cookie = response.set_cookie
        if getattr(set_cookie, "__func__", None) is _own_set_cookie:
            # What the last line says, without keywords to be packed and unpacked.
            set_cookie(
                name,
                token,
                None,
                expires,
                app.config["SESSION_COOKIE_PATH"] or app.config["APPLICATION_ROOT"],
                app.config["SESSION_COOKIE_DOMAIN"],
                app.config["SESSION_COOKIE_SECURE"],
                app.config["SESSION_COOKIE_HTTPONLY"],
                app.config["SESSION_COOKIE_SAMESITE"],
                app.config["SESSION_COOKIE_PARTITIONED"],
            )
        else:
            set_cookie(name, token, expires=expires, **self._cookie_attributes(app))

    def _cookie_attributes(self, app: Flask) -> dict[str, t.Any]:
        return {
            "domain": self.get_cookie_domain(app),
            "path": self.get_cookie_path(app),
            "secure": self.get_cookie_secure(app),
            "partitioned": self.get_cookie_partitioned(app),
            "samesite": self.get_cookie_samesite(app),
            "httponly": self.get_cookie_httponly(app),
        }


_STOCK.update(attributes(SecureCookieSessionInterface, _STEPS))
SecureCookieSessionInterface.look()
