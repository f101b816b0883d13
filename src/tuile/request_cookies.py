"""Reading and writing cookies within one request, before there is a response.

Floor 2, one request. What must live here: what `cookies` means in a view: the cookies received, with
those written in this request on top. What must not: the syntax of either header (`cookie_syntax`), and
where the lines end up (the dispatch puts them on whichever response is sent).
"""

from __future__ import annotations

import time
import typing as t
from collections.abc import Iterator, Mapping

from werkzeug.exceptions import BadRequestKeyError

from .context import current
from .cookie_syntax import cookie_identity, dump_cookie

if t.TYPE_CHECKING:
    from datetime import datetime, timedelta

    from .request import Request


class Cookies(Mapping[str, str]):
    """The cookies of one request: a mapping to read, and `set` and `delete` to write.

    A read sees what this request has already written. What was written goes out with the response that
    is finally sent, an error page too; the last write of a name, domain and path counts.
    """

    def __init__(self, request: Request) -> None:
        self._received = request.cookies
        self._written: dict[str, str | None] = {}
        self._lines: dict[tuple[str, str, str], str] = {}

    def __getitem__(self, name: str) -> str:
        if name in self._written:
            value = self._written[name]
            if value is None:
                raise BadRequestKeyError(name)
            return value
        return self._received[name]

    def __iter__(self) -> Iterator[str]:
        for name in self._received:
            if name not in self._written:
                yield name
        for name, value in self._written.items():
            if value is not None:
                yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        if name in self._written:
            return self._written[name] is not None
        return name in self._received

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {dict(self)!r}>"

    def set(
        self,
        name: str,
        value: str = "",
        *,
        max_age: timedelta | int | None = None,
        expires: str | datetime | float | None = None,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: str | None = None,
        partitioned: bool = False,
    ) -> None:
        """Set a cookie on the response to come; the parameters are those of `Response.set_cookie`.

        Raises:
            CookieSyntaxError: the name, the path or the domain would break out of its place.
        """
        context = current.get(None)
        line = dump_cookie(
            name,
            value=value,
            max_age=max_age,
            expires=expires,
            path=path,
            domain=domain,
            secure=secure,
            httponly=httponly,
            max_size=4093 if context is None else context.app.config["MAX_COOKIE_SIZE"],
            samesite=samesite,
            partitioned=partitioned,
            now=time.time(),
        )
        self._write(name, value, line)

    def delete(
        self,
        name: str,
        *,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: str | None = None,
        partitioned: bool = False,
    ) -> None:
        """Delete a cookie; `path` and `domain` must be those it was set with, or the browser keeps it."""
        line = dump_cookie(
            name,
            max_age=0,
            expires=0,
            path=path,
            domain=domain,
            secure=secure,
            httponly=httponly,
            samesite=samesite,
            partitioned=partitioned,
            now=time.time(),
        )
        self._write(name, None, line)

    def _write(self, name: str, value: str | None, line: str) -> None:
        identity = cookie_identity(line)
        self._lines.pop(identity, None)
        self._lines[identity] = line
        self._written[name] = value

    def lines(self) -> list[str]:
        """Return the Set-Cookie lines written in this request, in order."""
        return list(self._lines.values())
