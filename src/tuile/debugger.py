"""The page of Werkzeug's interactive debugger, with the frames of libraries folded between those of the application.

All frames stay on the page, and the traceback as text and in the log stays as it is.
"""

from __future__ import annotations

import os
import re
import sysconfig
import typing as t
from contextlib import contextmanager
from itertools import groupby
from pathlib import PurePath

from markupsafe import escape
from werkzeug import debug
from werkzeug.debug.tbtools import DebugTraceback

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from werkzeug.debug.tbtools import DebugFrameSummary

# The packages whose modules are libraries wherever they are installed.
_PACKAGES = frozenset({"tuile", "werkzeug"})
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_STANDARD = tuple(
    {
        os.path.join(path, "")
        for name in ("stdlib", "platstdlib")
        for path in (sysconfig.get_path(name), os.path.realpath(sysconfig.get_path(name)))
    }
)
# How many packages are named for one fold.
_NAMED = 4
# Werkzeug closes no list item, and escapes what it shows of the program.
_items = re.compile(r"(?=<li[ >])").split
_match_frame = re.compile(r'<li[^>]*><div class="frame" id="frame-(\d+)">').match


class FoldingTraceback(DebugTraceback):
    """A traceback that is shown with the frames of libraries folded."""

    __slots__ = ()

    def render_traceback_html(self, include_title: bool = True) -> str:
        """Return the traceback as HTML."""
        html = super().render_traceback_html(include_title)
        return fold(html, {id(frame): library_of(frame) for frame in self.all_frames})


@contextmanager
def folding_libraries() -> Iterator[None]:
    """Fold the frames of libraries on the debugger's page until the context ends.

    `DebuggedApplication` has no argument for the class of its tracebacks. It reads this name when an error is shown.
    """
    names = debug.__dict__
    if names.get("DebugTraceback") is not DebugTraceback:  # replaced by another tool already
        yield
        return
    names["DebugTraceback"] = FoldingTraceback
    try:
        yield
    finally:
        names["DebugTraceback"] = DebugTraceback


def library_of(frame: DebugFrameSummary) -> str | None:
    """Return the package that a frame belongs to; None if its code is the application's."""
    name = frame.global_ns.get("__name__")
    package = name.partition(".")[0] if isinstance(name, str) else ""
    if package in _PACKAGES:
        return package
    file = frame.filename
    is_library = file.startswith(("<frozen ", *_STANDARD)) or not _INSTALLED.isdisjoint(PurePath(file).parts)
    return (package if package.isidentifier() and package != "__main__" else "Python") if is_library else None


def fold(html: str, libraries: Mapping[int, str | None]) -> str:
    """Return a traceback's HTML with each run of libraries' frames folded.

    Args:
        html: What Werkzeug renders. If it is of another form, it is returned as it is.
        libraries: For the number of each frame its package, or None for the application's. If none is the
            application's, nothing is folded.
    """
    before, opening, rest = html.partition("<ul>")
    body, closing, after = rest.rpartition("</ul>")
    if not (opening and closing) or all(libraries.values()):
        return html

    def package_of(item: str) -> str | None:
        found = _match_frame(item)
        return None if found is None else libraries.get(int(found[1]))

    parts: list[str] = []
    for is_library, run in groupby(_items(body), key=lambda item: package_of(item) is not None):
        items = list(run)
        parts.extend([_fold_of(items, [package_of(item) or "" for item in items])] if is_library else items)
    return "".join([before, opening, *parts, closing, after])


def _fold_of(items: list[str], packages: list[str]) -> str:
    """Return a list item in which other list items are folded."""
    names = list(dict.fromkeys(packages))
    named = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    text = escape(f"{len(items)} frame{'s'[: len(items) > 1]} of {named}")
    return (
        '<li><details class="libraries" style="margin: 0.7em 0">'
        f'<summary style="cursor: pointer; color: #555; font-size: 13px">{text}</summary>'
        f"<ul>{''.join(items)}</ul></details>\n"
    )
