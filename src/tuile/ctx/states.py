"""The states of a request context, and what changes them.

| state       | the context                                                       | entered by               |
| ----------- | ----------------------------------------------------------------- | ------------------------ |
| `CREATED`   | was made by its constructor; its session cannot be opened yet     | the constructor          |
| `PLAIN`     | was made by the dispatcher for one push and one pop, and is alone | `begin`                  |
| `NESTED`    | is entered in another way, or something was entered inside it     | `push`, `pop`, `disturb` |
| `ENDED`     | was left quietly by the fast path; its response is on its way     | `end`                    |
| `LEFT`      | is left by the steps; its response is on its way                  | `leave`                  |
| `PRESERVED` | is left, and a debugger or a test has taken it over               | `leave`                  |

A context whose response is on its way stays in its state however often it is entered again.
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    State = t.Literal["created", "plain", "nested", "ended", "left", "preserved"]


CREATED: t.Final = "created"
PLAIN: t.Final = "plain"
NESTED: t.Final = "nested"
ENDED: t.Final = "ended"
LEFT: t.Final = "left"
PRESERVED: t.Final = "preserved"

#: Those in which the steps leave a context, which look after its environ themselves.
LEFT_BY_STEPS = frozenset({LEFT, PRESERVED})
#: Those in which the response is on its way.
ANSWERED = frozenset({ENDED, LEFT, PRESERVED})
