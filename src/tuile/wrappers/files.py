"""Respond with a file, as Werkzeug's `send_file` does, in fewer steps.

`file_response` answers where every header is known in advance: for a path or a file in memory, with options of the
usual types and a class of responses that sets its headers as Werkzeug's does. Everything else is for Werkzeug.
"""

from __future__ import annotations

import os
import re
import stat
import time
import typing as t
from functools import lru_cache

from werkzeug import security, utils
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.http import is_resource_modified
from werkzeug.wrappers import Response as WerkzeugResponse
from werkzeug.wsgi import FileWrapper, _RangeWrapper

from ..http.response_headers import Headers
from ..invalidation import as_defined
from ..lazy import late_modules, lazy_pattern
from ..remember import LONGEST
from .environ import file_environ_of
from .file_headers import headers_of
from .plain_response import STATUS_LINES
from .read_file import OWN_WRAPPER, PIECE, USUAL_WRAPPERS, ReadFile, read_small
from .response import werkzeugs_make_conditional

if t.TYPE_CHECKING:
    from io import BytesIO

    from _typeshed.wsgi import WSGIEnvironment

    from ..http import conditions, dates
    from .request import Request
    from .response import Response
else:
    conditions, dates = late_modules(__name__, "..http.conditions", "..http.dates")

_new = object.__new__
_werkzeugs_send_file, _werkzeugs_safe_join = as_defined(utils, "send_file"), as_defined(security, "safe_join")
# Names that lead nowhere but down, whatever they are joined to.
_plain_path = lazy_pattern(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)*", re.ASCII)
# One range.
_one_range = lazy_pattern(r"bytes=([0-9]{0,15})-([0-9]{0,15})")
_IS_POSIX: t.Final = os.name == "posix"


def join_safely(directory: str, path: str) -> str | None:
    """Return what Werkzeug's `safe_join` returns: a path below a directory, or None if it would lead out of it."""
    if (
        _IS_POSIX
        and security.safe_join is _werkzeugs_safe_join
        and directory
        and directory[-1] != "/"
        and (_leads_down(path) if len(path) <= LONGEST else _leads_down.__wrapped__(path))
    ):
        return f"{directory}/{path}"
    return security.safe_join(directory, path)


@lru_cache(maxsize=512)
def _leads_down(path: str) -> bool:
    return _plain_path.fullmatch(path) is not None


