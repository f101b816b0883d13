"""Respond with a file, as Werkzeug's `send_file` does, in fewer steps.

`file_response` answers where every header is known in advance: for a path, with the usual options and a class of
responses that sets its headers as Werkzeug's does. Everything else is for Werkzeug.
"""

from __future__ import annotations

import mimetypes
import os
import re
import stat
import time
import typing as t
from functools import lru_cache
from zlib import adler32

from werkzeug import security, utils
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.utils import get_content_type
from werkzeug.wrappers import Response as WerkzeugResponse
from werkzeug.wsgi import FileWrapper, _RangeWrapper

from ..http.headers import is_one_line
from ..http.response_headers import Headers
from ..lazy import late_modules, lazy_pattern
from ..remember import LONGEST
from .response import pythons_guess_type, werkzeugs_make_conditional, werkzeugs_safe_join, werkzeugs_send_file

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from ..http import conditions, dates
    from .response import Response
else:
    conditions, dates = late_modules(__name__, "..http.conditions", "..http.dates")

_new = object.__new__
# What needs no quotes in a header.
_token = lazy_pattern(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
# What makes a path or a URL of a name.
_more_than_a_name = lazy_pattern(r"[/\\:]")
# Names that lead nowhere but down, whatever they are joined to.
_plain_path = lazy_pattern(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)*", re.ASCII)
# One range with a beginning.
_one_range = lazy_pattern(r"bytes=([0-9]{1,15})-([0-9]{0,15})")
_IS_POSIX: t.Final = os.name == "posix"
# How many bytes of a large file are read at once.
_PIECE: t.Final = 64 * 1024
_UNKNOWN: t.Final = "application/octet-stream"


def join_safely(directory: str, path: str) -> str | None:
    """Return what Werkzeug's `safe_join` returns: a path below a directory, or None if it would lead out of it."""
    if (
        _IS_POSIX
        and security.safe_join is werkzeugs_safe_join
        and _plain_path.fullmatch(path) is not None
        and directory
        and directory[-1] != "/"
    ):
        return f"{directory}/{path}"
    return security.safe_join(directory, path)


def regular_file(path: str) -> os.stat_result | None:
    """Return what the system says of a file; None if there is none, or something else."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def file_response(
    response_class: type[Response],
    environ: WSGIEnvironment,
    path: str,
    status: os.stat_result,
    *,
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
        environ: The WSGI environ of the request.
        path: The path of the file.
        status: What the system says of the file.
        mimetype: As for `send_file`, like all that follow.
        as_attachment: Whether browsers save the file.
        download_name: The name under which they save it.
        conditional: Whether to support conditional and range requests.
        etag: True to compute an entity tag.
        last_modified: When the file was changed; None to take it from `status`.
        max_age: A number of seconds, or None.
    """
    if (
        utils.send_file is not werkzeugs_send_file
        or last_modified is not None
        or etag is not True
        or (max_age is not None and type(max_age) is not int)
        or not getattr(response_class, "_sends_files_plainly", False)
    ):
        return None
    try:
        facts = (_facts if _is_short(download_name) else _facts.__wrapped__)(
            path, status.st_mtime, status.st_size, download_name, bool(as_attachment)
        )
        caching = _kept(max_age) if isinstance(max_age, int) else _NOT_KEPT
    except (TypeError, ValueError):
        # A name of another type, or a moment that no header can hold.
        return None
    if facts is None:
        return None
    disposition, length, changed, tag, extension = facts
    if mimetype is None:
        mimetype = _media_type(extension)
    if not isinstance(mimetype, str) or not is_one_line(mimetype):
        return None
    file = open(path, "rb")  # noqa: SIM115 - the response closes it
    response: Response = _new(response_class)
    response.headers = headers = _new(Headers)
    content_type = ("Content-Type", get_content_type(mimetype, "utf-8"))
    headers._list = [disposition, content_type, length, changed, *caching, tag]
    response._status, response._status_code = response._clean_status(response.default_status)
    response.direct_passthrough = True
    response._on_close = []
    wrapper = environ.get("wsgi.file_wrapper", FileWrapper)
    is_large = wrapper is FileWrapper and status.st_size > _PIECE and "HTTP_RANGE" not in environ
    response.response = wrapper(file, _PIECE if is_large else 8192)
    if not conditional or _apply_conditions(response, environ, tag[1], changed[1], status.st_size):
        return response
    try:
        return response.make_conditional(environ, accept_ranges=True, complete_length=status.st_size)
    except RequestedRangeNotSatisfiable:
        file.close()
        raise


Pair: t.TypeAlias = tuple[str, str]


def _is_short(name: object) -> bool:
    """Return whether what is computed for a download name may be remembered: clients may choose it."""
    return name is None or (type(name) is str and len(name) <= LONGEST)


@lru_cache(maxsize=512)
def _facts(
    path: str, moment: float, size: int, name: object, as_attachment: bool
) -> tuple[Pair, Pair, Pair, Pair, str | None] | None:
    """Return the headers of a file that do not change while it does not, and the extension of its name.

    None if the name is for Werkzeug to quote. The extension is None if Werkzeug has to guess the media type.

    Raises:
        TypeError: The name is none.
        ValueError: The moment is beyond the year 9999.
    """
    if name is None:
        name = os.path.basename(path)
    if not isinstance(name, str) or type(name) is not str:
        raise TypeError
    quoted = name
    if _token.fullmatch(name) is None:
        if not name or not name.isascii() or not is_one_line(name):
            return None
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        quoted = f'"{quoted}"'
    stem, dot, last = name.rpartition(".")
    extension: str | None = dot + last if stem.strip(".") else ""
    if _more_than_a_name.search(name) or (dot and not extension):
        extension = None
    return (
        ("Content-Disposition", f"{'attachment' if as_attachment else 'inline'}; filename={quoted}"),
        ("Content-Length", str(size)),
        ("Last-Modified", dates.remembered_http_date(moment)),
        ("ETag", f'"{moment}-{size}-{adler32(path.encode()) & 0xFFFFFFFF}"'),
        extension,
    )


def _media_type(extension: str | None) -> str | None:
    """Return the media type that `mimetypes.guess_type` gives now; None if it has to be asked."""
    if extension is None or mimetypes.guess_type is not pythons_guess_type:
        return None
    if not mimetypes.inited:
        mimetypes.init()
    lowered = extension.lower()
    if lowered in mimetypes.suffix_map or extension in mimetypes.encodings_map:
        return None
    return mimetypes.types_map.get(lowered, _UNKNOWN)


_NOT_KEPT: t.Final = (("Cache-Control", "no-cache"),)


def _kept(max_age: int) -> tuple[Pair, ...]:
    """Return the headers that say how long a file may be kept."""
    directive = f"public, max-age={max_age}" if max_age > 0 else f"no-cache, max-age={max_age}"
    return ("Cache-Control", directive), ("Expires", dates.remembered_http_date(int(time.time() + max_age)))


def _apply_conditions(response: Response, environ: WSGIEnvironment, tag: str, changed: str, size: int) -> bool:
    """Answer with 304 or 206 where the request asks for it.

    Returns:
        Whether that is certain. If not, nothing is changed.
    """
    if not response._has_plain_conditions or WerkzeugResponse.make_conditional is not werkzeugs_make_conditional:
        return False
    if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
        return True
    pairs = response.headers._list
    wanted = environ.get("HTTP_RANGE")
    if wanted is None:
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
    found = _one_range.fullmatch(wanted)
    if found is None or "HTTP_IF_RANGE" in environ or not size:
        return False
    start, end = int(found[1]), int(found[2]) + 1 if found[2] else size
    if not start < min(end, size):
        return False
    end = min(end, size)
    pairs[2] = ("Content-Length", str(end - start))
    pairs += (
        ("Date", dates.remembered_http_date(int(time.time()))),
        _RANGES,
        ("Content-Range", f"bytes {start}-{end - 1}/{size}"),
    )
    response._status, response._status_code = "206 PARTIAL CONTENT", 206
    response.response = _RangeWrapper(t.cast("FileWrapper", response.response), start, end - start)
    return True


_RANGES: t.Final = ("Accept-Ranges", "bytes")
