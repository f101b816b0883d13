"""The headers of a response with a file, as Werkzeug's `send_file` sets them."""

from __future__ import annotations

import mimetypes
import os
import re
import time
import typing as t
import unicodedata
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote
from zlib import adler32

from werkzeug.datastructures import Headers
from werkzeug.utils import get_content_type

from ..http.headers import is_one_line
from ..invalidation import as_defined
from ..lazy import late_modules, lazy_pattern
from ..remember import LONGEST

if t.TYPE_CHECKING:
    from ..http import dates
else:
    (dates,) = late_modules(__name__, "..http.dates")

_guess_type = as_defined(mimetypes, "guess_type")
#: The name and the value of a header.
Pair: t.TypeAlias = tuple[str, str]

# What needs no quotes in a header.
_token = lazy_pattern(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
# What needs no escape in the name of RFC 5987.
_UNQUOTED: t.Final = "!#$&+-.^_`|~"
# What makes a path or a URL of a name.
_more_than_a_name = lazy_pattern(r"[/\\:]")
_UNKNOWN: t.Final = "application/octet-stream"


def headers_of(  # noqa: C901 - each option has its case
    path: str | None,
    size: int,
    status: os.stat_result | None,
    mimetype: object,
    as_attachment: object,
    download_name: object,
    etag: object,
    last_modified: object,
    max_age: object,
) -> tuple[list[Pair], str | None, str | None] | None:
    """Return the headers of a file, its entity tag and when it was changed; None if Werkzeug has to set them.

    Args:
        path: The path of the file; None for one in memory.
        size: Its size in bytes.
        status: What the system says of it; None for one in memory.
        mimetype: As for `send_file`, like all that follow.
        as_attachment: Whether browsers save the file.
        download_name: The name under which they save it.
        etag: The entity tag.
        last_modified: When the file was changed.
        max_age: For how many seconds it may be cached.

    Raises:
        TypeError: An option is of another type, which Werkzeug has to convert or refuse.
        ValueError: No header can hold an option.
    """
    changed: Pair | None
    tag: Pair | None
    is_short = download_name is None or (type(download_name) is str and len(download_name) <= LONGEST)
    if path is not None and status is not None:
        disposition, length, changed, tag, extension = (facts_of if is_short else facts_of.__wrapped__)(
            path, status.st_mtime, size, download_name, bool(as_attachment)
        )
    else:
        length, changed, tag = ("Content-Length", str(size)), None, None
        disposition, extension = (_named if is_short else _named.__wrapped__)(download_name, bool(as_attachment))
    encoding = None
    if mimetype is None and (mimetype := _media_type(extension)) is None:
        if disposition is None:
            return None
        name = os.path.basename(path or "") if download_name is None else download_name
        mimetype, encoding = mimetypes.guess_type(t.cast("str", name))
        mimetype = mimetype or _UNKNOWN
    if not isinstance(mimetype, str) or (content_type := _content_type(mimetype)) is None:
        return None
    pairs = [content_type, length] if disposition is None else [disposition, content_type, length]
    if encoding is not None and not as_attachment:
        if type(encoding) is not str or not is_one_line(encoding):
            return None
        pairs.insert(0, ("Content-Encoding", encoding))
    if last_modified is not None:
        changed = ("Last-Modified", _date_of(last_modified))
    if changed is not None:
        pairs.append(changed)
    pairs += _NOT_KEPT if max_age is None else _kept(max_age)
    if etag is not True:
        tag = _own_tag(etag, tag)
    if tag is not None:
        pairs.append(tag)
    return pairs, None if tag is None else tag[1], None if changed is None else changed[1]


@lru_cache(maxsize=512)
def facts_of(
    path: str, moment: float, size: int, name: object, as_attachment: bool
) -> tuple[Pair | None, Pair, Pair, Pair, str | None]:
    """Return the headers of a file that do not change while it does not, and the extension of its name.

    The extension is None if the media type has to be guessed from the name.

    Raises:
        TypeError: The name is none.
        ValueError: The name has a line break, or the moment is beyond the year 9999.
    """
    disposition, extension = _named.__wrapped__(os.path.basename(path) if name is None else name, as_attachment)
    return (
        disposition,
        ("Content-Length", str(size)),
        ("Last-Modified", dates.remembered_http_date(moment)),
        ("ETag", f'"{moment}-{size}-{adler32(path.encode()) & 0xFFFFFFFF}"'),
        extension,
    )


@lru_cache(maxsize=256)
def _named(name: object, as_attachment: bool) -> tuple[Pair | None, str | None]:
    """Return the header with the name of a file, and its extension; None and None if it has no name.

    Raises:
        TypeError: The name is none, or an attachment has none.
        ValueError: The name has a line break.
    """
    if name is None and not as_attachment:
        return None, None
    if type(name) is not str:
        raise TypeError
    value = "attachment" if as_attachment else "inline"
    if _token.fullmatch(name) is not None:
        disposition = ("Content-Disposition", f"{value}; filename={name}")
    else:
        headers = Headers()
        if name.isascii():
            headers.set("Content-Disposition", value, filename=name)
        else:
            # For browsers that do not know RFC 5987, and for those that do.
            simple = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
            headers.set(
                "Content-Disposition",
                value,
                **{"filename": simple, "filename*": f"UTF-8''{quote(name, safe=_UNQUOTED)}"},
            )
        disposition = headers._list[0]
    stem, dot, last = name.rpartition(".")
    extension: str | None = dot + last if stem.strip(".") else ""
    if _more_than_a_name.search(name) or (dot and not extension):
        extension = None
    return disposition, extension


def _date_of(moment: object) -> str:
    """Return when a file was changed, as the caller of `send_file` says, as text.

    Raises:
        TypeError: It is of a type that Werkzeug has to convert or refuse.
        ValueError: It is beyond all calendars.
    """
    if type(moment) is not int and type(moment) is not float and type(moment) is not datetime:
        raise TypeError
    return dates.http_date(moment)


def _own_tag(etag: object, computed: Pair | None) -> Pair | None:
    """Return the entity tag for what the caller of `send_file` gave as one.

    Raises:
        ValueError: Werkzeug refuses it.
    """
    if not isinstance(etag, str):
        return computed if etag else None
    if type(etag) is not str or '"' in etag or not is_one_line(etag):
        raise ValueError
    return "ETag", f'"{etag}"'


def _media_type(extension: str | None) -> str | None:
    """Return the media type that `mimetypes.guess_type` gives now; None if it has to be asked."""
    if extension is None or mimetypes.guess_type is not _guess_type:
        return None
    if not mimetypes.inited:
        mimetypes.init()
    lowered = extension.lower()
    if lowered in mimetypes.suffix_map or extension in mimetypes.encodings_map:
        return None
    return mimetypes.types_map.get(lowered, _UNKNOWN)


@lru_cache(maxsize=128)
def _content_type(mimetype: str) -> Pair | None:
    """Return the Content-Type header for a media type; None if Werkzeug has to refuse it."""
    if type(mimetype) is not str or not is_one_line(mimetype):
        return None
    return "Content-Type", get_content_type(mimetype, "utf-8")


_NOT_KEPT: t.Final = (("Cache-Control", "no-cache"),)


def _kept(max_age: object) -> tuple[Pair, ...]:
    """Return the headers that say how long a file may be kept.

    Raises:
        TypeError: The number is of a type that Werkzeug has to convert or refuse.
        ValueError: The moment is beyond the year 9999.
    """
    if type(max_age) is not int:
        raise TypeError
    directive = f"public, max-age={max_age}" if max_age > 0 else f"no-cache, max-age={max_age}"
    return ("Cache-Control", directive), ("Expires", dates.remembered_http_date(int(time.time() + max_age)))
