"""The keys of an application: from its settings to a ring, and a word about those that can be guessed.

What must live here: which settings are keys, in which order they are used, and when they are looked at. What must
not: what is derived from them (`ring`), which keys can be guessed (`weakness`), what is signed.

Settings are read live: whatever is changed at run time, in place too, counts from then on, for sessions, signed cookies
and derived keys alike.
"""

from __future__ import annotations

import typing as t

from .ring import KeyRing, key_id, wrong_id
from .secret import Hidden, Secret, read_key
from .weakness import weakness

if t.TYPE_CHECKING:
    from ..app import Flask

_CHECKS = ("warn", "error", "off")
# What can be copied, so that a change in place is noticed; an iterator would be empty the second time.
_LISTS = (list, tuple, set, frozenset)


class KeptKeys(Hidden):
    """The keys of an app, and the settings that they were read from. It shows none of them."""

    __slots__ = ("_fallbacks", "_key", "_retired", "judged", "keys", "retired", "ring")

    def __init__(self, app: Flask) -> None:
        self._key = app.secret_key
        self._fallbacks = _copy(app.config.get("SECRET_KEY_FALLBACKS"))
        self._retired = _copy(app.config.get("SECRET_KEY_RETIRED"))
        #: The ids of the keys that are not to be used any more.
        self.retired: tuple[str, ...] = _retired(self._retired)
        #: The newest last; none without a `SECRET_KEY`.
        self.keys: tuple[Secret, ...] = _keys(_Setting(self._key), _Setting(self._fallbacks), self.retired)
        # As what `SECRET_KEY_CHECKS` was when the keys were found to be good enough for it.
        self.judged: str | None = None
        self.ring: KeyRing | None = None

    def are_of(self, app: Flask) -> bool:
        """Answer whether the app's settings are still what these keys were read from."""
        return bool(
            (self._key is app.secret_key or self._key == app.secret_key)
            and self._fallbacks == app.config.get("SECRET_KEY_FALLBACKS")
            and self._retired == app.config.get("SECRET_KEY_RETIRED")
        )


