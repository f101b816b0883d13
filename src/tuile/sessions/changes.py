"""What a request changed in a session, and how that is merged with what other requests changed meanwhile.

A session at rest is a mapping from keys to texts, each of them tagged JSON. A request reads it (the base) and describes
what it did to single keys. When it is saved, the store may hold something newer (theirs). `resolve` decides about one
key, `merge` about a whole session:

- Keys are independent, and reading is no change.
- `Add`, `Append` and `Change` are applied to what is there now.
- Lists that both requests extended keep all items; dictionaries are merged by key, to any depth.
- Taking away a list takes away the items that were seen.
- Otherwise the later save wins, which is a conflict.

Values are compared as JSON, by type: 1, 1.0 and true differ. A tagged value, an object whose only key starts with a
space, is never taken apart.
"""

from __future__ import annotations

import json
import typing as t
from collections import Counter
from types import MappingProxyType

from .content import FEW, Content, text_in, with_put, with_text

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Put(t.NamedTuple):
    """A key has a new value.

    Attributes:
        text: The new value.
        base: The value that the request read; None if there was none.
        assigned: Whether the key was assigned; False if only something inside its value changed.
    """

    text: str
    base: str | None = None
    assigned: bool = True


class Drop(t.NamedTuple):
    """A key was removed; `base` is the value that the request read."""

    base: str | None


class Add(t.NamedTuple):
    """A number was added; `text` is the sum that the request saw."""

    number: float
    text: str


class Append(t.NamedTuple):
    """Items were appended to a list; `text` is the list that the request saw."""

    texts: tuple[str, ...]
    text: str


class Change(t.NamedTuple):
    """A function was applied to the value, or to None if there was none.

    Attributes:
        function: From the text of the value to the text of the new one. It may be called again.
        base: The value that the request read.
        text: What the function returned for it.
    """

    function: Callable[[str | None], str]
    base: str | None
    text: str


class Several(t.NamedTuple):
    """One change after the other."""

    changes: tuple[KeyChange, ...]


class Moved(t.NamedTuple):
    """A value is kept elsewhere from now on, unless another request has changed it meanwhile.

    Attributes:
        base: The value that was moved, as the request read it.
        change: What the request changed of it, which is done to what is there otherwise; None for nothing.
    """

    base: str
    change: KeyChange | None = None


KeyChange: t.TypeAlias = Put | Drop | Add | Append | Change | Several | Moved


class Changes(t.NamedTuple):
    """What a request changed.

    Attributes:
        cleared: Whether everything was removed first, keys that the request never saw included.
        by_key: The changes of single keys.
    """

    cleared: bool = False
    by_key: Mapping[str, KeyChange] = MappingProxyType({})

    def __bool__(self) -> bool:
        return self.cleared or bool(self.by_key)


class Resolved(t.NamedTuple):
    """The text of a key after a change, None for no such key; and whether a change of another request was lost."""

    text: str | None
    conflict: bool = False


class Merged(t.NamedTuple):
    """A session after the changes of a request, and the keys in conflict."""

    data: Mapping[str, str]
    conflicts: tuple[str, ...]


def merge(now: Mapping[str, str], changes: Changes) -> Merged:
    """Apply the changes of a request to a session as it is now."""
    conflicts: list[str] = []
    if type(now) is Content and len(changes.by_key) < FEW and not changes.cleared:
        lines = now.lines
        for key, change in changes.by_key.items():
            # Most changes.
            changed = with_put(lines, key, change.base, change.text) if type(change) is Put else None
            if changed is None:
                text, conflict = resolve(change, text_in(lines, key))
                changed = with_text(lines, key, text)
                conflicts += [key] * conflict
            lines = changed
        return tuple.__new__(Merged, (Content(lines), tuple(conflicts)))
    data = {} if changes.cleared else dict(now)
    for key, change in changes.by_key.items():
        theirs = data.get(key)
        if type(change) is Put and change.base == theirs:
            # Most changes, and what `resolve` returns for them.
            data[key] = change.text
            continue
        text, conflict = resolve(change, theirs)
        if text is None:
            data.pop(key, None)
        else:
            data[key] = text
        if conflict:
            conflicts.append(key)
    return tuple.__new__(Merged, (data, tuple(conflicts)))


def lines_with(now: Content, changes: Changes) -> str | None:
    """Return what is stored of a session after changes that put values in place of those that are there.

    Returns:
        None if there are others, which `merge` makes.
    """
    lines: str | None = None if changes.cleared or len(changes.by_key) >= FEW else now.lines
    for key, change in changes.by_key.items():
        if type(change) is not Put or lines is None:
            return None
        lines = with_put(lines, key, change.base, change.text)
    return lines


def resolve(change: KeyChange, theirs: str | None) -> Resolved:
    """Apply the change of one key to the value that is there now.

    Args:
        change: The change.
        theirs: The text of the value; None if there is none.
    """
    if isinstance(change, (Several, Moved)):
        return _resolved_by_parts(change, theirs)
    if isinstance(change, Change):
        return Resolved(change.text if theirs == change.base else change.function(theirs))
    mine = None if isinstance(change, Drop) else change.text
    try:
        if isinstance(change, Put):
            return _put(change, theirs)
        if isinstance(change, Drop):
            return _dropped(change, theirs)
        if isinstance(change, Add):
            return _added(change, theirs)
        return _appended(change, theirs)
    except (ValueError, ArithmeticError, RecursionError):
        # No JSON, numbers without a sum, or values nested too deeply to be compared.
        return Resolved(mine, mine != theirs)


