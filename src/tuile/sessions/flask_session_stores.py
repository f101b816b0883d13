"""Read the sessions that Flask-Session 0.8 has stored, by its own settings.

Its entries are read, and deleted when their sessions end, but never written. Its code is not used: no pickle is
executed, an application's database session is left alone, and an entry that cannot be read is an empty session.
"""

from __future__ import annotations

import os
import re
import struct
import time
import typing as t
from contextlib import nullcontext
from datetime import datetime, timezone
from hashlib import md5
from importlib import import_module

from itsdangerous import BadSignature, Signer

from ..ctx.app_context import current_value
from ..keys.app_keys import keys_of
from .stores import Answer, StoreUnavailable

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from ..app import Flask
    from ..sansio.app import App

#: An object of another library.
Foreign: t.TypeAlias = Answer

#: The types of store that can be read, as `SESSION_TYPE` names them.
READABLE_TYPES: t.Final = ("redis", "sqlalchemy", "cachelib", "filesystem")
#: Those of Flask-Session that cannot.
OTHER_TYPES: t.Final = ("memcached", "mongodb", "dynamodb")

# Its ids are made by `secrets.token_urlsafe`, with a length that is a setting; those of old versions were UUIDs.
_ID = re.compile(r"[A-Za-z0-9_-]{16,255}", re.ASCII)
# The permission to read larger files would be one to exhaust the memory.
_MOST_BYTES = 16 * 1024 * 1024


def type_of(app: App) -> str | None:
    """Return which store of Flask-Session the settings name; None if they name none.

    Raises:
        ValueError: If it cannot be read.
    """
    setting: object = app.config.get("SESSION_TYPE")
    if setting is None or setting == "null":
        return None
    name = setting.lower() if isinstance(setting, str) else setting
    if name in READABLE_TYPES:
        return str(name)
    known = ", ".join(map(repr, READABLE_TYPES))
    if name in OTHER_TYPES:
        message = (
            f"Sessions that Flask-Session keeps in {name} cannot be read. Keep Flask-Session, or remove SESSION_TYPE"
            " and set SESSION_STORE: the users will have to log in again."
        )
    else:
        message = f"SESSION_TYPE must be one of {known}, not {setting!r}."
    raise ValueError(message)


def id_in(app: Flask, token: str) -> str | None:
    """Return the id in the value of a cookie of Flask-Session; None if it has none."""
    if not app.config.get("SESSION_USE_SIGNER"):
        return token if _ID.fullmatch(token) else None
    keys = [key.octets for key in keys_of(app)]
    try:
        sid = Signer(keys, salt="flask-session", key_derivation="hmac").unsign(token).decode()
    except (BadSignature, UnicodeError, IndexError):
        return None
    return sid if _ID.fullmatch(sid) else None


def content_of(app: Flask, sid: str) -> dict[str, object] | None:
    """Return the content of a session of Flask-Session; None if there is none, or if it cannot be read.

    Raises:
        StoreUnavailable: If its store does not answer.
        ValueError: If the settings name a store that cannot be read.
    """
    kind = type_of(app)
    if kind is None:
        return None
    try:
        raw = _READERS[kind](app, _name_of(app, sid))
        if raw is None:
            return None
        from .plain_data import content_in  # noqa: PLC0415 - seldom needed

        return content_in(raw)
    except (ValueError, struct.error) as error:
        app.logger.warning("A session of Flask-Session cannot be read, so it is treated as empty. %s", error)
        return None


def delete_entry(app: Flask, sid: str) -> None:
    """Delete a session of Flask-Session.

    Raises:
        StoreUnavailable: If its store does not answer.
        ValueError: If the settings name a store that cannot be read.
    """
    kind = type_of(app)
    if kind is not None:
        _DELETERS[kind](app, _name_of(app, sid))


def _name_of(app: Flask, sid: str) -> str:
    prefix: object = app.config.get("SESSION_KEY_PREFIX")
    return f"{'session:' if prefix is None else prefix}{sid}"


def _redis_of(app: Flask) -> Foreign:
    client = app.config.get("SESSION_REDIS") or app.extensions.get("tuile-flask-session-redis")
    if client is None:
        client = app.extensions["tuile-flask-session-redis"] = import_module("redis").Redis()
    return client


def _delete_in_redis(app: Flask, name: str) -> None:
    try:
        _redis_of(app).delete(name)
    except import_module("redis.exceptions").RedisError as error:
        raise _unavailable("Redis", error) from error


def _from_redis(app: Flask, name: str) -> bytes | None:
    client = _redis_of(app)
    errors = import_module("redis.exceptions")
    try:
        found: object = client.get(name)
    except errors.ResponseError:  # a key of another type, which is no session
        return None
    except errors.RedisError as error:
        raise _unavailable("Redis", error) from error
    except UnicodeDecodeError:  # the client decodes what is no text
        return _undecoded(client, name)
    return found.encode() if isinstance(found, str) else t.cast("bytes | None", found)


