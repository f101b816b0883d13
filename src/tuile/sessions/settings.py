"""What the settings say about sessions that are kept on the server: the store, and the policy."""

from __future__ import annotations

import os
import threading
import typing as t
from datetime import timedelta
from operator import itemgetter

from .ages import absolute_seconds
from .lifecycle import Policy
from .record import Clocks
from .stores import Store

if t.TYPE_CHECKING:
    from ..app import Flask
    from ..sansio.app import App

_LOCK = threading.Lock()
# The settings that a store is made of.
_OF_STORE = ("SESSION_STORE", "SESSION_DURABLE", "SESSION_KEY_PREFIX", "SESSION_TIMEOUT", "SESSION_POOL")
# Whether it is encrypted; a change of this alone does not make another store.
_OF_ENCRYPTION = ("SESSION_ENCRYPT",)
# The settings that a policy is made of.
_OF_POLICY = (
    "PERMANENT_SESSION_LIFETIME",
    "SESSION_IDLE",
    "SESSION_ABSOLUTE",
    "SESSION_RENEW",
    "SESSION_GRACE",
    "SESSION_SEEN_EVERY",
    "SESSION_MAX_PER_USER",
    "SESSION_CONFLICT",
    "SESSION_REPLAY",
)
# All of them, in one call: they are read at each use of a session.
_ALL = (*_OF_STORE, *_OF_ENCRYPTION, *_OF_POLICY)
_settings = itemgetter(*_ALL)
# Two thousand years; and what PostgreSQL and sockets take.
_LONGEST_S, _LONGEST_WAIT_S = 2.0**36, 1e6
# Some stores keep it as a number of 32 bits.
_MOST_PER_USER = 2**31
_REMOTE = {"postgresql", "postgres"} | {
    f"{name}{kind}" for name in ("redis", "rediss", "valkey", "valkeys") for kind in ("", "+sentinel", "+cluster")
}


class Kept(t.NamedTuple):
    """The store and the policy of an app, and the settings that they were made of."""

    store: Store
    policy: Policy
    settings: tuple[object, ...]


def store_and_policy(app: Flask) -> Kept:
    """Return the store and the policy of an app, made anew if a setting has changed.

    Raises:
        TypeError, ValueError: If a setting has an invalid value.
        RuntimeError: If `SESSION_STORE` is None.
    """
    kept: Kept | None = app._kept_store
    try:
        settings: tuple[object, ...] = _settings(app.config)
    except KeyError:  # removed; absence means the default
        settings = tuple(map(app.config.get, _ALL))
    if kept is not None and kept.settings == settings:
        return kept
    with _LOCK:  # two stores in memory would be two sets of sessions
        kept = app._kept_store
        is_same = kept is not None and kept.settings[: len(_OF_STORE)] == settings[: len(_OF_STORE)]
        store = _unencrypted(kept.store) if kept is not None and is_same else _store_of(app)
        if app.config.get("SESSION_ENCRYPT"):
            store = _encrypted(app, store, writes=True)
        kept = app._kept_store = Kept(store, _policy_of(app), settings)
    return kept


def read_encrypted(app: Flask, kept: Kept) -> Kept:
    """Return the store of an app that does not encrypt sessions, as one that reads those of other processes that do.

    Raises:
        RuntimeError: If the package cryptography is not installed, or there is no key.
    """
    with _LOCK:
        store = _encrypted(app, _unencrypted(kept.store), writes=False)
        kept = app._kept_store = kept._replace(store=store)
    return kept


def _encrypted(app: Flask, store: Store, *, writes: bool) -> Store:
    from .stores.encrypted import EncryptedStore  # noqa: PLC0415 - needs an extra

    if not app.secret_key:
        message = "SESSION_ENCRYPT encrypts sessions with the SECRET_KEY, and there is none. `tuile secret` prints one."
        raise RuntimeError(message)
    return EncryptedStore(store, lambda: app.keyring, writes=writes)


def _unencrypted(store: Store) -> Store:
    return store.wrapped or store


def check_store(app: Flask) -> None:
    """Check all settings for sessions that are kept on the server. No connection is opened.

    Raises:
        TypeError, ValueError: If a setting has an invalid value.
        RuntimeError: If the package for the store is not installed.
    """
    store_and_policy(app)
    choice("SESSION_FAILURE", app.config.get("SESSION_FAILURE"), ("error", "empty"))
    choice("SESSION_DEVICE", app.config.get("SESSION_DEVICE"), ("agent", "none"))
    key: object = app.config.get("SESSION_USER_KEY")
    if key is not None and not isinstance(key, str):
        message = f"SESSION_USER_KEY must be the key of a session or None, not {key!r}."
        raise TypeError(message)


def _store_of(app: Flask) -> Store:
    setting: object = app.config["SESSION_STORE"]
    durable: object = app.config.get("SESSION_DURABLE")
    choice("SESSION_DURABLE", durable, ("process", "machine"))
    if isinstance(setting, Store):
        return setting
    if setting == "memory":
        from .stores.memory import MemoryStore  # noqa: PLC0415 - one store is enough

        return MemoryStore()
    scheme, separator, path = setting.partition("://") if isinstance(setting, str) else ("", "", "")
    if setting == "sqlite" or (scheme == "sqlite" and path[:1] == "/" and path not in {"/", "/:memory:"}):
        from .stores.sqlite import SQLiteStore  # noqa: PLC0415

        # As SQLAlchemy reads it: the path begins behind the third slash, and may be absolute.
        file = os.path.join(app.instance_path, path[1:] if separator else "sessions.db")
        return SQLiteStore(file, durable=durable == "machine")
    # A client of redis-py, or one of a cluster.
    is_client = hasattr(setting, "connection_pool") or hasattr(setting, "execute_command")
    if scheme in _REMOTE or is_client:
        return _remote(app, setting, durable == "machine")
    if setting is None:
        message = "There is no session store. Set SESSION_STORE, for example to 'sqlite'."
        raise RuntimeError(message)
    message = (
        "SESSION_STORE must be None (a signed cookie), 'sqlite', 'sqlite:///path', 'redis://host',"
        " 'redis+sentinel://host/service', 'redis+cluster://host', 'postgresql://host/name', 'memory', a Store or a"
        " client of Redis, not"
        f" {f'{scheme}://...' if separator else repr(setting)}."
    )
    raise ValueError(message) if isinstance(setting, str) else TypeError(message)


