"""Store sessions in a signed cookie, byte for byte as Flask does, or in an encrypted one."""

from __future__ import annotations

import time
import typing as t
from types import MethodType

from ..http.headers import vary_by_cookie
from ..invalidation import attribute, attributes, replaced, still_has, unwatched
from ..lazy import LateAttribute, late_modules
from ..patched import SERIALIZER, flags_depend, names
from ..wrappers.response import Response
from .interface import SecureCookieSession, SessionInterface, cookie_attributes, lazy_sha1

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    import itsdangerous
    from itsdangerous import URLSafeTimedSerializer

    from .. import exceptions
    from ..app import Flask
    from ..json import tag
    from ..keys import secret, tokens, xaes
    from ..keys import serializer as serializers
    from ..wrappers.request import Request
    from . import ages, former_names, kinds, opening, packing, plain, server, signer, tracked, verified
    from .interface import SessionMixin
    from .kinds import Kind
    from .signer import KeptSigner
else:
    itsdangerous, exceptions, tag = late_modules(__name__, "itsdangerous", "..exceptions", "..json.tag")
    secret, serializers, tokens, xaes = late_modules(
        __name__, "..keys.secret", "..keys.serializer", "..keys.tokens", "..keys.xaes"
    )
    ages, former_names, kinds, opening = late_modules(__name__, ".ages", ".former_names", ".kinds", ".opening")
    packing, plain, server, signer, tracked, verified = late_modules(
        __name__, ".packing", ".plain", ".server", ".signer", ".tracked", ".verified"
    )

# Computed inline as long as none is overridden.
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
_STOCK: dict[str, object] = {}  # the methods of the class below, to compare with; filled after its definition
# What decides how a session is signed.
_SIGNING = frozenset({"digest_method", "get_signing_serializer", "key_derivation", "salt", "serializer"})
# A cookie of so few octets fits, and with these `SESSION_OVERFLOW` one that does not is sent with a warning.
_NEVER_TOO_LARGE, _JUST_WARNS = 256, (None, "warn")
# The last letters of headers that may let shared caches store a response.
_SAID_TO_CACHES = frozenset({"control", "expires"})
_own_set_cookie = Response.set_cookie  # the default, to compare with

# A sibling host can set any number of cookies with the session's name.
_MOST_TRIED = 4


def _signs_plainly(cls: type[SecureCookieSessionInterface]) -> bool:
    """Return whether a class signs as `TimedSigner` does, perhaps with another salt."""
    return (
        attribute(cls, "get_signing_serializer") is _STOCK.get("get_signing_serializer")
        and attribute(cls, "__getattribute__") is object.__getattribute__
        and getattr(cls, "digest_method", None) is lazy_sha1
        and getattr(cls, "key_derivation", None) == "hmac"
        and (type(found := attribute(cls, "serializer")) is LateAttribute or type(found) is tag.TaggedJSONSerializer)
        and type(getattr(cls, "salt", None)) in {str, bytes}
        and not unwatched(cls)
        and SERIALIZER not in names
    )


