"""What a client accepts: Werkzeug's classes, which remember what they found in the headers that browsers send."""

from __future__ import annotations

import typing as t
from functools import lru_cache

from werkzeug.datastructures import Accept, CharsetAccept, LanguageAccept, MIMEAccept
from werkzeug.http import parse_accept_header

from ..remember import LONGEST

if t.TYPE_CHECKING:
    from collections.abc import Iterable

AnyAccept = t.TypeVar("AnyAccept", bound=Accept)

# More choices are compared anew.
_MOST_CHOICES: t.Final = 32
# Browsers send few of these texts, and the same ones with each request.
_remembered_accept = lru_cache(maxsize=256)(parse_accept_header)


@lru_cache(maxsize=512)
def _best_place(kind: type[Accept], text: str, choices: tuple[str, ...]) -> int | None:
    """Return the place of the best of some choices; None if the client accepts none of them."""
    best = kind.best_match(_remembered_accept(text, kind), choices)
    return None if best is None else choices.index(best)


@lru_cache(maxsize=512)
def _quality(kind: type[Accept], text: str, choice: str) -> float:
    return kind.quality(_remembered_accept(text, kind), choice)


@lru_cache(maxsize=512)
def _is_accepted(kind: type[Accept], text: str, choice: str) -> bool:
    return kind.__contains__(_remembered_accept(text, kind), choice)


class _Remembers(Accept):
    """Methods that look at the header once for each question.

    Werkzeug's own are called for a header or a choice that is long, and for choices that are not plain texts.
    """

    _kind: t.ClassVar[type[Accept]]
    # The header; empty if nothing is to be remembered of it.
    _text = ""

    # For type checkers, the methods are Werkzeug's.
    if not t.TYPE_CHECKING:

        def best_match(self, matches: Iterable[str], default: str | None = None) -> str | None:
            """Return the best of some choices, or a default."""
            if not self._text or type(matches) not in {list, tuple} or len(matches) > _MOST_CHOICES:
                return super().best_match(matches, default)
            for choice in matches:
                if type(choice) is not str or len(choice) > LONGEST:
                    return super().best_match(matches, default)
            place = _best_place(self._kind, self._text, tuple(matches))
            return default if place is None else matches[place]

        def quality(self, key: str) -> float:
            """Return the quality of a choice; 0 if the client does not accept it."""
            if not self._text or type(key) is not str or len(key) > LONGEST:
                return super().quality(key)
            return _quality(self._kind, self._text, key)

        def __contains__(self, value: object) -> bool:
            if not self._text or type(value) is not str or len(value) > LONGEST:
                return super().__contains__(value)
            return _is_accepted(self._kind, self._text, value)

        def __reduce__(self) -> tuple[object, ...]:
            return self._kind, (list(self),)


def _class_for(kind: type[Accept]) -> type[_Remembers]:
    bases = (_Remembers,) if kind is Accept else (_Remembers, kind)
    # Werkzeug shows the name of the class.
    made = type(kind.__name__, bases, {"__module__": kind.__module__, "_kind": kind})
    return t.cast("type[_Remembers]", made)


_CLASSES = {kind: _class_for(kind) for kind in (Accept, CharsetAccept, LanguageAccept, MIMEAccept)}


def read_accept(text: str | None, kind: type[AnyAccept]) -> AnyAccept:
    """Return what a client accepts, of one of Werkzeug's classes or a subclass that does the same."""
    if not text or len(text) > LONGEST:
        return parse_accept_header(text, kind)
    accepted = _CLASSES[kind](_remembered_accept(text, kind))
    accepted._text = text
    # It is a subclass of `kind`.
    found: object = accepted
    return t.cast("AnyAccept", found)
