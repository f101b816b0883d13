r"""Which targets of a redirect stay on a host, as browsers read URLs (https://url.spec.whatwg.org, read on 2026-11-28).

Browsers accept far more than RFC 3986: they take ``\`` for ``/``, leave out tabs and ends of lines, strip blanks and
control characters at both ends, read ``https:/evil.example`` as a host, and map other characters to those of a host. So
only what is written plainly is accepted, and everything else is refused.
"""

from __future__ import annotations

import typing as t

from ..lazy import lazy_pattern
from .origins import is_host_of, parse_origin

if t.TYPE_CHECKING:
    from collections.abc import Iterable

# Control characters, and what cannot be encoded. Blanks are refused only at the ends.
_refused = lazy_pattern(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]|\A\s|\s\Z")
_absolute = lazy_pattern(r"([A-Za-z]+://[^/?#]*)(.*)")
# A colon before the path, as after a scheme.
_has_scheme = lazy_pattern(r"[^/?#]*:")


def stays_on(url: object, scheme: str, host: str, others: Iterable[str] = ()) -> bool:
    """Return whether a browser that is redirected from a page to `url` stays on the host of the page.

    Args:
        url: What the header Location will say: a path, or an absolute URL.
        scheme: The scheme of the page. From HTTPS, plain HTTP is not accepted.
        host: The host of the page, with the port unless it is the default.
        others: Other hosts that are accepted, written in the same way.
    """
    if not isinstance(url, str) or not url or _refused.search(url):
        return False
    found = _absolute.fullmatch(url)
    if found is None:
        return not (_has_scheme.match(url) or _begins_with_two_slashes(url))
    origin = parse_origin(found[1])
    return (
        origin is not None
        and (origin.scheme == "https" or (origin.scheme == "http" and scheme == "http"))
        and any(is_host_of(origin, one) for one in (host, *others))
        and not _begins_with_two_slashes(found[2])
    )


def _begins_with_two_slashes(url: str) -> bool:
    """Return whether the path does, or would once its dots are resolved: by itself it is the URL of another host."""
    if url.startswith("//"):
        return True
    kept: list[str] = []
    path = url.partition("#")[0].partition("?")[0]
    for segment in path.removeprefix("/").split("/"):
        plain = segment.lower().replace("%2e", ".")
        if plain == "..":
            del kept[-1:]
        elif plain != ".":
            kept.append(segment)
    return len(kept) > 1 and not kept[0]
