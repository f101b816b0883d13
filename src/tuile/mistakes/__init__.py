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
# The name of the error that a pattern begins with, if it is one name.
_NAME = re.compile(r"\^(\w+): ")


def _rows_for(name: str | None) -> tuple[tuple[re.Pattern[str], Hint], ...]:
    """Return the rows of the table that may match an error with a name, in their order."""
    return tuple(row for row in _TABLE if (known := _NAME.match(row[0].pattern)) is None or known[1] == name)


_ROWS = {known[1]: _rows_for(known[1]) for pattern, _ in _TABLE if (known := _NAME.match(pattern.pattern))}
_ROWS_OF_OTHERS = _rows_for(None)


def explain(error: BaseException, app: App | None = None, rule: Rule | None = None) -> None:
    """Add a hint to an error if it comes from a frequent mistake.

    Args:
        error: The error, with its traceback.
        app: The application, if there is one.
        rule: The rule that matched the request, if there is a request.
    """
    kind = type(error).__name__
    text = f"{kind}: {error}"
    if len(text) > _LONGEST:
        return
    for pattern, hint in _ROWS.get(kind, _ROWS_OF_OTHERS):
        match = pattern.search(text)
        if match is not None:
            found = hint(Mistake(error, match, app, rule))
            if found:
                add_hint(error, found)
                return