class _Setting(Hidden):
    """What a setting is, without showing it."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value: t.Any = value


class RingOfApp:
    """The attribute `keyring` of an app. Assigning another ring to an app is possible."""

    @t.overload
    def __get__(self, app: None, owner: type | None = None) -> RingOfApp: ...

    @t.overload
    def __get__(self, app: Flask, owner: type | None = None) -> KeyRing: ...

    def __get__(self, app: Flask | None, owner: type | None = None) -> RingOfApp | KeyRing:
        return self if app is None else ring_of(app)


def keys_of(app: Flask) -> tuple[Secret, ...]:
    """Return the app's keys, the newest last; none without a `SECRET_KEY`.

    An empty former key is left out: whoever signs with it needs to know nothing.

    Raises:
        TypeError: a setting for keys is of a wrong type.
        ValueError: an entry of `SECRET_KEY_RETIRED` is no id.
    """
    return _kept_keys(app).keys


def retired_ids(app: Flask) -> tuple[str, ...]:
    """Return the ids of the keys that are not to be used any more; errors as of `keys_of`."""
    return _kept_keys(app).retired


def ring_of(app: Flask) -> KeyRing:
    """Return the ring of the app's keys, made anew when they have changed.

    Raises:
        RuntimeError: there is no `SECRET_KEY`, or it is one of `SECRET_KEY_RETIRED`.
        TypeError, ValueError: as of `keys_of`, and of `check_keys`.
    """
    kept = _kept_keys(app)
    if not kept.keys:
        message = "There is no key to sign or to encrypt with: set SECRET_KEY. `tuile secret` prints a new one."
        raise RuntimeError(message)
    _judge(app, kept)
    if kept.ring is None:
        kept.ring = KeyRing(kept.keys[-1], kept.keys[-2::-1], kept.retired)
    return kept.ring


def check_keys(app: Flask) -> None:
    """Look at the settings for keys: once before an app serves, and whenever one of them has changed.

    Raises:
        TypeError: a setting for keys is of a wrong type.
        ValueError: an entry of `SECRET_KEY_RETIRED` is no id, `SECRET_KEY_CHECKS` is none of its values, or it is
            `"error"` and a key can be guessed.
        RuntimeError: the `SECRET_KEY` was retired.
    """
    _judge(app, _kept_keys(app))


def weak_keys(app: Flask) -> list[tuple[str, str]]:
    """Return the settings with keys that can be guessed, and why; errors as of `keys_of`."""
    keys = keys_of(app)
    names = ("SECRET_KEY", *("A key in SECRET_KEY_FALLBACKS" for _ in keys[1:])) if keys else ()
    judged = [(name, weakness(key)) for name, key in zip(names, keys[::-1], strict=True)]
    return [(name, why) for name, why in judged if why is not None]


def _kept_keys(app: Flask) -> KeptKeys:
    kept: KeptKeys | None = app._kept_keys
    if kept is None or not kept.are_of(app):
        kept = KeptKeys(app)
        app._kept_keys = kept
    return kept


# --- reading the settings ---------------------------------------------------------------------------------------------


def _copy(setting: t.Any) -> t.Any:
    return setting.copy() if isinstance(setting, (list, set)) else setting


def _keys(key: _Setting, fallbacks: _Setting, retired: tuple[str, ...]) -> tuple[Secret, ...]:
    newest = _read("SECRET_KEY", key.value)
    if newest is None:
        return ()
    several = fallbacks.value
    wrong = _not_a_list("SECRET_KEY_FALLBACKS", several, "keys")
    read = [] if wrong or not several else [*map(read_key, (one for one in several if one is not None))]
    # What follows raises, and what raises shows its variables.
    del several
    if wrong:
        raise TypeError(wrong)
    for number, problem in enumerate(read, 1):
        if isinstance(problem, str):
            message = f"Entry {number} of SECRET_KEY_FALLBACKS {problem}."
            raise TypeError(message)
    former = [one for one in read if isinstance(one, Secret) and one.octets]
    if any(one.octets.decode("latin-1") in retired for one in (newest, *former)):
        message = "SECRET_KEY_RETIRED has a key in it. Its entries are ids; `tuile rotate-keys` says which."
        raise ValueError(message)
    return (*(one for one in former if not retired or key_id(one) not in retired), newest)


def _read(name: str, key: object) -> Secret | None:
    """Return the key of a setting, None where it is empty."""
    if key is None:
        return None
    secret = read_key(key)
    del key
    if isinstance(secret, str):
        message = f"{name} {secret}."
        raise TypeError(message)
    return secret if secret.octets else None


def _not_a_list(name: str, setting: object, of: str) -> str | None:
    """Return what is wrong with a setting that has to be a list, or None."""
    if setting is None or isinstance(setting, _LISTS) or (isinstance(setting, (str, bytes)) and not len(setting)):
        return None
    kind = type(setting).__name__
    if isinstance(setting, (str, bytes)):
        return (
            f"{name} must be a list of {of}, but it is a single {kind}, which would be read as one a letter."
            f" Write [{of[:-1]}] in the place of {of[:-1]}."
        )
    return f"{name} must be a list of {of}, but it is of the type {kind}."


def _retired(setting: t.Any) -> tuple[str, ...]:
    wrong = _not_a_list("SECRET_KEY_RETIRED", setting, "ids")
    entries = () if wrong or not setting else tuple(setting)
    problems = [f"Entry {number} of SECRET_KEY_RETIRED {why}." for number, why in _wrong_ids(entries)]
    ids = () if problems else tuple(str.__str__(entry) for entry in entries)
    # What follows raises, and what raises shows its variables: an entry may be a key.
    del setting, entries
    if wrong:
        raise TypeError(wrong)
    for problem in problems:
        message = f"{problem} Until it is mended nothing is signed or read. `tuile rotate-keys` shows the ids of keys."
        raise ValueError(message)
    return ids


def _wrong_ids(entries: tuple[object, ...]) -> list[tuple[int, str]]:
    return [(number, why) for number, why in enumerate(map(wrong_id, entries), 1) if why is not None]


# --- keys that are not to be used -------------------------------------------------------------------------------------


def _judge(app: Flask, kept: KeptKeys) -> None:
    """Refuse a key that was retired, and say once of each key that it can be guessed."""
    mode = _mode(app)
    if kept.judged == mode or not kept.keys:
        return
    newest = key_id(kept.keys[-1])
    if newest in kept.retired:
        message = (
            f"The SECRET_KEY is {newest}, which SECRET_KEY_RETIRED says is not to be used any more."
            " Set another one; `tuile secret` prints a new one."
        )
        raise RuntimeError(message)
    if mode != "off":
        _tell_of_weak_keys(app, kept.keys, mode)
    kept.judged = mode


def _mode(app: Flask) -> str:
    """Return what is done about a key that can be guessed."""
    mode = app.config.get("SECRET_KEY_CHECKS")
    if mode is None:
        # A suite that passes on Flask with the key "test" has to pass, and `dev` is as good a key as any on a desk.
        return "off" if app.config["DEBUG"] or app.config["TESTING"] else "warn"
    if mode not in _CHECKS:
        message = f"SECRET_KEY_CHECKS is 'warn', 'error', 'off' or None (by DEBUG and TESTING), not {mode!r}."
        raise ValueError(message)
    return str(mode)


def _tell_of_weak_keys(app: Flask, keys: tuple[Secret, ...], mode: str) -> None:
    """Log, or raise, that a key can be guessed.

    It is logged and not warned about with the `warnings` module, because suites turn warnings into errors.
    """
    for name, key in zip(("SECRET_KEY", *("A key in SECRET_KEY_FALLBACKS" for _ in keys[1:])), keys[::-1], strict=True):
        told = key_id(key)
        if mode == "warn" and told in app._told_of_keys:
            continue
        why = weakness(key)
        if why is None:
            continue
        message = (
            f"{name} can be guessed: {why}. Whoever guesses it can log in as anybody. `tuile secret` prints a good"
            " one; `tuile rotate-keys` says how to change it without logging anybody out."
        )
        if mode == "error":
            raise ValueError(message)
        app._told_of_keys |= {told}
        app.logger.warning("%s", message)
