"""The kinds of session that are read and written: `SESSION_READS`, `SESSION_DIGEST`, `SESSION_ENCRYPT`."""

from __future__ import annotations

import typing as t

from ..keys.timed_signer import is_hash_usable

if t.TYPE_CHECKING:
    from datetime import timedelta

    from ..app import Flask
    from ..sansio.app import App

Kind: t.TypeAlias = t.Literal["sha1", "sha256", "encrypted"]

#: The values of `SESSION_READS` and the kinds that they include.
READABLE: t.Final[dict[str, tuple[Kind, ...]]] = {
    "sha1": ("sha1",),
    "sha256": ("sha256",),
    "signed": ("sha1", "sha256"),
    "encrypted": ("encrypted",),
    "flask-session": (),  # in a store, which `moving` reads
}
# Not a set: a value that was set by mistake need not be hashable.
_DIGESTS = ("sha1", "sha256")
_ALL: tuple[Kind, ...] = ("sha1", "sha256", "encrypted")
_NAMES = {"sha1": "signed with SHA-1", "sha256": "signed with SHA-256", "encrypted": "encrypted"}


class Kinds(t.NamedTuple):
    """The kinds of session that the settings select."""

    written: Kind
    #: The hash of new signatures, and the hashes of the signatures that are read, in the order to try them.
    digest: t.Literal["sha1", "sha256"]
    digests_read: tuple[t.Literal["sha1", "sha256"], ...]
    reads_encrypted: bool

    @property
    def read(self) -> tuple[Kind, ...]:
        """All kinds that are read."""
        return (*self.digests_read, "encrypted") if self.reads_encrypted else self.digests_read


def kinds_of(app: App) -> Kinds:
    """Return which kinds of session an app writes and reads.

    Raises:
        ValueError: If a setting has an invalid value, or the kind that is written would not be read.
        TypeError: If `SESSION_READS` is a single string.
    """
    digest: t.Literal["sha1", "sha256"] = app.config.get("SESSION_DIGEST") or "sha1"
    if digest not in _DIGESTS:
        message = f"SESSION_DIGEST must be 'sha1', as in Flask, or 'sha256', not {digest!r}."
        raise ValueError(message)
    if digest == "sha1" and not is_hash_usable("sha1"):
        # If the machine refuses SHA-1 (FIPS 140), no user could log in.
        digest = "sha256"
    written: Kind = "encrypted" if app.config.get("SESSION_ENCRYPT") else digest
    read = _kinds_read(app.config.get("SESSION_READS"))
    # Sessions in a store are no kind of these.
    if written not in read and app.config.get("SESSION_STORE") is None:
        message = (
            f"SESSION_READS does not include {written!r}, which SESSION_DIGEST and SESSION_ENCRYPT select for new"
            f" sessions, so no user could log in. Add {written!r} to SESSION_READS."
        )
        raise ValueError(message)
    digests: tuple[t.Literal["sha1", "sha256"], ...] = tuple(kind for kind in read if kind != "encrypted")
    return Kinds(written, digest, digests, "encrypted" in read)


def _kinds_read(setting: object) -> tuple[Kind, ...]:
    if setting is None:
        return _ALL
    choices = ", ".join(map(repr, READABLE))
    if not isinstance(setting, (list, tuple, set, frozenset)):  # an iterator would be empty the second time
        example = [setting] if isinstance(setting, str) else ["encrypted"]
        message = f"SESSION_READS must be a list of {choices}, not {setting!r}. Write: {example!r}."
        raise TypeError(message)
    kinds: list[Kind] = []
    for name in setting:
        if not isinstance(name, str) or name not in READABLE:
            message = f"SESSION_READS contains {name!r}; it can contain {choices}."
            raise ValueError(message)
        kinds.extend(READABLE[name])
    return tuple(kind for kind in _ALL if kind in kinds)


def report_kind(app: Flask, kinds: Kinds, read: Kind) -> None:
    """Log, once per app and kind, that a session of another kind than that of new sessions was read."""
    if read == kinds.written or read in app._reported_kinds:
        return
    app._reported_kinds = app._reported_kinds | {read}
    app.logger.warning(
        "A session was read that is %s, and new ones are %s. It is converted when it changes. %s",
        _NAMES[read],
        _NAMES[kinds.written],
        advice_for(kinds, app.permanent_session_lifetime),
    )


def advice_for(kinds: Kinds, lifetime: timedelta) -> str:
    """Return advice on when and how `SESSION_READS` can exclude the kinds that are not written; "" if it does."""
    others = [kind for kind in kinds.read if kind != kinds.written]
    if not others:
        return ""
    only = f"SESSION_READS = [{kinds.written!r}]"
    return (
        f"{only} refuses every other kind, and logs no user out once all processes have written"
        f" {_NAMES[kinds.written]} sessions for {in_days(lifetime)} (PERMANENT_SESSION_LIFETIME)."
    )


def advice(app: Flask) -> str:
    """Return advice on when the app can stop reading kinds weaker than the one it writes; "" if it reads none.

    Raises:
        TypeError, ValueError: If the settings contradict each other.
    """
    kinds = kinds_of(app)
    if all(_ALL.index(kind) >= _ALL.index(kinds.written) for kind in kinds.read):
        return ""
    return advice_for(kinds, app.permanent_session_lifetime)


def in_days(lifetime: timedelta) -> str:
    """Return a lifetime as text."""
    return f"{lifetime.days} days" if lifetime.days >= 2 and not lifetime.seconds else str(lifetime)
