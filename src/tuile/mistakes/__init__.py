"""What to write instead, for mistakes that are often made: hints on errors that no view and no handler has handled.

The errors are Python's, Flask's and Werkzeug's own, with their texts. This package is imported with the first of them.
"""

from __future__ import annotations

import re
import typing as t

from ..hints import add_hint
from . import answers, arguments, attributes, imports, registered
from .mistake import Mistake

if t.TYPE_CHECKING:
    from werkzeug.routing import Rule

    from ..sansio.app import App
    from .mistake import Hint

# A longer text is not looked at: it is no message of these.
_LONGEST = 2000

_TABLE: tuple[tuple[re.Pattern[str], Hint], ...] = tuple(
    (re.compile(pattern), hint)
    for module in (arguments, attributes, answers, registered, imports)
    for pattern, hint in module.TABLE
)
# Every pattern begins with the names of the errors that it is for.
_NAMES = re.compile(r"(?:\(\?s\))?\^(?:(\w+)|\(\?:([\w|]+)\)): ")


def _names_in(pattern: re.Pattern[str]) -> list[str]:
    found = _NAMES.match(pattern.pattern)
    return [] if found is None else (found[1] or found[2]).split("|")


# The rows of the table for errors with a name, in their order.
_ROWS: dict[str, list[tuple[re.Pattern[str], Hint]]] = {}
for _row in _TABLE:
    for _name in _names_in(_row[0]):
        _ROWS.setdefault(_name, []).append(_row)


def explain(error: BaseException, app: App | None = None, rule: Rule | None = None) -> None:
    """Add a hint to an error if it comes from a frequent mistake.

    Args:
        error: The error, with its traceback.
        app: The application, if there is one.
        rule: The rule that matched the request, if there is a request.
    """
    kind = type(error).__name__
    if kind not in _ROWS:
        return
    text = f"{kind}: {error}"
    if len(text) > _LONGEST:
        return
    for pattern, hint in _ROWS[kind]:
        match = pattern.match(text)
        if match is not None:
            found = hint(Mistake(error, match, app, rule))
            if found:
                add_hint(error, found)
                return
