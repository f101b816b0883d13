"""The keys of an application: from its configuration to a ring, and a word about those that can be guessed.

Floor 2, one request. What must live here: which settings are keys, and in which order they are used. What must not:
what is derived from them (`keyring`), what is signed.
"""

from __future__ import annotations

import typing as t

from .ring import Key, KeyRing, TimedSigner, key_id, weakness

if t.TYPE_CHECKING:
    from ..app import Flask

#: The hashes that a session may be signed with: the writing one, and those that are read as well.
SESSION_DIGESTS: t.Final = {"sha1": ("sha256",), "sha256": ("sha1",)}


class KeptRing(t.NamedTuple):
    """The ring of an app, and the settings that it was made of."""

    made_of: tuple[t.Any, ...]
    ring: KeyRing

    def __repr__(self) -> str:
        return repr(self.ring)


class KeptSigner(t.NamedTuple):
    """The signer of an app's sessions, and the settings that it was made of.

    The first three are for a quick look by `is`; `only_key` is None where there are others.
    """

    only_key: Key | None
    salt: Key
    digest: str | None
    signer: TimedSigner
    made_of: tuple[t.Any, ...]

    def __repr__(self) -> str:
        return repr(self.signer)


class RingOfApp:
    """The attribute `keyring` of an app. Assigning another ring to an app is possible."""

    @t.overload
    def __get__(self, app: None, owner: type) -> RingOfApp: ...

    @t.overload
    def __get__(self, app: Flask, owner: type) -> KeyRing: ...

    def __get__(self, app: Flask | None, owner: type) -> RingOfApp | KeyRing:
        return self if app is None else ring_of(app)


def keys_of(app: Flask) -> tuple[Key, ...]:
    """Return the app's keys, the newest last; none without a `SECRET_KEY`.

    An empty former key is left out: whoever signs with it needs to know nothing.

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
    retired = retired_ids(app)
    former = (other for other in fallbacks if other)
    return (*(other for other in former if not retired or key_id(other) not in retired), key)


def retired_ids(app: Flask) -> tuple[str, ...]:
    """Return the ids of the keys that are not to be used any more.

    Raises:
        TypeError: `SECRET_KEY_RETIRED` is one id and not a list of ids.
    """
    retired = app.config.get("SECRET_KEY_RETIRED") or ()
    if isinstance(retired, str):
        message = f"SECRET_KEY_RETIRED must be a list of ids, but it is one text. Write [{retired!r}]."
        raise TypeError(message)
    return tuple(retired)


def ring_of(app: Flask) -> KeyRing:
    """Return the ring of the app's keys, made anew when they have changed.

    Raises:
        RuntimeError: there is no `SECRET_KEY`, or it is one of `SECRET_KEY_RETIRED`.
    """
    keys = keys_of(app)
    retired = retired_ids(app)
    kept: KeptRing | None = app._kept_ring
    if kept is None or kept.made_of != (keys, retired):
        if not keys:
            message = "There is no key to sign or to encrypt with: set SECRET_KEY. `tuile secret` prints a new one."
            raise RuntimeError(message)
        look_at_keys(app, keys)
        kept = app._kept_ring = KeptRing((keys, retired), KeyRing(keys[-1], keys[-2::-1], retired))
    return kept.ring


def look_at_keys(app: Flask, keys: tuple[Key, ...]) -> None:
    """Refuse a key that was retired, and log once which keys can be guessed.

    It is logged and not warned about with the `warnings` module, because suites turn warnings into errors; nor in
    debug mode or in tests, where `dev` is as good a key as any.
    """
    config = app.config
    retired = retired_ids(app)
    if retired and key_id(keys[-1]) in retired:
        message = (
            f"The SECRET_KEY is {key_id(keys[-1])}, which SECRET_KEY_RETIRED says is not to be used any more."
            " Set another one; `tuile secret` prints a new one."
        )
        raise RuntimeError(message)
    if app._told_of_weak_keys or config["DEBUG"] or config["TESTING"]:
        return
    app._told_of_weak_keys = True
    names = ["SECRET_KEY", *("A key in SECRET_KEY_FALLBACKS" for _ in keys[1:])]
    for name, key in zip(names, reversed(keys), strict=True):
        why = weakness(key)
        if why is not None:
            app.logger.warning(
                "%s can be guessed: %s. Whoever guesses it can log in as anybody. `tuile secret` prints a good one;"
                " `tuile rotate-keys` says how to change it without logging anybody out.",
                name,
                why,
            )


def session_signer(app: Flask, key: Key, salt: Key) -> TimedSigner:
    """Return the signer of the app's sessions, made anew when a key or `SESSION_DIGEST` has changed.

    Raises:
        ValueError: `SESSION_DIGEST` is none of those there are.
        RuntimeError: the key was retired.
    """
    config = app.config
    alone = not config["SECRET_KEY_FALLBACKS"]
    keys = (key,) if alone else keys_of(app)
    setting = config.get("SESSION_DIGEST")
    made_of = (keys, salt, setting)
    kept: KeptSigner | None = app._kept_signer
    if kept is None or kept.made_of != made_of:
        digest = setting or "sha1"
        others = other_digests(digest)
        look_at_keys(app, keys)
        kept = KeptSigner(key if alone else None, salt, setting, TimedSigner(keys, salt, digest, others), made_of)
        app._kept_signer = kept
    return kept.signer


def other_digests(digest: str) -> tuple[str, ...]:
    """Return the hashes of sessions that are read beside this one.

    Raises:
        ValueError: it is none that sessions are signed with.
    """
    others = SESSION_DIGESTS.get(digest)
    if others is None:
        message = f"SESSION_DIGEST is {digest!r}; it can be 'sha1', as Flask's, or 'sha256'."
        raise ValueError(message)
    return others
