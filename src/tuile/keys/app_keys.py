"""Read an application's keys from its settings, build its key ring, and report keys that can be guessed.

Settings are read live: a change at run time, even in place, affects sessions, signed cookies and derived keys at once.
"""

from __future__ import annotations

import typing as t

from ..real_flask import runs_flask_program
from .ring import KeyRing, key_id, wrong_id
from .secret import Hidden, Secret, read_key

if t.TYPE_CHECKING:
    from ..sansio.app import App

_PLAIN = (str, bytes)
_CHECKS = ("warn", "error", "off")
# Types that can be copied, to detect changes in place. An iterator could be read only once.
_LISTS = (list, tuple, set, frozenset)


class CachedKeys(Hidden):
    """The keys of an app, and the settings that they were read from. Its repr shows none of them."""

    __slots__ = ("_fallbacks", "_key", "_retired", "checked_mode", "keys", "retired", "ring")

    def __init__(self, app: App) -> None:
        self._key = app.secret_key
        self._fallbacks = _copy(_fallbacks_of(app))
        self._retired = _copy(app.config.get("SECRET_KEY_RETIRED"))
        #: The ids of the retired keys.
        self.retired: tuple[str, ...] = _retired(self._retired)
        #: The newest key is the last; empty without a `SECRET_KEY`.
        self.keys: tuple[Secret, ...] = _keys(_Setting(self._key), _Setting(self._fallbacks), self.retired)
        # The value of `SECRET_KEY_CHECKS` that the keys last passed.
        self.checked_mode: str | None = None
        self.ring: KeyRing | None = None

    def are_current(self, app: App) -> bool:
        """Return whether the app's settings are unchanged since these keys were read."""
        return bool(
            # A subclass may have its own `__eq__`.
            (self._key is app.secret_key or (type(self._key) in _PLAIN and self._key == app.secret_key))
            and self._fallbacks == _fallbacks_of(app)
            and self._retired == app.config.get("SECRET_KEY_RETIRED")
        )


