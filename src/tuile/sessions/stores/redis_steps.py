"""What the script of the Redis store has to do for the changes of a request, if others have saved meanwhile."""

from __future__ import annotations

import typing as t

from ..changes import Add, Append, Drop, Put, resolve
from ..content import on_one_line, quoted_key
from .redis_records import quoted

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from ..changes import KeyChange

_OPENING = ("[", "{")


def step_for(key: str, change: KeyChange, seen: Mapping[str, str | None], strict: bool, conflicts: list[str]) -> str:
    """Return what the script has to do for a change, as JSON.

    Args:
        key: The key that is changed.
        change: Its change.
        seen: What was there, for keys whose change the script could not make.
        strict: Whether a conflict keeps changes from being saved.
        conflicts: The keys in conflict; this one is added if another change is lost.
    """
    if key in seen:
        text, is_conflict = resolve(change, seen[key])
        if is_conflict:
            conflicts.append(key)
        return _expecting(key, seen[key], text)
    base = change.base if isinstance(change, (Put, Drop)) else None
    is_plain = base is None or base[:1] not in _OPENING
    if type(change) is Put and is_plain and change.text[:1] not in _OPENING and not strict:
        return _as_json("set", key, change.text, base)
    if isinstance(change, Add) and type(change.number) is int and abs(change.number) < 2**50:
        return _as_json("add", key, str(change.number), None)
    if isinstance(change, Append):
        return _as_json("append", key, ",".join(change.texts), None)
    if isinstance(change, Drop) and is_plain:
        return _as_json("drop", key, "", None)
    list_step = _list_step(key, change)
    if list_step is not None:
        return list_step
    # Made of what the request has read; the script says if that is not there any more.
    base = getattr(change, "base", None)
    text, is_conflict = resolve(change, base)
    if is_conflict:
        conflicts.append(key)
    return _expecting(key, base, text)


def _list_step(key: str, change: KeyChange) -> str | None:
    """Return what the script has to do if items of a list were appended or all taken; None if it is something else."""
    if not isinstance(change, Put):
        return None
    text, base = change.text, change.base
    if base is None or not base[:1] == text[:1] == "[":
        return None
    if text == "[]":
        return _as_json("take", key, "", base)
    # The same items are the same JSON, so a longer list begins as the shorter one does.
    extends = text.startswith(f"{base[:-1]}," if len(base) > 2 else "[")
    return _as_json("extend", key, text, base) if extends else None


def _expecting(key: str, expected: str | None, text: str | None) -> str:
    return _as_json("put" if text is not None else "remove", key, text or "", expected)


def _as_json(kind: str, key: str, text: str, base: str | None) -> str:
    # The key as it is in the content, which is JSON already.
    expected = "null" if base is None else quoted(on_one_line(base))
    return f'["{kind}",{quoted(quoted_key(key))},{quoted(on_one_line(text))},{expected}]'