def resolve_all(changes: list[KeyChange], base: str | None, text: str) -> KeyChange | None:
    """Return one change that does the same as several; None if they do not make this text of the base."""
    change = changes[0] if len(changes) == 1 else Several(tuple(changes))
    result, _ = resolve(change, base)
    return change if result is not None and are_same(result, text) else None


def are_same(one: str, other: str) -> bool:
    """Return whether two texts, written by the same serializer, stand for the same value."""
    if one == other or one[:1] not in _OPENING:
        return one == other
    try:
        return _are_same(_read(one), _read(other))
    except (ValueError, RecursionError):
        return False


def _resolved_by_parts(change: Several | Moved, theirs: str | None) -> Resolved:
    if isinstance(change, Moved):
        if theirs is None or theirs == change.base:
            return Resolved(None)
        return Resolved(theirs) if change.change is None else resolve(change.change, theirs)
    conflict = False
    for one in change.changes:
        theirs, lost = resolve(one, theirs)
        conflict = conflict or lost
    return Resolved(theirs, conflict)


def _put(change: Put, theirs: str | None) -> Resolved:
    mine, base = change.text, change.base
    if theirs == base:
        return Resolved(mine)
    if theirs is None:
        inside = not change.assigned and base is not None and mine[:1] == base[:1] and mine[:1] in _OPENING
        return Resolved(None if inside else mine)
    if mine[:1] not in _OPENING or theirs[:1] != mine[:1]:
        return Resolved(mine, mine != theirs and not _are_same(_read(mine), _read(theirs)))
    value, conflict = _merged(_ABSENT if base is None else _read(base), _read(mine), _read(theirs))
    return Resolved(_written(value), conflict)


def _dropped(change: Drop, theirs: str | None) -> Resolved:
    if theirs is None or theirs == change.base or change.base is None or theirs[:1] != "[" != change.base[:1]:
        return Resolved(None)
    rest = _unseen(_read(change.base), _read(theirs))
    return Resolved(None if rest is _ABSENT else _written(rest))


def _added(change: Add, theirs: str | None) -> Resolved:
    value = 0 if theirs is None else _read(theirs)
    if type(value) not in _NUMBERS:
        return Resolved(change.text, conflict=True)
    return Resolved(_written(value + change.number))


def _appended(change: Append, theirs: str | None) -> Resolved:
    items = "" if theirs is None else theirs[1:-1].strip()
    if theirs is not None and theirs[:1] != "[":
        return Resolved(change.text, conflict=True)
    texts = (items, *change.texts) if items else change.texts
    return Resolved(f"[{','.join(texts)}]")


# --- values -----------------------------------------------------------------------------------------------------------

_ABSENT = object()
_OPENING = ("[", "{")
_NUMBERS = (int, float)


def _merged(base: object, mine: object, theirs: object) -> tuple[object, bool]:
    """Merge a value that was changed, or created, with the value that is there now.

    Returns:
        The value, and whether a change of the other request was lost.
    """
    if base is not _ABSENT and _are_same(base, theirs):
        return mine, False
    if type(mine) is list and type(theirs) is list:
        old = [] if base is _ABSENT else base
        if type(old) is list:
            return _merged_lists(old, mine, theirs)
    if _is_dict(mine) and _is_dict(theirs):
        old = {} if base is _ABSENT else base
        if _is_dict(old):
            merged, conflict = _merged_dicts(old, mine, theirs)
            # What is left must not read as a tagged value.
            return (merged, conflict) if _is_dict(merged) else (mine, True)
    return mine, not _are_same(mine, theirs)


def _merged_lists(base: list[object], mine: list[object], theirs: list[object]) -> tuple[list[object], bool]:
    if len(mine) > len(base) and _are_same(mine[: len(base)], base):
        return theirs + mine[len(base) :], False
    if not mine:
        return _without(theirs, base), False
    return mine, not _are_same(mine, theirs)


def _merged_dicts(
    base: dict[str, object], mine: dict[str, object], theirs: dict[str, object]
) -> tuple[dict[str, object], bool]:
    result, conflict = dict(theirs), False
    for key in {**base, **mine}:
        old, new, other = base.get(key, _ABSENT), mine.get(key, _ABSENT), theirs.get(key, _ABSENT)
        lost = False
        if new is _ABSENT:
            value = _unseen(old, other)
        elif old is not _ABSENT and _are_same(old, new):
            continue
        elif other is _ABSENT:
            # A change inside a value needs the value.
            inside = type(new) is type(old) is list or (_is_dict(new) and _is_dict(old))
            value = _ABSENT if inside else new
        else:
            value, lost = _merged(old, new, other)
        conflict = conflict or lost
        if value is _ABSENT:
            result.pop(key, None)
        else:
            result[key] = value
    return result, conflict


def _unseen(base: object, theirs: object) -> object:
    """Return what is left of a value after it was removed: the items of a list that were not seen."""
    if type(base) is list and type(theirs) is list:
        return _without(theirs, base) or _ABSENT
    return _ABSENT


def _without(items: list[object], taken: list[object]) -> list[object]:
    """Return a list without the items of another, each as often as it is there."""
    left = Counter(map(_canonical, taken))
    rest = []
    for item in items:
        text = _canonical(item)
        if left[text] > 0:
            left[text] -= 1
        else:
            rest.append(item)
    return rest


def _is_dict(value: object) -> t.TypeGuard[dict[str, object]]:
    """Return whether a value is a dictionary, and not a tagged value."""
    return type(value) is dict and not (len(value) == 1 and next(iter(value))[:1] == " ")


def _are_same(one: object, other: object) -> bool:
    return type(one) is type(other) and _canonical(one) == _canonical(other)


_read = json.JSONDecoder().decode
_canonical = json.JSONEncoder(sort_keys=True).encode
_written = json.JSONEncoder(separators=(",", ":")).encode