class _Setting(Hidden):
    """The value of a setting, without a repr that shows it."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value: t.Any = value


def keys_of(app: App) -> tuple[Secret, ...]:
    """Return the app's keys, the newest last; none without a `SECRET_KEY`.

    An empty former key is left out: anyone can sign with it.

    Raises:
        TypeError: If a setting for keys has the wrong type.
        ValueError: If an entry of `SECRET_KEY_RETIRED` is not an id.
    """
    return _cached_keys(app).keys


def retired_ids(app: App) -> tuple[str, ...]:
    """Return the ids of the retired keys. Raises the same errors as `keys_of`."""
    return _cached_keys(app).retired


def ring_of(app: App) -> KeyRing:
    """Return the ring of the app's keys, rebuilt when they have changed.

    Raises:
        RuntimeError: If there is no `SECRET_KEY`, or it is one of `SECRET_KEY_RETIRED`.
        TypeError, ValueError: As for `keys_of` and `check_keys`.
    """
    kept = _cached_keys(app)
    if not kept.keys:
        message = "There is no key to sign or encrypt with: set SECRET_KEY. `tuile secret` prints a new one."
        raise RuntimeError(message)
    _check(app, kept)
    if kept.ring is None:
        kept.ring = KeyRing(kept.keys[-1], kept.keys[-2::-1], kept.retired)
    return kept.ring


def check_keys(app: App) -> None:
    """Check the settings for keys: once before an app serves requests, and after each change of one of them.

    Raises:
        TypeError: If a setting for keys has the wrong type.
        ValueError: If an entry of `SECRET_KEY_RETIRED` is not an id, if `SECRET_KEY_CHECKS` is invalid, or if it is
            `"error"` and a key can be guessed.
        RuntimeError: If the `SECRET_KEY` is retired.
    """
    # If the setting was removed from the configuration, the error is raised where it is read.
    if "SECRET_KEY" in app.config:
        _check(app, _cached_keys(app))


def weak_keys(app: App) -> list[tuple[str, str]]:
    """Return the settings with keys that can be guessed, and why. Raises the same errors as `keys_of`."""
    from .weakness import weakness  # noqa: PLC0415 - it compiles its word list

    keys = keys_of(app)
    names = ("SECRET_KEY", *("A key in SECRET_KEY_FALLBACKS" for _ in keys[1:])) if keys else ()
    reasons = [(name, weakness(key)) for name, key in zip(names, keys[::-1], strict=True)]
    return [(name, why) for name, why in reasons if why is not None]


def _cached_keys(app: App) -> CachedKeys:
    kept: CachedKeys | None = app._cached_keys
    if kept is None or not kept.are_current(app):
        kept = CachedKeys(app)
        app._cached_keys = kept
    return kept


# --- reading the settings ---------------------------------------------------------------------------------------------


def _fallbacks_of(app: App) -> object:
    # As Flask reads them: a class of configurations may have overridden this way alone.
    name = "SECRET_KEY_FALLBACKS"
    return app.config[name] if name in app.config else None  # noqa: SIM401 - as said


def _copy(setting: object) -> object:
    return setting.copy() if isinstance(setting, (list, set)) else setting


def _keys(key: _Setting, fallbacks: _Setting, retired: tuple[str, ...]) -> tuple[Secret, ...]:
    newest = _read("SECRET_KEY", key.value)
    if newest is None:
        return ()
    several = fallbacks.value
    wrong = _not_a_list("SECRET_KEY_FALLBACKS", several, "keys")
    read = [] if wrong or not several else [*map(read_key, (one for one in several if one is not None))]
    # The code below may raise an error, and tracebacks show local variables.
    del several
    if wrong:
        raise TypeError(wrong)
    for number, problem in enumerate(read, 1):
        if isinstance(problem, str):
            message = f"Entry {number} of SECRET_KEY_FALLBACKS {problem}."
            raise TypeError(message)
    former = [one for one in read if isinstance(one, Secret) and one.octets]
    if any(one.octets.decode("latin-1") in retired for one in (newest, *former)):
        message = "SECRET_KEY_RETIRED contains a key. Its entries must be key ids; `tuile rotate-keys` shows them."
        raise ValueError(message)
    return (*(one for one in former if not retired or key_id(one) not in retired), newest)


def _read(name: str, key: object) -> Secret | None:
    """Return the key in a setting, or None if the setting is empty."""
    if key is None:
        return None
    secret = read_key(key)
    del key
    if isinstance(secret, str):
        message = f"{name} {secret}."
        raise TypeError(message)
    return secret if secret.octets else None


def _not_a_list(name: str, setting: object, of: str) -> str | None:
    """Return the error message for a setting that must be a list, or None if it is valid."""
    if setting is None or isinstance(setting, _LISTS) or (isinstance(setting, (str, bytes)) and not len(setting)):
        return None
    kind = type(setting).__name__
    if isinstance(setting, (str, bytes)):
        return (
            f"{name} must be a list of {of}, but it is a single {kind}, which would be read as one of {of} per"
            f" character. Write [{of[:-1]}] instead of {of[:-1]}."
        )
    return f"{name} must be a list of {of}, not {kind}."


def _retired(setting: t.Any) -> tuple[str, ...]:
    wrong = _not_a_list("SECRET_KEY_RETIRED", setting, "ids")
    entries = () if wrong or not setting else tuple(setting)
    problems = [f"Entry {number} of SECRET_KEY_RETIRED {why}." for number, why in _wrong_ids(entries)]
    ids = () if problems else tuple(str.__str__(entry) for entry in entries)
    # The code below may raise an error, and tracebacks show local variables: an entry may be a key.
    del setting, entries
    if wrong:
        raise TypeError(wrong)
    for problem in problems:
        message = f"{problem} Nothing is signed or read until it is fixed. `tuile rotate-keys` shows the ids of keys."
        raise ValueError(message)
    return ids


def _wrong_ids(entries: tuple[object, ...]) -> list[tuple[int, str]]:
    return [(number, why) for number, why in enumerate(map(wrong_id, entries), 1) if why is not None]


# --- keys that are not to be used -------------------------------------------------------------------------------------


def _check(app: App, kept: CachedKeys) -> None:
    """Refuse a retired key, and report each key that can be guessed once."""
    mode = _mode(app)
    if kept.checked_mode == mode or not kept.keys:
        return
    # Without retired keys, no id has to be computed.
    if kept.retired and (newest := key_id(kept.keys[-1])) in kept.retired:
        message = (
            f"The SECRET_KEY is {newest}, which is listed in SECRET_KEY_RETIRED and must not be used any more."
            " Set another one; `tuile secret` prints a new one."
        )
        raise RuntimeError(message)
    if mode != "off":
        _report_weak_keys(app, kept.keys, mode)
    kept.checked_mode = mode


def _mode(app: App) -> str:
    """Return the effective `SECRET_KEY_CHECKS`."""
    mode = app.config.get("SECRET_KEY_CHECKS")
    if mode is None:
        # A test suite that passes on Flask with the key "test" must pass here, and `dev` is fine in development. Many
        # suites for Flask do not set TESTING, and compare what was logged.
        is_tested = app._is_tested and runs_flask_program()
        return "off" if app.config.get("DEBUG") or app.config.get("TESTING") or is_tested else "warn"
    if mode not in _CHECKS:
        message = f"SECRET_KEY_CHECKS must be 'warn', 'error', 'off' or None (by DEBUG and TESTING), not {mode!r}."
        raise ValueError(message)
    return str(mode)


def _report_weak_keys(app: App, keys: tuple[Secret, ...], mode: str) -> None:
    """Log, or raise, that a key can be guessed.

    It is logged instead of a Python warning, because test suites turn warnings into errors.
    """
    from .weakness import weakness  # noqa: PLC0415 - it compiles its word list

    for name, key in zip(("SECRET_KEY", *("A key in SECRET_KEY_FALLBACKS" for _ in keys[1:])), keys[::-1], strict=True):
        reported = key_id(key)
        if mode == "warn" and reported in app._reported_keys:
            continue
        why = weakness(key)
        if why is None:
            continue
        message = (
            f"{name} can be guessed: {why}. Anyone who guesses it can log in as any user. `tuile secret` prints a good"
            " one; `tuile rotate-keys` explains how to change it without logging users out."
        )
        if mode == "error":
            raise ValueError(message)
        app._reported_keys |= {reported}
        app.logger.warning("%s", message)
