"""Which kinds of session are read and which one is written: `SESSION_READS`, `SESSION_DIGEST`, `SESSION_ENCRYPT`.

What must live here: what the three settings come to, whether they fit together, and when
`SESSION_READS` may be narrowed. What must not: how a session of any kind is read (`signed`).
"""

from __future__ import annotations

import typing as t

from ..keys.ring import is_hash_usable

if t.TYPE_CHECKING:
    from datetime import timedelta

    from ..app import Flask

Kind: t.TypeAlias = t.Literal["sha1", "sha256", "encrypted"]

#: What `SESSION_READS` can name, and the kinds that each stands for.
READABLE: t.Final[dict[str, tuple[Kind, ...]]] = {
    "sha1": ("sha1",),
    "sha256": ("sha256",),
    "signed": ("sha1", "sha256"),
    "encrypted": ("encrypted",),
}
_ALL: tuple[Kind, ...] = ("sha1", "sha256", "encrypted")
_NAMES = {"sha1": "signed with SHA-1", "sha256": "signed with SHA-256", "encrypted": "encrypted"}


class Kinds(t.NamedTuple):
    """What the settings come to."""

    written: Kind
    #: The hash of new signatures, and those of the signatures that are read, in the order to try them.
    digest: t.Literal["sha1", "sha256"]
    digests_read: tuple[t.Literal["sha1", "sha256"], ...]
    reads_encrypted: bool

    @property
    def read(self) -> tuple[Kind, ...]:
        """All kinds that are read."""
        return (*self.digests_read, "encrypted") if self.reads_encrypted else self.digests_read


def kinds_of(app: Flask) -> Kinds:
    """Return which kinds of session an app writes and reads.

    Raises:
        ValueError: a setting has a value that does not exist, or what is written would not be read.
        TypeError: `SESSION_READS` is a single text.
    """
    digest: t.Literal["sha1", "sha256"] = app.config.get("SESSION_DIGEST") or "sha1"
    if digest not in {"sha1", "sha256"}:
        message = f"SESSION_DIGEST is {digest!r}; it can be 'sha1', as Flask's, or 'sha256'."
        raise ValueError(message)
    if digest == "sha1" and not is_hash_usable("sha1"):
        # Where the machine refuses SHA-1 (FIPS 140) nobody could log in.
        digest = "sha256"
    written: Kind = "encrypted" if app.config.get("SESSION_ENCRYPT") else digest
    read = _kinds_read(app.config.get("SESSION_READS"))
    if written not in read:
        message = (
            f"SESSION_READS leaves out {written!r}, which is what SESSION_DIGEST and SESSION_ENCRYPT say to write:"
            f" nobody could log in. Add {written!r} to SESSION_READS."
        )
        raise ValueError(message)
    digests = tuple(kind for kind in read if kind != "encrypted")
    return Kinds(written, digest, digests, "encrypted" in read)


def _kinds_read(setting: t.Any) -> tuple[Kind, ...]:
    if setting is None:
        return _ALL
    choices = ", ".join(map(repr, READABLE))
    if isinstance(setting, (str, bytes)) or not hasattr(setting, "__iter__"):
        message = f"SESSION_READS is a list of kinds, out of {choices}, not {setting!r}. Write: [{setting!r}]."
        raise TypeError(message)
    kinds: list[Kind] = []
    for name in setting:
        if not isinstance(name, str) or name not in READABLE:
            message = f"SESSION_READS names {name!r}; it can name {choices}."
            raise ValueError(message)
        kinds.extend(READABLE[name])
    return tuple(kind for kind in _ALL if kind in kinds)


def tell_of_kind(app: Flask, kinds: Kinds, read: Kind) -> None:
    """Log, once per app and kind, that a session was read that is of another kind than new ones are."""
    if read == kinds.written or read in app._told_of_kinds:
        return
    app._told_of_kinds = app._told_of_kinds | {read}
    app.logger.warning(
        "A session was read that is %s, and new ones are %s. It is written anew at its next change. %s",
        _NAMES[read],
        _NAMES[kinds.written],
        narrowing(kinds, app.permanent_session_lifetime),
    )


def narrowing(kinds: Kinds, lifetime: timedelta) -> str:
    """Return when `SESSION_READS` may leave out the kinds that are not written, and how; "" when it does."""
    others = [kind for kind in kinds.read if kind != kinds.written]
    if not others:
        return ""
    only = f"SESSION_READS = [{kinds.written!r}]"
    return (
        f"{only} refuses every other kind, and logs nobody out once all processes have written"
        f" {_NAMES[kinds.written]} sessions for {in_days(lifetime)} (PERMANENT_SESSION_LIFETIME)."
    )


def advice(app: Flask) -> str:
    """Return when the app may leave out kinds that are weaker than the one it writes; "" where it reads none.

    Raises:
        TypeError, ValueError: the settings do not fit together.
    """
    kinds = kinds_of(app)
    if all(_ALL.index(kind) >= _ALL.index(kinds.written) for kind in kinds.read):
        return ""
    return narrowing(kinds, app.permanent_session_lifetime)


def in_days(lifetime: timedelta) -> str:
    """Return a lifetime in words."""
    return f"{lifetime.days} days" if lifetime.days >= 2 and not lifetime.seconds else str(lifetime)
