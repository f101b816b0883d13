"""Parse the texts of rules, each once: applications that are made anew, as for each test, have the same rules.

Werkzeug parses. What it finds depends on the text and on what the converters say of themselves, and is remembered by
both. The converters themselves are made for each rule.
"""

from __future__ import annotations

import re
import typing as t
from contextlib import suppress
from functools import lru_cache
from itertools import repeat

from werkzeug.routing import Rule as WerkzeugRule
from werkzeug.routing.rules import RulePart, Weighting

from ..remember import LONGEST

if t.TYPE_CHECKING:
    from collections.abc import Iterator

# What is parsed of a converter: whether its values are within one segment, their pattern, and its weight.
_Facts = tuple[bool, str, int]
_Parsed = tuple[tuple[RulePart, ...], tuple[tuple[bool, str], ...]]
_Variable = tuple[str, str, tuple[object, ...], dict[str, object]]

_parse_rule = WerkzeugRule._parse_rule
_KINDS = (bool, str, int)
#: The part of a rule without a subdomain or host.
NO_DOMAIN = RulePart(content="", final=False, static=True, suffixed=False, weight=Weighting(0, [], 0, []))


class _Converter:
    """What Werkzeug reads of a converter while it parses."""

    def __init__(self, facts: _Facts) -> None:
        self.part_isolating, self.regex, self.weight = facts


class _Parser:
    """What Werkzeug's method for parsing uses of a rule. It notes which converters it is asked for."""

    def __init__(self, facts: Iterator[_Facts]) -> None:
        self._facts = facts
        self._trace: list[tuple[bool, str]] = []
        self._converters: dict[str, _Converter] = {}
        self.arguments: set[str] = set()
        self.asked: list[_Variable] = []

    def get_converter(self, *variable: object) -> _Converter:
        """Return one that says what is known of it.

        Raises:
            StopIteration: Nothing is known of it.
        """
        self.asked.append(t.cast("_Variable", variable))
        return _Converter(next(self._facts))

    def parse(self, text: str) -> _Parsed:
        """Return the parts and the trace of a rule."""
        parts = tuple(_parse_rule(t.cast("WerkzeugRule", self), text))
        return parts, tuple(self._trace)


@lru_cache(maxsize=1024)
def _variables_of(text: str) -> tuple[_Variable, ...]:
    parser = _Parser(repeat((True, "", 0)))
    parser.parse(text)
    return tuple(parser.asked)


def _parse(text: str, facts: tuple[_Facts, ...]) -> _Parsed:
    return _Parser(iter(facts)).parse(text)


_parse_once = lru_cache(maxsize=1024)(_parse)


def parse(rule: WerkzeugRule, text: str) -> t.Iterable[RulePart]:
    """Return the parts of a rule's text as `_parse_rule` yields them, and add to its trace and its converters.

    Args:
        rule: The rule, which is bound to a map.
        text: Its text, or that of its subdomain or host.
    """
    if len(text) > LONGEST or type(text) is not str:
        return rule._parse_rule(text)
    facts: list[_Facts] = []
    if "<" in text:
        try:
            variables = _variables_of(text)
        except Exception:  # noqa: BLE001 - it is raised again, or a converter's error before it
            return rule._parse_rule(text)
        try:
            for variable, name, args, kwargs in variables:
                converter = rule.get_converter(variable, name, args, {**kwargs})
                rule._converters[variable] = converter
                rule.arguments.add(variable)
                facts.append((converter.part_isolating, converter.regex, converter.weight))
        except Exception:
            _parse_until_error(rule, text, facts)
            raise
    parts, trace = (_parse_once if all(map(_is_key, facts)) else _parse)(text, tuple(facts))
    rule._trace += trace
    return parts


def _is_key(facts: _Facts) -> bool:
    """Return whether facts are remembered: no equal values of other types, and no pattern of a whole table."""
    return tuple(map(type, facts)) == _KINDS and len(facts[1]) <= LONGEST


def _parse_until_error(rule: WerkzeugRule, text: str, facts: list[_Facts]) -> None:
    """Leave a rule as Werkzeug leaves it when a converter cannot be made: with what is known up to there."""
    parser = _Parser(iter(facts))
    with suppress(RuntimeError):  # there are no facts left
        rule._parts.extend(_parse_rule(t.cast("WerkzeugRule", parser), text))
    rule._trace += parser._trace


def merged(text: str) -> str:
    """Return the text of a rule with one slash for several."""
    return re.sub("/{2,}", "/", text) if "//" in text else text
