"""itsdangerous' serializer for sessions, with errors that do not show keys.

`get_signing_serializer` returns one, for extensions and for session interfaces that do their own signing.
"""

from __future__ import annotations

import typing as t
from functools import wraps

from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from .secret import Hidden

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from ..app import Flask
    from ..sessions import SecureCookieSessionInterface

P = t.ParamSpec("P")
Result = t.TypeVar("Result")


def _quiet(method: Callable[P, Result]) -> Callable[P, Result]:
    """Return a method whose errors leave out the frames below it, which have keys in their variables."""

    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> Result:
        try:
            return method(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - it is raised again
            del args, kwargs
            error.__context__ = error.__cause__ = None
            raise error.with_traceback(None)  # noqa: B904 - it is the same error

    return call


class SessionSigner(Hidden, TimestampSigner):
    """A `TimestampSigner` that does not show its keys."""

    __init__ = _quiet(TimestampSigner.__init__)
    derive_key = _quiet(TimestampSigner.derive_key)
    get_signature = _quiet(TimestampSigner.get_signature)
    verify_signature = _quiet(TimestampSigner.verify_signature)


class SessionSerializer(Hidden, URLSafeTimedSerializer):
    """A `URLSafeTimedSerializer` that does not show its keys."""

    default_signer = SessionSigner


def serializer_of(
    kind: type[URLSafeTimedSerializer], app: Flask, interface: SecureCookieSessionInterface
) -> URLSafeTimedSerializer | None:
    """Return a serializer of sessions as Flask makes one, of a class that a test has put where itsdangerous' was.

    Args:
        kind: The class, or a mock of it.
        app: The app.
        interface: Its session interface.
    """
    if not app.secret_key:
        return None
    # itsdangerous signs with the last one.
    keys = [*(app.config["SECRET_KEY_FALLBACKS"] or ()), app.secret_key]
    options = {"key_derivation": interface.key_derivation, "digest_method": interface.digest_method}
    return kind(keys, salt=interface.salt, serializer=interface.serializer, signer_kwargs=options)
