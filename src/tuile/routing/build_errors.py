"""Werkzeug's error for a URL that no rule can be written for: in fewer steps it finds the rule that may be meant."""

from __future__ import annotations

import typing as t

from werkzeug.routing import BuildError as WerkzeugBuildError

from ..invalidation import as_defined

if t.TYPE_CHECKING:
    from werkzeug.routing import MapAdapter
    from werkzeug.routing import Rule as WerkzeugRule

_constructor, _closest_rule = (as_defined(WerkzeugBuildError, name) for name in ("__init__", "closest_rule"))
# What the endpoint of a rule counts for, and the most that its values and methods do together, a bit rounded up.
_OF_ENDPOINT = 0.98
_OF_OTHERS = 0.0201


class BuildError(WerkzeugBuildError):
    """No rule of the endpoint takes the values."""

    def closest_rule(self, adapter: MapAdapter | None) -> WerkzeugRule | None:
        """Return the first of the rules that are most like what was asked for, as Werkzeug compares them."""
        rules = adapter.map._rules if adapter else None
        if not rules:
            return None
        wanted, texts = str(self.endpoint), [str(rule.endpoint) for rule in rules]
        if WerkzeugBuildError.closest_rule is not _closest_rule or {type(wanted), *map(type, texts)} != {str}:
            return super().closest_rule(adapter)
        likeness = _likeness(wanted, set(texts))
        given = set(self.values or ())

        def score(index: int) -> float:
            rule = rules[index]
            return sum(
                [
                    _OF_ENDPOINT * likeness[texts[index]],
                    0.01 * bool(given.issubset(rule.arguments)),
                    0.01 * bool(rule.methods and self.method in rule.methods),
                ]
            )

        return rules[max([index for index, text in enumerate(texts) if text in likeness], key=score)]

    def __reduce__(self) -> tuple[object, ...]:
        """Return how it is copied and pickled: as Werkzeug's error, whose name it has."""
        return WerkzeugBuildError, *super().__reduce__()[1:]


def build_error(
    endpoint: object, values: t.Mapping[str, object], method: str | None, adapter: MapAdapter | None
) -> BuildError:
    """Return the error, made without the calls of the constructors."""
    if WerkzeugBuildError.__init__ is not _constructor:
        return BuildError(endpoint, values, method, adapter)
    error = BuildError.__new__(BuildError, endpoint, values, method)
    error.__dict__ = {"endpoint": endpoint, "values": values, "method": method, "adapter": adapter}
    return error


def _likeness(wanted: str, texts: set[str]) -> dict[str, float]:
    """Return how like a text each of the others is; those are left out that others outdo in any case."""
    from difflib import SequenceMatcher  # noqa: PLC0415 - seldom needed, and Werkzeug has imported it

    counts = [(character, wanted.count(character)) for character in set(wanted)]
    # No text is more like another than the characters that both have allow.
    most = {text: _ratio(sum([min(text.count(one), count) for one, count in counts]), wanted, text) for text in texts}
    matcher = SequenceMatcher(None, "", wanted)
    likeness: dict[str, float] = {}
    best = 0.0
    for text in sorted(texts, key=most.__getitem__, reverse=True):
        if _OF_ENDPOINT * most[text] + _OF_OTHERS < best:
            break
        matcher.set_seq1(text)
        likeness[text] = ratio = matcher.ratio()
        best = max(best, _OF_ENDPOINT * ratio)
    return likeness


def _ratio(matches: int, one: str, other: str) -> float:
    length = len(one) + len(other)
    return 2.0 * matches / length if length else 1.0


# As it is shown, and as programs compare it by name.
BuildError.__module__ = WerkzeugBuildError.__module__
