"""Count the sessions of an app that this process has ended, so that long-lived responses look at theirs at once."""

from __future__ import annotations

import typing as t
import weakref

if t.TYPE_CHECKING:
    from ..sansio.app import App

_counts: weakref.WeakKeyDictionary[App, int] = weakref.WeakKeyDictionary()


def note_ending(app: App) -> None:
    """Take note that a session, or several, have been ended here."""
    _counts[app] = _counts.get(app, 0) + 1


def count_endings(app: App) -> int:
    """Return how often that was noted."""
    return _counts.get(app, 0)
