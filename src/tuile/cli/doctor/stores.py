"""Examine the store of sessions before an application is deployed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tuile.sessions.settings import store_and_policy
from tuile.sessions.stores import StoreUnavailable
from tuile.sessions.stores.memory import MemoryStore
from tuile.sessions.stores.redis import RedisStore
from tuile.sessions.stores.sqlite import SQLiteStore

from .report import ADVICE, FAILS, UNSAFE, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuile.app import Flask

# Kinds of file system on which SQLite's write-ahead log does not work, because it needs memory that processes share.
_NETWORK = frozenset(
    (
        *(
            "9p",
            "afs",
            "afpfs",
            "beegfs",
            "ceph",
            "cifs",
            "coda",
            "gfs2",
            "glusterfs",
            "gpfs",
            "lustre",
            "ncpfs",
            "nfs",
        ),
        *("nfs4", "ocfs2", "orangefs", "prl_fs", "pvfs2", "smb3", "smbfs", "vboxsf", "virtiofs", "webdav"),
        *("fuse.ceph", "fuse.davfs2", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
    )
)
_GONE_AT_RESTART = frozenset({"tmpfs", "ramfs"})
_OTHERS = 0o077
_MOUNTS = "/proc/self/mountinfo"


def examine_store(app: Flask) -> Iterator[Finding]:
    """Yield what does not fit a store of sessions for a deployed application."""
    if app.config.get("SESSION_STORE") is None:
        return
    try:
        kept = store_and_policy(app).store
        store = kept.wrapped or kept
    except (RuntimeError, TypeError, ValueError):
        return  # reported without this option as well
    if isinstance(store, MemoryStore):
        reason = "keeps sessions in one process: others do not see them, and a restart ends them. Set it to 'sqlite'"
        yield Finding(UNSAFE, "SESSION_STORE", reason, id="store-memory")
        return
    if isinstance(store, SQLiteStore):
        yield from _examine_file(store.path)
        if not os.path.exists(store.path):
            # Asking would make it.
            yield from _examine_folder(os.path.dirname(store.path))
            return
    else:
        yield from _examine_connection(app)
    try:
        app.sessions.check()
    except (StoreUnavailable, OSError, RuntimeError, ValueError) as error:
        yield Finding(FAILS, "SESSION_STORE", f"does not answer: {error}", id="store-unavailable")
        return
    if isinstance(store, RedisStore):
        yield from _examine_eviction(store)


def _examine_file(path: str) -> Iterator[Finding]:
    kind = file_system_of(path)
    if kind in _NETWORK:
        reason = (
            f"is on a network disk ({kind}): {path}. SQLite's locks do not work there, and sessions get lost. Put it on"
            " a disk of the machine, or use Redis or PostgreSQL"
        )
        yield Finding(UNSAFE, "SESSION_STORE", reason, id="store-network-disk")
    if kind in _GONE_AT_RESTART:
        reason = f"is in memory ({kind}): {path}. All users are logged out when the machine restarts"
        yield Finding(ADVICE, "SESSION_STORE", reason, id="store-temporary")
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return
    if os.name == "posix" and mode & _OTHERS:
        reason = f"can be read by other users of the machine: chmod 600 {path}"
        yield Finding(ADVICE, "SESSION_STORE", reason, id="store-permissions")


def _examine_folder(folder: str) -> Iterator[Finding]:
    """Yield whether a file cannot be made in a folder, which may have to be made as well."""
    while not os.path.exists(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    if not (os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)):
        yield Finding(FAILS, "SESSION_STORE", f"cannot make its file: {folder} is not writable", id="store-unavailable")


def file_system_of(path: str, mounts: str = _MOUNTS) -> str | None:
    """Return the kind of file system that a path is on, such as ``ext4`` or ``nfs4``; None if that is not known.

    Args:
        path: A file or a folder, which need not exist.
        mounts: The file that lists what is mounted, as on Linux.
    """
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError:
        return None
    path, found, longest = os.path.realpath(path), None, -1
    for line in lines:
        # "36 35 98:0 /root /mount/point rw,noatime master:1 - ext3 /dev/root rw", with octal escapes for blanks.
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.partition(" ")[0]
        if len(fields) < 5 or not kind:
            continue
        point = _unescaped(fields[4])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        # Of two at the same place, the later one is on top.
        if inside and len(point) >= longest:
            found, longest = kind, len(point)
    return found


def _unescaped(point: str) -> str:
    for escape, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        point = point.replace(escape, character)
    return point


def _examine_connection(app: Flask) -> Iterator[Finding]:
    setting: object = app.config.get("SESSION_STORE")
    if not isinstance(setting, str):
        return
    try:
        parts = urlsplit(setting)
        host, query = parts.hostname or "localhost", parts.query
    except ValueError:
        return
    is_here = host in {"localhost", "::1"} or host.startswith(("127.", "/", "%2f"))
    is_encrypted = parts.scheme in {"rediss", "valkeys"} or "sslmode=verify" in query or "sslmode=require" in query
    if not is_here and not is_encrypted:
        cure = "rediss://" if parts.scheme in {"redis", "valkey"} else "?sslmode=verify-full"
        reason = f"is on another machine ({host}), and the connection need not be encrypted. Use {cure}"
        yield Finding(ADVICE, "SESSION_STORE", reason, id="store-plain-text")


def _examine_eviction(store: RedisStore) -> Iterator[Finding]:
    """Yield whether Redis removes sessions when its memory is full."""
    try:
        answer: object = store._command("INFO", "memory")
    except Exception:  # noqa: BLE001 - the server may not allow it
        return
    memory = answer.decode(errors="replace") if isinstance(answer, bytes) else str(answer)
    facts = {key: value for key, colon, value in (line.partition(":") for line in memory.splitlines()) if colon}
    policy, limit = facts.get("maxmemory_policy", "noeviction"), facts.get("maxmemory", "0")
    if limit == "0" or policy == "noeviction":
        return
    reason = f"removes sessions when its memory is full (maxmemory-policy {policy}), which logs users out. "
    if policy.startswith("allkeys"):
        cure = "Use noeviction, or an instance of its own for sessions"
        yield Finding(UNSAFE, "SESSION_STORE", reason + cure, id="store-eviction")
    else:
        cure = "All sessions have an end, so every volatile policy includes them: use noeviction, or enough memory"
        yield Finding(ADVICE, "SESSION_STORE", reason + cure, id="store-eviction")
