"""Where the Redis store finds its servers: one server, a master that Sentinel names, or a cluster.

Connections of redis-py that are sockets are written to and read from by `redis_wire`. Where only redis-py knows which
server to ask, as in a cluster, its client executes the commands.
"""

from __future__ import annotations

import socket
import typing as t
from importlib import import_module
from urllib.parse import unquote, urlsplit

from . import StoreUnavailable
from .connections import BrokenConnectionError
from .redis_wire import AwaitedConnection, BlockingConnection, Request, ServerError, pack, parse

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from . import Answer
    from .connections import AsyncConnection, Connection

_PORT, _SENTINEL_PORT = 6379, 26379
_ROLE = Request(pack("ROLE"))


class Place(t.Protocol):
    """Where the servers are."""

    #: Whether a request must be one command, because the next may go to another server.
    is_divided: bool
    #: Whether connections can be awaited.
    awaits: bool
    #: What and where it is, without a password.
    where: str

    def connect(self) -> Connection:
        """Open a connection."""
        ...

    async def connect_async(self) -> AsyncConnection:
        """Open a connection in an event loop."""
        ...


def place_of(place: Answer, timeout: float) -> Place:
    """Return the place that a URL or a client of redis-py names. Nothing is opened.

    Args:
        place: The URL or the client.
        timeout: How many seconds to wait for an answer, or for a connection.

    Raises:
        ValueError: If the URL names no service or no host.
    """
    # The pools only make connections.
    limits = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
    if not isinstance(place, str):
        return _OverSockets(place, limits) if hasattr(place, "connection_pool") else _OverClient(lambda: place)
    scheme = place.partition("://")[0]
    url = place.replace("valkey", "redis", 1) if scheme.startswith("valkey") else place
    if scheme.endswith("+sentinel"):
        return _OverSockets(_of_sentinel(url, limits), limits)
    if scheme.endswith("+cluster"):
        return _of_cluster(url, limits)
    return _OverSockets(url, limits)


class _OverSockets:
    """A URL of a server, or a client, whose settings for connections are used."""

    is_divided = False

    def __init__(self, place: Answer, limits: dict[str, float]) -> None:
        redis = import_module("redis")
        self._errors = redis.exceptions
        limits = {**limits, "protocol": 2}
        self.awaits = isinstance(place, str)
        self._url, self._limits = place, limits
        # A pool of Sentinel is known to its connections by a weak reference.
        self._client = None if self.awaits else place
        if self.awaits:
            self._pool = redis.ConnectionPool.from_url(place, **limits)
        else:
            of_client = place.connection_pool
            settings = {**of_client.connection_kwargs, **limits, "decode_responses": False}
            # Notices of maintenance, which newer clients ask for by default, need RESP3.
            settings = {name: value for name, value in settings.items() if not name.startswith("maint_notifications")}
            self._pool = redis.ConnectionPool(connection_class=of_client.connection_class, **settings)
        about = self._pool.connection_kwargs
        service = getattr(about.get("connection_pool"), "service_name", None)
        server = about.get("path") or f"{about.get('host') or 'localhost'}:{about.get('port') or _PORT}"
        self.where = f"the master {service} of Sentinel" if service else server

    def connect(self) -> Connection:
        opened = self._pool.make_connection()
        opened.connect()
        if self._client is not None and not isinstance(opened._sock, socket.socket):
            # A client for tests has no server.
            return _ClientConnection(self._client, self._errors)
        connection = BlockingConnection(opened)
        try:
            self._refuse_replica(connection.exchange(_ROLE))
        except BaseException:
            connection.close()
            raise
        return connection

    async def connect_async(self) -> AsyncConnection:
        pool = import_module("redis.asyncio").ConnectionPool.from_url(self._url, **self._limits)
        opened = pool.make_connection()
        await opened.connect()
        connection = AwaitedConnection(opened, self._errors)
        try:
            self._refuse_replica(await connection.exchange(_ROLE))
        except BaseException:
            await connection.close()
            raise
        return connection

    def _refuse_replica(self, role: Answer) -> None:
        """Refuse a server that has what was saved a moment ago not yet, and cannot be written.

        A server that does not allow the question, by its rules of access, is taken for a primary.
        """
        if type(role) is list and role[:1] == [b"slave"]:
            message = (
                f"The session store (Redis, {self.where}) is a replica, which cannot be written. Name the primary."
            )
            raise StoreUnavailable(message)


