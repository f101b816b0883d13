"""Search the states of Werkzeug's matcher for a path, as its own `match` does, without exceptions on the way.

For the requests that the index leaves: wrong methods, missing and repeated slashes, rules that are not strict about
them, defaults, subdomains and hosts.
"""

from __future__ import annotations

import re
import typing as t

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Rule as WerkzeugRule
from werkzeug.routing import ValidationError
from werkzeug.routing.exceptions import NoMatch

from ..lazy import lazy_pattern
from .index import TESTS, groups_of, is_stock

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from werkzeug.routing import Map as WerkzeugMap
    from werkzeug.routing.matcher import State
    from werkzeug.routing.rules import RulePart

# How a variable part is tested, and the groups of a match that have the values. Without a match object the part itself
# is the value.
Test = tuple["Callable[[str], object]", tuple[int, ...]]
Patterns = dict[tuple[str, bool], Test]
#: What `search` says of a path where only Werkzeug can tell: of WebSockets, aliases and redirects of other kinds.
UNSURE = object()
#: Says that a rule would match with one more slash.
SLASH = object()
# Rules of WebSockets are left to Werkzeug.
_NO_MISMATCH = False
_several_slashes = lazy_pattern("/{2,}")


class Moved:
    """The answer to a path that is right with one more slash, or with fewer."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path


class Elsewhere:
    """The answer to a path whose rule sends clients to another URL."""

    __slots__ = ("arguments", "rule")

    def __init__(self, rule: WerkzeugRule, arguments: dict[str, object]) -> None:
        self.rule = rule
        self.arguments = arguments


def search(
    url_map: WerkzeugMap,
    patterns: Patterns,
    domain: str,
    path: str,
    method: str,
    redirects: Callable[[WerkzeugRule], bool],
) -> object:
    """Return a rule with the view's arguments, a refusal, `Moved`, `Elsewhere` or `UNSURE` for a path.

    Args:
        url_map: The map, in order.
        patterns: The tests of variable parts that were needed before. There are at most as many as the rules have.
        domain: The subdomain, or the host where the map matches hosts.
        path: The decoded path, with one slash at its beginning, or nothing.
        method: The method, in capitals.
        redirects: Says whether a rule may lead to another URL here. Where it may not, no converter is asked.

    Raises:
        Exception: Whatever a converter raises, except `ValidationError` and HTTP exceptions.
    """
    return _searched(Search(method, patterns), url_map, domain, path, redirects)


def methods_passed(
    url_map: WerkzeugMap, patterns: Patterns, domain: str, path: str
) -> tuple[list[set[str]], list[set[str]]] | None:
    """Return the methods of the rules that match a path, in the order in which `search` passes them.

    Returns:
        The methods of these rules, and those of the rules that match with one more slash; None if only Werkzeug can
        tell.
    """
    look = Search("--", patterns)
    found = _searched(look, url_map, domain, path, never)
    return (look.passed, look.slashed) if isinstance(found, HTTPException) else None


def never(_: object) -> bool:
    """Say that no rule may lead to another URL."""
    return False


def may_ask(rule: WerkzeugRule) -> bool:
    """Return whether the converters of a rule may be asked once more, where it leads to another URL."""
    return rule.redirect_to is None and all(is_stock(converter) for converter in rule._converters.values())


def _searched(
    look: Search, url_map: WerkzeugMap, domain: str, path: str, redirects: Callable[[WerkzeugRule], bool]
) -> object:
    matcher = url_map._matcher
    found, path, is_merged = look.find(matcher._root, domain, path, merge_slashes=matcher.merge_slashes)
    if found is SLASH:
        return Moved(f"{path}/")
    if found is None:
        return look.refusal()
    if not isinstance(found, WerkzeugRule):
        return UNSURE
    if is_merged:
        return Moved(path) if found.merge_slashes is not False else look.refusal()
    if found.alias:
        return UNSURE
    if (found.redirect_to is not None or _has_rivals(url_map, found)) and not redirects(found):
        return UNSURE
    return look.hit(url_map, found)


def union(passed: Iterable[set[str]]) -> set[str]:
    """Return all methods in one set, which is made as Werkzeug makes it: their order depends on it."""
    methods: set[str] = set()
    for some in passed:
        methods.update(some)
    return methods


def refusal_of(passed: Iterable[set[str]]) -> HTTPException:
    """Return the refusal for a path that rules match with these other methods, or with none."""
    allowed = union(passed)
    refusal = MethodNotAllowed(valid_methods=list(allowed)) if allowed else NotFound()
    # As Werkzeug raises it; a debugger shows it.
    refusal.__context__ = NoMatch(allowed, _NO_MISMATCH)
    refusal.__suppress_context__ = True
    return refusal


def _has_rivals(url_map: WerkzeugMap, rule: WerkzeugRule) -> bool:
    """Return whether another rule of the same endpoint has defaults, and may be where a rule redirects to."""
    rules = url_map._rules_by_endpoint.get(rule.endpoint, ())
    return len(rules) > 1 and url_map.redirect_defaults and any(other.defaults for other in rules if other is not rule)


class Search:
    """One search, with what it has seen on the way."""

    __slots__ = ("_method", "_patterns", "_values", "passed", "slashed")

    def __init__(self, method: str, patterns: Patterns) -> None:
        self._method = method
        self._patterns = patterns
        # The values of the variable parts on the way.
        self._values: list[str] = []
        #: The methods of the rules that were passed because of theirs.
        self.passed: list[set[str]] = []
        #: The methods of the rules that were passed and would match with one more slash.
        self.slashed: list[set[str]] = []

    def refusal(self, cause: ValidationError | None = None) -> HTTPException:
        """Return the refusal for a path that no rule matches."""
        refusal = refusal_of(self.passed)
        if cause is not None:
            t.cast("NoMatch", refusal.__context__).__cause__ = cause
        return refusal

    def hit(self, url_map: WerkzeugMap, rule: WerkzeugRule) -> object:
        """Return a rule with the view's arguments, unless it redirects or a converter refuses a value."""
        try:
            arguments = self.arguments(rule)
        except ValidationError as error:
            return self.refusal(error.with_traceback(None))
        except HTTPException as refusal:
            return refusal
        if rule.redirect_to is not None or self._redirects(url_map, rule, arguments):
            return Elsewhere(rule, arguments)
        return rule, arguments

    def arguments(self, rule: WerkzeugRule) -> dict[str, object]:
        """Return the view's arguments for the rule that was found.

        Raises:
            Exception: Whatever a converter raises.
        """
        arguments: dict[str, object] = {}
        converters = rule._converters
        for name, value in zip(converters, self._values, strict=False):
            arguments[str(name)] = converters[name].to_python(value)
        if rule.defaults:
            arguments.update(rule.defaults)
        return arguments

    def _redirects(self, url_map: WerkzeugMap, rule: WerkzeugRule, arguments: dict[str, object]) -> bool:
        """Return whether a rule redirects to another one, which has the values as its defaults."""
        if url_map.redirect_defaults:
            for other in url_map._rules_by_endpoint.get(rule.endpoint, ()):
                if other is rule:
                    break
                if other.defaults and other.provides_defaults_for(rule) and other.suitable_for(arguments, self._method):
                    return True
        return False

    def find(self, root: State, domain: str, path: str, *, merge_slashes: bool) -> tuple[object, str, bool]:
        """Return what a path leads to: None, `SLASH`, `UNSURE` or a rule.

        Args:
            root: Where the matcher's states begin.
            domain: The subdomain or the host.
            path: The path.
            merge_slashes: Whether several slashes may stand for one.

        Returns:
            With the result, the path that leads to it, and whether its slashes were merged.
        """
        found = self._descend(root, [domain, *path.split("/")], 0)
        if found is not None or not merge_slashes:
            return found, path, False
        if "//" not in path:
            # Werkzeug looks a second time, and adds the methods once more: their order depends on it.
            self.passed *= 2
            return None, path, False
        path = _several_slashes.sub("/", path)
        return self._descend(root, [domain, *path.split("/")], 0), path, True

    def _descend(self, state: State, parts: list[str], position: int) -> object:
        """Return what the parts from a position on lead to: None, `SLASH`, `UNSURE` or a rule."""
        if position == len(parts):
            return self._end(state)
        part = parts[position]
        following = state.static.get(part)
        found: object = None
        if following is not None:
            found = self._descend(following, parts, position + 1)
        if found is None and state.dynamic:
            found = self._descend_variable(state, parts, position)
        if found is None and part == "" and position == len(parts) - 1:
            return self._first([rule for rule in state.rules if not rule.strict_slashes])
        return found

    def _descend_variable(self, state: State, parts: list[str], position: int) -> object:
        """Return what the variable parts at a state lead to."""
        for rule_part, following in state.dynamic:
            test = self._test(rule_part)
            if test is None:
                return UNSURE
            part = "/".join(parts[position:]) if rule_part.final else parts[position]
            match = test[0](part)
            if not match:
                continue
            count = len(self._values)
            if isinstance(match, re.Match):
                self._values += [match[group] for group in test[1]]
            else:
                self._values.append(part)
            if not rule_part.final:
                found = self._descend(following, parts, position + 1)
            else:
                # A slash at the end has a group of its own in the pattern.
                has_slash = rule_part.suffixed and isinstance(match, re.Match) and match.groups()[-1] == "/"
                found = self._descend(following, [""] if has_slash else [], 0)
            if found is not None:
                return found
            del self._values[count:]
        return None

    def _end(self, state: State) -> object:
        """Return the rule that ends at a state, or one slash further on."""
        found = self._first(state.rules)
        slashed = state.static.get("")
        if found is None and slashed is not None:
            for rule in slashed.rules:
                if rule.methods is None or self._method in rule.methods:
                    if rule.websocket:
                        return UNSURE
                    return SLASH if rule.strict_slashes else rule
                self.slashed.append(rule.methods)
        return found

    def _first(self, rules: list[WerkzeugRule]) -> object:
        """Return the first rule with the method."""
        for rule in rules:
            if rule.websocket:
                return UNSURE
            if rule.methods is None or self._method in rule.methods:
                return rule
            self.passed.append(rule.methods)
        return None

    def _test(self, rule_part: RulePart) -> Test | None:
        """Return how a variable part is tested, and remember it; None for a pattern that cannot be compiled."""
        content = rule_part.content
        key = content, rule_part.final
        test = self._patterns.get(key)
        if test is None:
            quick = None if rule_part.final else TESTS.get(content)
            try:
                pattern = re.compile(content)
            except re.error:
                # Werkzeug raises its error when such a URL is requested.
                return None
            test = (pattern.match, groups_of(pattern)) if quick is None else (quick, ())
            self._patterns[key] = test
        return test