def _undecoded(client: Foreign, name: str) -> bytes | None:
    """Read a key with a client that decodes answers, without decoding."""
    pool = client.connection_pool
    raw = type(client)(connection_pool=type(pool)(**{**pool.connection_kwargs, "decode_responses": False}))
    try:
        return t.cast("bytes | None", raw.get(name))
    finally:
        raw.close()


def _table_of(app: Flask) -> Foreign:
    sql, setting = import_module("sqlalchemy"), app.config.get
    return sql.table(
        setting("SESSION_SQLALCHEMY_TABLE") or "sessions",
        sql.column("session_id", sql.String),
        sql.column("data", sql.LargeBinary),
        sql.column("expiry", sql.DateTime),
        schema=setting("SESSION_SQLALCHEMY_SCHEMA"),
    )


def _delete_in_database(app: Flask, name: str) -> None:
    sql, table = import_module("sqlalchemy"), _table_of(app)
    try:
        with engine_of(app).begin() as connection:
            connection.execute(sql.delete(table).where(table.c.session_id == name))
    except sql.exc.SQLAlchemyError as error:
        if not _is_missing(app, table):
            raise _unavailable("the database", error) from error


def _from_database(app: Flask, name: str) -> bytes | None:
    sql, table = import_module("sqlalchemy"), _table_of(app)
    query = sql.select(table.c.data, table.c.expiry).where(table.c.session_id == name)
    try:
        with engine_of(app).connect() as connection:
            row = connection.execute(query).first()
    except sql.exc.SQLAlchemyError as error:
        if _is_missing(app, table):
            return None
        raise _unavailable("the database", error) from error
    if row is None or row.expiry is None or row.expiry <= datetime.now(timezone.utc).replace(tzinfo=None):
        return None
    found: object = row.data
    return found.encode() if isinstance(found, str) else None if found is None else bytes(t.cast("bytes", found))


def _is_missing(app: Flask, table: Foreign) -> bool:
    """Return whether there is a database, but no table of Flask-Session in it (any more)."""
    sql = import_module("sqlalchemy")
    try:
        return not sql.inspect(engine_of(app)).has_table(table.name, schema=table.schema)
    except sql.exc.SQLAlchemyError:
        return False


def engine_of(app: Flask) -> Foreign:
    """Return the engine of the database that Flask-Session uses.

    Raises:
        ValueError: If `SESSION_SQLALCHEMY` is not set.
    """
    client: Foreign = app.config.get("SESSION_SQLALCHEMY") or app.extensions.get("sqlalchemy")
    if client is None:
        message = "SESSION_TYPE is 'sqlalchemy', so SESSION_SQLALCHEMY must be the application's SQLAlchemy object."
        raise ValueError(message)
    key = app.config.get("SESSION_SQLALCHEMY_BIND_KEY")
    # Flask-SQLAlchemy asks for the application; a context of our own would run its functions at the end of contexts.
    with nullcontext() if current_value(None) is not None else app.app_context():
        return client.engines[key] if key else client.engine


def _delete_in_cache(app: Flask, name: str) -> None:
    # Not by `delete` of the cache, which reads a pickle: how many files there are.
    try:
        os.remove(_path_of(app, name))
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unavailable("a file", error) from error


def _path_of(app: Flask, name: str) -> str:
    client: Foreign = app.config.get("SESSION_CACHELIB")
    if app.config["SESSION_TYPE"].lower() == "filesystem" or client is None:
        folder = app.config.get("SESSION_FILE_DIR") or "flask_session"
        return os.path.join(folder, md5(name.encode(), usedforsecurity=False).hexdigest())
    if not hasattr(client, "_get_filename"):
        message = f"SESSION_CACHELIB is a {type(client).__name__}; only the sessions in a FileSystemCache can be read."
        raise ValueError(message)
    path: str = client._get_filename(name)
    return path


def _from_cache(app: Flask, name: str) -> bytes | None:
    try:
        with open(_path_of(app, name), "rb") as file:
            raw = file.read(_MOST_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unavailable("a file", error) from error
    ends = struct.unpack("I", raw[:4])[0]
    return None if ends != 0 and ends < time.time() else raw[4:]


def _unavailable(place: str, error: Exception) -> StoreUnavailable:
    return StoreUnavailable(f"The sessions of Flask-Session in {place} are not available: {type(error).__name__}.")


_READERS: dict[str, Callable[[Flask, str], bytes | None]] = {
    "redis": _from_redis,
    "sqlalchemy": _from_database,
    "cachelib": _from_cache,
    "filesystem": _from_cache,
}
_DELETERS: dict[str, Callable[[Flask, str], None]] = {
    "redis": _delete_in_redis,
    "sqlalchemy": _delete_in_database,
    "cachelib": _delete_in_cache,
    "filesystem": _delete_in_cache,
}