class _OverClient:
    """A client that executes commands, such as that of a cluster.

    Args:
        find: Returns the client. It is called when the first command is sent.
        where: Where the servers are; "" if only the client knows.
    """

    is_divided, awaits = True, False

    def __init__(self, find: Callable[[], Answer], where: str = "") -> None:
        self._find = find
        self._errors = import_module("redis").exceptions
        self.where = where or f"a {type(find()).__name__}"

    def connect(self) -> Connection:
        return _ClientConnection(self._find(), self._errors)

    async def connect_async(self) -> AsyncConnection:
        raise NotImplementedError


class _ClientConnection:
    """A turn to use a client, which has connections of its own."""

    used = 0.0

    def __init__(self, client: Answer, errors: Answer) -> None:
        self._client = client
        self._errors = errors

    def fileno(self) -> int:
        """Return no number: the client looks after its connections."""
        return -1

    def close(self) -> None:
        """Do nothing: the client may be used for other things."""

    def exchange(self, request: Request) -> Answer:
        """Execute commands, and return the reply; a list if there are several."""
        found, position = [], 0
        for _ in range(request.replies):
            command, position = parse(request.packed, position)
            found.append(self._execute(*command))
        return found[0] if request.replies == 1 else found

    def _execute(self, name: bytes, *arguments: bytes) -> Answer:
        errors = self._errors
        try:
            # An option of redis-py, for clients that decode replies.
            return self._client.execute_command(name.decode(), *arguments, NEVER_DECODE=True)
        except errors.NoScriptError as error:
            # redis-py has taken the word off.
            return ServerError(f"NOSCRIPT {error}")
        except errors.ReadOnlyError as error:
            return ServerError(f"READONLY {error}")
        except (errors.ClusterError, errors.RedisClusterException, errors.ConnectionError) as error:
            raise BrokenConnectionError(str(error)) from error
        except errors.ResponseError as error:
            return ServerError(str(error))


# --- URLs -------------------------------------------------------------------------------------------------------------


def _hosts_of(url: str, port: int) -> tuple[list[tuple[str, int]], dict[str, object]]:
    """Return the hosts and ports in a URL, and the settings for connections to them.

    Raises:
        ValueError: If there is no host, or a port that is no number.
    """
    parts = urlsplit(url)
    login, _, hosts = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    settings: dict[str, object] = {"username": unquote(user) or None, "password": unquote(password) or None}
    if parts.scheme.startswith("rediss"):
        settings["ssl"] = True
    found = []
    for one in hosts.split(","):
        name, _, number = one.rpartition(":") if one.rpartition(":")[2].isdecimal() else (one, "", str(port))
        if not name or name.endswith(":"):
            message = f"SESSION_STORE names no host: {parts.scheme}://{hosts}{parts.path}."
            raise ValueError(message)
        found.append((name.strip("[]"), int(number)))
    return found, settings


def _of_sentinel(url: str, limits: dict[str, float]) -> Answer:
    """Return a client for the master that Sentinel names."""
    sentinels, settings = _hosts_of(url, _SENTINEL_PORT)
    service, _, number = urlsplit(url).path.strip("/").partition("/")
    if not service or (number and not number.isdecimal()):
        message = "SESSION_STORE has to name the service: redis+sentinel://host:26379,host:26379/service/0."
        raise ValueError(message)
    # Another Sentinel is asked at once if one is away.
    options = {**limits, "retry": _tries(0)}
    manager = import_module("redis.sentinel").Sentinel(sentinels, sentinel_kwargs=options, **limits)
    return manager.master_for(service, db=int(number or 0), **settings)


def _tries(number: int) -> Answer:
    """Return how often redis-py tries again, at once."""
    return import_module("redis.retry").Retry(import_module("redis.backoff").NoBackoff(), number)


def _of_cluster(url: str, limits: dict[str, float]) -> _OverClient:
    nodes, settings = _hosts_of(url, _PORT)
    made: list[Answer] = []

    def find() -> Answer:
        if not made:  # it connects at once
            cluster = import_module("redis.cluster")
            startup = [cluster.ClusterNode(host, port) for host, port in nodes]
            made.append(cluster.RedisCluster(startup_nodes=startup, retry=_tries(3), **settings, **limits))
        return made[0]

    return _OverClient(find, f"the cluster of {nodes[0][0]}:{nodes[0][1]}")
