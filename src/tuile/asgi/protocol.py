"""The types of ASGI. No server and no other package is needed for them."""

from __future__ import annotations

import typing as t
from collections.abc import Awaitable, Callable, MutableMapping

Scope: t.TypeAlias = MutableMapping[str, t.Any]
Message: t.TypeAlias = Scope
Receive: t.TypeAlias = Callable[[], Awaitable[Message]]
Send: t.TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: t.TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
HeaderPairs: t.TypeAlias = list[tuple[bytes, bytes]]