def _remote(app: Flask, place: object, durable: bool) -> Store:
    prefix, most = app.config.get("SESSION_KEY_PREFIX"), app.config.get("SESSION_POOL")
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        message = f"SESSION_POOL must be a positive whole number, not {most!r}."
        raise ValueError(message)
    if prefix is not None and not isinstance(prefix, str):
        message = f"SESSION_KEY_PREFIX must be text, not {prefix!r}."
        raise TypeError(message)
    timeout = seconds("SESSION_TIMEOUT", app.config.get("SESSION_TIMEOUT"), most=_LONGEST_WAIT_S) or 1.0
    # The default is Flask-Session's, which reads it from the same settings.
    prefix = f"session:{app.name}:" if prefix is None or prefix == "session:" else prefix
    if isinstance(place, str) and place.startswith("postgres"):
        from .stores.postgres import PostgresStore  # noqa: PLC0415

        return PostgresStore(place, prefix=prefix, durable=durable, timeout=timeout, connections=most)
    from .stores.redis import RedisStore  # noqa: PLC0415

    return RedisStore(t.cast("str", place), prefix=prefix, timeout=timeout, connections=most)


def _policy_of(app: Flask) -> Policy:
    config = app.config
    idle = seconds("SESSION_IDLE", config.get("SESSION_IDLE")) or _lifetime_of(app)
    renew = seconds("SESSION_RENEW", config.get("SESSION_RENEW"))
    every = seconds("SESSION_SEEN_EVERY", config.get("SESSION_SEEN_EVERY"), least=0.0)
    grace = seconds("SESSION_GRACE", config.get("SESSION_GRACE"), least=0.0)
    limit = config.get("SESSION_MAX_PER_USER")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or not 0 < limit < _MOST_PER_USER):
        message = f"SESSION_MAX_PER_USER must be a positive whole number or None, not {limit!r}."
        raise ValueError(message)
    return Policy(
        clocks=Clocks(idle, absolute_seconds(app), 60.0 if every is None else every),
        grace=30.0 if grace is None else grace,
        renew=renew,
        limit=limit,
        strict=choice("SESSION_CONFLICT", config.get("SESSION_CONFLICT"), ("last", "error")) == "error",
        ends_replayed=choice("SESSION_REPLAY", config.get("SESSION_REPLAY"), ("end", "log")) == "end",
    )


def _lifetime_of(app: Flask) -> float:
    name = "PERMANENT_SESSION_LIFETIME"
    setting: object = app.config.get(name)
    # Flask's conversion of the setting does not name it in its errors.
    if setting is None:
        message = f"{name} must be a timedelta or a number of seconds, not None."
        raise TypeError(message)
    if not isinstance(setting, timedelta):
        seconds(name, setting)
    return seconds(name, app.permanent_session_lifetime) or 0.0


def writes_cookies(app: App) -> bool:
    """Return whether new sessions are in signed cookies although there is a store (`SESSION_WRITES`).

    Raises:
        ValueError: If a setting has an invalid value.
    """
    writes, config = ("store", "cookie", "flask-session"), app.config
    spills = choice("SESSION_OVERFLOW", config.get("SESSION_OVERFLOW"), ("warn", "error", "spill")) == "spill"
    if spills and config.get("SESSION_STORE") is None:
        message = "SESSION_OVERFLOW is 'spill', so SESSION_STORE must name the store, for example 'sqlite'."
        raise ValueError(message)
    default = ("cookie", *writes) if spills else writes
    return choice("SESSION_WRITES", config.get("SESSION_WRITES"), default) == "cookie"


def seconds(name: str, setting: object, least: float | None = None, most: float = _LONGEST_S) -> float | None:
    """Return a setting that is a duration in seconds; None if it is not set.

    Args:
        name: The name of the setting.
        setting: Its value.
        least: The smallest value; None if it has to be positive.
        most: What it has to be less than.

    Raises:
        TypeError: If it is neither a timedelta nor a number.
        ValueError: If it is too small or too large, or no number.
    """
    if setting is None:
        return None
    found = setting.total_seconds() if isinstance(setting, timedelta) else setting
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        message = f"{name} must be a timedelta or a number of seconds, not {type(setting).__name__}."
        raise TypeError(message)
    if not (found > 0 if least is None else found >= least):
        message = f"{name} must be {'positive' if least is None else f'at least {least:g}'}, not {setting!r}."
        raise ValueError(message)
    if found >= most:
        message = f"{name} must be less than {most:g} seconds, not {setting!r}."
        raise ValueError(message)
    return float(found)


def choice(name: str, setting: object, choices: tuple[str, ...]) -> str:
    """Return a setting that is one of several words; the first of them if it is not set.

    Raises:
        ValueError: If it is none of them.
    """
    if setting is None:
        return choices[0]
    if setting not in choices:
        message = f"{name} must be {' or '.join(map(repr, choices))}, not {setting!r}."
        raise ValueError(message)
    return str(setting)