class SecureCookieSessionInterface(SessionInterface):
    """Store a session in a cookie that the browser can read but not change.

    A subclass can change the salt, the digest, the key derivation and the serializer, as in Flask. Then sessions are
    opened at the start of each request, as with any other interface.
    """

    #: The purpose for deriving the signing key.
    salt = "cookie-session"
    #: The hash of the signature. Flask's sessions use SHA-1, in HMAC, where its collisions do not matter.
    digest_method: Callable[[bytes], object] = staticmethod(lazy_sha1)
    #: How itsdangerous turns the secret key into the signing key.
    key_derivation = "hmac"
    #: The serializer of the session's content.
    serializer = t.cast("tag.TaggedJSONSerializer", LateAttribute("tuile.json.tag", "session_json_serializer"))
    session_class = SecureCookieSession
    _prefixes_name = True
    steps = SessionInterface.steps | {
        "digest_method",
        "get_signing_serializer",
        "key_derivation",
        "salt",
        "serializer",
        "session_class",
    }

    # Whether a method is overridden, so that all of them are called.
    _asks_itself: t.ClassVar[bool] = True
    # Whether sessions are signed as Flask's are, so that the cached signer can be used, whatever else is overridden.
    _signs_plainly: t.ClassVar[bool] = False

    @classmethod
    def _set_flags(cls) -> None:
        """Set the flags. Methods of subclasses are called whenever Flask would call them."""
        cls.set_flag("opens_lazily", "open_session" in cls.__dict__ and still_has(cls, _STOCK))
        cls.set_flag("_asks_itself", not still_has(cls, _STOCK))
        cls.set_flag("_signs_plainly", _signs_plainly(cls))

    def is_due(self, app: Flask, cookie_header: str) -> bool:
        """Return whether a session that was not accessed is renewed: one was received, and there is a key for it."""
        name = app.config["SESSION_COOKIE_NAME"]  # no method is overridden
        if (name not in cookie_header and name.isascii()) or app.config.get("SESSION_STORE") is not None:
            return False
        return bool(app.config["SESSION_REFRESH_EACH_REQUEST"]) and bool(app.secret_key)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Return itsdangerous' serializer for this app's sessions, or None without a secret key."""
        if (kind := names.get(SERIALIZER)) is not None:
            return serializers.serializer_of(kind, app, self)
        return signer.session_serializer(app, self.salt, self.serializer, self.key_derivation, self.digest_method)

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the session from the request's cookie, or from the store that `SESSION_STORE` names.

        An invalid or expired cookie gives an empty session.
        """
        setting = app.config.get
        if setting("SESSION_STORE") is not None and id(request) not in tracked.looking_into_cookies:
            if setting("SESSION_WRITES") is None and setting("SESSION_OVERFLOW") != "spill":
                return opening.open_stored(app, self, request)
            from .beside import open_with_store  # noqa: PLC0415 - most sessions are kept in the cookie

            return open_with_store(app, self, request, SecureCookieSessionInterface.open_session)
        kept = self._kept_signer(app)
        serializer = self.get_signing_serializer(app) if kept is None else None
        if kept is None and serializer is None:
            return None
        if app.config.get("SESSION_ENCRYPT") if kept is None else kept.signer is None:
            xaes.require_cipher()  # to report a missing package before a visitor returns with an encrypted session
        asks = self._asks_itself or self.__dict__ or setting("COOKIE_DEFAULTS")
        name = former_names.name_to_read(self, app, request) if asks else app.config["SESSION_COOKIE_NAME"]
        first = getattr(request, "_first_cookie", None)
        token: str | None = request.cookies.get(name) if first is None else first(name)
        if token is None:
            return self.session_class()
        lifetime = app.permanent_session_lifetime
        max_age_s = lifetime.days * 86400 + lifetime.seconds
        if (
            kept is not None
            and kept.signer is not None
            and app.config.get("SESSION_ABSOLUTE") is None
            and type(app).session_refused is ages.REFUSES_NONE
            and "session_refused" not in app.__dict__
        ):
            # The most common case. Everything else, including errors, is handled below.
            session = verified.session_in(self, app, kept, token, max_age_s, request, name)
            if session is not None:
                return session
        del token  # `session_refused` may raise, and tracebacks show local variables
        # A request class may have a plain dictionary of cookies.
        cookies = request.cookies
        received = cookies.getlist(name) if hasattr(cookies, "getlist") else [cookies[name]]
        found = [secret.Secret(one.encode(errors="replace")) for one in received[:_MOST_TRIED]]
        return self._first_good(app, name, found, kept, serializer, max_age_s)

    def _session_by_header(self, app: Flask, header: str | None) -> SecureCookieSession | None:
        """Return what `open_session` does if no method is overridden; None to call it."""
        return verified.session_by_header(self, app, header)

    def _read_token(self, app: Flask, token: str) -> SecureCookieSession | None:
        """Return the session in a signed or encrypted cookie; None if it is not valid, or empty."""
        kept = self._kept_signer(app)
        serializer = self.get_signing_serializer(app) if kept is None else None
        if kept is None and serializer is None:
            return None
        max_age_s = int(app.permanent_session_lifetime.total_seconds())
        found = [secret.Secret(token.encode(errors="replace"))]
        del token
        return self._first_good(app, self.get_cookie_name(app), found, kept, serializer, max_age_s) or None

    def _first_good(
        self,
        app: Flask,
        name: str,
        found: Iterable[secret.Secret],
        kept: KeptSigner | None,
        serializer: URLSafeTimedSerializer | None,
        max_age_s: int,
    ) -> SecureCookieSession:
        """Return the session of the first valid cookie, or an empty one."""
        for token in found:
            try:
                session, kind, signed = self._opened(app, name, token.octets.decode(), kept, serializer, max_age_s)
            except itsdangerous.BadData:  # such as a BadToken
                continue
            if session is None or ages.is_over(app, session, token, signed):
                continue
            if kind is not None:
                kinds.report_kind(app, kinds.kinds_of(app) if kept is None else kept.kinds, kind)
            return session
        return self.session_class()

    def _opened(
        self,
        app: Flask,
        name: str,
        token: str,
        kept: KeptSigner | None,
        serializer: URLSafeTimedSerializer | None,
        max_age_s: int,
    ) -> tuple[SecureCookieSession | None, Kind | None, int | None]:
        """Return the session in a token, its kind and the time it was made; None for the session if there is none.

        Raises:
            BadData, BadToken: If the token is invalid.
        """
        if tokens.is_encrypted(token):
            of_app = kinds.kinds_of(app) if kept is None else kept.kinds
            opened = signer.decrypted(app, self.salt, name, token, max_age_s) if of_app.reads_encrypted else None
            if opened is not None:
                return self._loaded(app, opened.value), "encrypted", opened.issued
        if not token:
            return None, None, None
        kind = signer.kind_of(token)
        if kept is None:
            try:
                content = t.cast("URLSafeTimedSerializer", serializer).loads(token, max_age=max_age_s)
            except ValueError as error:
                message = "The session cannot be read."
                raise exceptions.BadToken(message) from error
            session = self._session_of(app, content)
            return session, kind if self.digest_method is lazy_sha1 else None, signer.signed_at(token)
        reader = kept.readers.get(kind)
        if reader is None:
            return None, None, None
        text = packing.unpack(reader.unsign(token.encode(), int(time.time()), max_age_s))
        return self._loaded(app, text), kind, signer.signed_at(token)

    def _loaded(self, app: Flask, text: str) -> SecureCookieSession | None:
        """Parse the text of a session; None, with a message in the log, if that fails."""
        try:
            return tracked.tracked(self.session_class, self.serializer, self.serializer.loads(text))
        except Exception:  # noqa: BLE001 - whatever the serializer and its tags may raise
            app.logger.warning("A session with a valid signature could not be parsed, so it is treated as empty.")
            return None

    def _session_of(self, app: Flask, content: Mapping[str, object]) -> SecureCookieSession | None:
        """Return the session with this content; None, with a message in the log, if it is not a mapping."""
        try:
            return tracked.tracked(self.session_class, self.serializer, content)
        except (TypeError, ValueError):
            app.logger.warning("The session was made with this app's key, but cannot be read. It is empty now.")
            return None

    def save_session(  # noqa: C901 - one function, because every write of a session would pay for each call
        self, app: Flask, session: SessionMixin, response: Response
    ) -> None:
        """Write the session to the response's cookie if it changed, or delete the cookie if it is empty now."""
        is_ours = type(session) is SecureCookieSession or type(session) is tracked.TrackedSession
        if self._asks_itself or self.__dict__ or not is_ours or app.config.get("COOKIE_DEFAULTS"):
            if getattr(type(session), "has_store", False):
                if app.config.get("SESSION_WRITES") is None and app.config.get("SESSION_OVERFLOW") != "spill":
                    server.save_stored(app, self, session, response)
                else:
                    from .beside import save_with_store  # noqa: PLC0415 - seldom needed

                    save_with_store(app, self, session, response)
                return
            self._save_by_methods(app, session, response)
            return
        # The results of the methods, none of which is overridden.
        if session.accessed:
            vary_by_cookie(response)
        # No local variable for the settings: tracebacks show them.
        name = app.config["SESSION_COOKIE_NAME"]
        if plain.is_emptied(session):
            if session.modified:
                plain.delete_cookie(session, response, name, cookie_attributes(self, app)._asdict())
            return
        lasts = session.get("_permanent", False)
        if not (session.modified or (lasts and app.config["SESSION_REFRESH_EACH_REQUEST"])):
            return
        for header, _ in getattr(response.headers, "_list", ()):
            # Most responses have no directives for caches.
            if len(header) >= 12 and header[-7:].lower() in _SAID_TO_CACHES and not plain.keep_for(session, response):
                return
        expires = plain.expires_of(app, session, lasts=lasts)
        self._set_cookie(app, response, name, self._serialized(app, name, session), expires)
        if not session.accessed:
            vary_by_cookie(response)

    def _save_by_methods(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Save the session by calling all methods that may be overridden, as Flask does."""
        has_former_name = app.config.get("COOKIE_DEFAULTS") is not None
        name, described = self.get_cookie_name(app), cookie_attributes(self, app)._asdict()
        if session.accessed:
            vary_by_cookie(response)
        if plain.is_emptied(session):
            if session.modified:
                plain.delete_cookie(session, response, name, described)
                if has_former_name:
                    former_names.delete_former(self, app, response)
            return
        is_due = self.should_set_cookie(app, session)
        is_due = is_due or (has_former_name and former_names.is_to_be_moved(self, app, session))
        if not (is_due and plain.keep_for(session, response)):
            return
        expires = self.get_expiration_time(app, session)
        if app.config.get("SESSION_ABSOLUTE") is not None or ages.can_be_refused(app):
            expires = ages.note_beginning(app, session, expires)
        token = self._serialized(app, name, session)
        self._check_size(app, name, token, expires)
        response.set_cookie(name, token, expires=expires, **described)
        if has_former_name:
            former_names.delete_former(self, app, response)
        vary_by_cookie(response)

    def _serialized(self, app: Flask, name: str, session: SessionMixin) -> str:
        """Return the token of the session, encrypted or as itsdangerous makes it."""
        kept = self._kept_signer(app)
        if kept is not None and kept.signer is not None:
            return kept.signer.sign(
                packing.pack(self.serializer.dumps(tracked.content_of(session))), int(time.time())
            ).decode()
        serializer = self.get_signing_serializer(app)
        if serializer is None:
            text = "The session cannot be saved: the app's secret key was removed during the request. Set SECRET_KEY."
            raise RuntimeError(text)
        token: str
        if app.config.get("SESSION_ENCRYPT"):
            # Not compressed, because the compression ratio would reveal information about the content.
            token = app.keyring.encrypt(
                signer.purpose_of(self.salt),
                packing.checked(self.serializer.dumps(tracked.content_of(session))),
                now=time.time(),
                name=name,
            )
        else:
            token = serializer.dumps(tracked.content_of(session))
        return token

    def _kept_signer(self, app: Flask) -> KeptSigner | None:
        """Return the cached signer for the app's keys; None without a key, or if itsdangerous is needed."""
        if not self._signs_plainly or (self.__dict__ and not _SIGNING.isdisjoint(self.__dict__)):
            return None
        kept = app._kept_signer
        if kept is not None and kept.salt is self.salt and app._keeps_secret_in_config and kept.seen.are_current(app):
            return kept
        return signer.session_signer(app, self.salt) if app.secret_key else None

    def _check_size(self, app: Flask, name: str, token: str, expires: datetime | None) -> None:
        """Refuse a session that is too large for a cookie, if the settings say so."""
        if len(token) > _NEVER_TOO_LARGE and app.config.get("SESSION_OVERFLOW") not in _JUST_WARNS:
            from .beside import check_overflow  # noqa: PLC0415 - seldom needed

            check_overflow(app, self, name, token, expires)

    def _set_cookie(self, app: Flask, response: Response, name: str, token: str, expires: datetime | None) -> None:
        self._check_size(app, name, token, expires)
        set_cookie = response.set_cookie
        if type(set_cookie) is MethodType and set_cookie.__func__ is _own_set_cookie:
            # The same call as below without keyword arguments, which is faster.
            set_cookie(name, token, None, expires, *plain.configured_attributes(app))
        else:
            set_cookie(name, token, expires=expires, **cookie_attributes(self, app)._asdict())


_STOCK.update(attributes(SecureCookieSessionInterface, _STEPS))
SecureCookieSessionInterface._set_flags()
flags_depend(SERIALIZER, SecureCookieSessionInterface)
_SETTING_COOKIES = attributes(Response, ("delete_cookie", "set_cookie", "vary"))


def saves_plainly(interface: SessionInterface, response_class: type[Response]) -> bool:
    """Return whether a session is saved by setting one cookie, without a method that is overridden."""
    return (
        type(interface) is SecureCookieSessionInterface
        and not interface._asks_itself
        and not vars(interface)
        and response_class._asks_config
        and not replaced(response_class, _SETTING_COOKIES)
    )