def regular_file(path: str) -> os.stat_result | None:
    """Return what the system says of a file; None if there is none, or something else."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def file_response(
    response_class: type[Response],
    request: Request,
    path: str | None,
    file: BytesIO | None,
    status: os.stat_result | None,
    mimetype: object,
    as_attachment: object,
    download_name: object,
    conditional: object,
    etag: object,
    last_modified: object,
    max_age: object,
) -> Response | None:
    """Return a response with the contents of a file; None if Werkzeug has to make it.

    Args:
        response_class: The class of the response.
        request: The request.
        path: The path of the file; None for one in memory.
        file: The file in memory; None if there is a path.
        status: What the system says of the file; None for one in memory.
        mimetype: As for `send_file`, like all that follow.
        as_attachment: Whether browsers save the file.
        download_name: The name under which they save it.
        conditional: Whether to support conditional and range requests.
        etag: The entity tag; True to compute one.
        last_modified: When the file was changed; None to take it from `status`.
        max_age: A number of seconds, or None.
    """
    if utils.send_file is not _werkzeugs_send_file or not getattr(response_class, "_sends_files_plainly", False):
        return None
    try:
        size = size_of(file) if status is None else status.st_size
        found = headers_of(path, size, status, mimetype, as_attachment, download_name, etag, last_modified, max_age)
    except (TypeError, ValueError):
        # A name or a number of another type, or a moment that no header can hold.
        return None
    if found is None:
        return None
    pairs, tag, changed = found
    response: Response = _new(response_class)
    response.headers = headers = _new(Headers)
    headers._list = pairs
    code = response.default_status
    if type(code) is int and (line := STATUS_LINES.get(code)) is not None:
        response._status, response._status_code = line, code
    else:
        response._status, response._status_code = response._clean_status(code)
    response.direct_passthrough = True
    response._on_close = []
    environ = file_environ_of(request)
    response.response, opened = _body_of(path, file, status, environ)
    if not conditional or _apply_conditions(response, environ, tag, changed, size):
        return response
    try:
        return response.make_conditional(request.environ, accept_ranges=True, complete_length=size)
    except RequestedRangeNotSatisfiable:
        if opened is not None:
            opened.close()
        raise


def size_of(file: BytesIO | None) -> int:
    """Return the size of a file in memory.

    Raises:
        ValueError: There is none, or it is closed, or it was read in part.
    """
    if file is None or file.tell():
        raise ValueError
    # Unlike `getbuffer`, this copies nothing.
    size = file.seek(0, 2)
    file.seek(0)
    return size


def _body_of(
    path: str | None, file: BytesIO | None, status: os.stat_result | None, environ: WSGIEnvironment
) -> tuple[t.Iterable[bytes], t.IO[bytes] | None]:
    """Return the body of a response with a file, and what there is to close of it.

    A small file is read at once; others are in the wrapper of the server.
    """
    wrapper = environ.get("wsgi.file_wrapper", FileWrapper)
    module = getattr(wrapper, "__module__", None)
    is_usual = wrapper is FileWrapper or module in USUAL_WRAPPERS
    if path is None or status is None:
        make: t.Callable[..., t.Iterable[bytes]] = FileWrapper if is_usual and module != OWN_WRAPPER else wrapper
        return make(file, 8192), file  # pyright: ignore[reportArgumentType] # there is one without a path
    size = status.st_size
    if is_usual and stat.S_ISREG(status.st_mode) and size <= PIECE and (content := read_small(path, size)) is not None:
        return ReadFile(content, path), None
    opened = open(path, "rb")  # noqa: SIM115 - the response closes it
    is_large = wrapper is FileWrapper and size > PIECE and "HTTP_RANGE" not in environ
    return wrapper(opened, PIECE if is_large else 8192), opened


def _apply_conditions(
    response: Response, environ: WSGIEnvironment, tag: str | None, changed: str | None, size: int
) -> bool:
    """Answer with 304 or 206 where the request asks for it.

    Returns:
        Whether that is certain. If not, nothing is changed.
    """
    if not response._has_plain_conditions or WerkzeugResponse.make_conditional is not werkzeugs_make_conditional:
        return False
    if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
        return True
    pairs = response.headers._list
    if "HTTP_RANGE" in environ:
        return _apply_range(response, environ, tag, changed, size)
    unmodified = False
    if "HTTP_IF_NONE_MATCH" in environ or "HTTP_IF_MODIFIED_SINCE" in environ or "HTTP_IF_MATCH" in environ:
        try:
            unmodified = conditions.is_unmodified(environ, tag, changed)
        except OverflowError:
            # A date beyond all calendars.
            return False
        if unmodified and "HTTP_IF_MATCH" in environ:
            return False
    pairs += (("Date", dates.remembered_http_date(int(time.time()))), _RANGES)
    if unmodified:
        response._status, response._status_code = "304 NOT MODIFIED", 304
    return True


def _apply_range(  # noqa: C901 - each header has its case
    response: Response, environ: WSGIEnvironment, tag: str | None, changed: str | None, size: int
) -> bool:
    """Answer with 206 where the request asks for one range, as `_apply_conditions` does."""
    found = _one_range.fullmatch(environ["HTTP_RANGE"])
    if found is None or not size:
        return False
    if "HTTP_IF_RANGE" in environ:
        try:
            if is_resource_modified(environ, tag, last_modified=changed, ignore_if_range=False):
                return False
        except (OverflowError, ValueError):
            return False
    first, last = found[1], found[2]
    if first:
        start, end = int(first), min(int(last) + 1 if last else size, size)
    elif last and int(last) <= size:
        start, end = size - int(last), size
    else:
        return False
    if start >= end:
        return False
    pairs = response.headers._list
    for index, pair in enumerate(pairs):
        if pair[0] == "Content-Length":
            pairs[index] = ("Content-Length", str(end - start))
    pairs += (
        ("Date", dates.remembered_http_date(int(time.time()))),
        _RANGES,
        ("Content-Range", f"bytes {start}-{end - 1}/{size}"),
    )
    response._status, response._status_code = "206 PARTIAL CONTENT", 206
    body = response.response
    if type(body) is ReadFile:
        response.response = body.piece(start, end)
    else:
        response.response = _RangeWrapper(t.cast("FileWrapper", body), start, end - start)
    return True


_RANGES: t.Final = ("Accept-Ranges", "bytes")
