"""An index of the rules of a map, for fast matching of paths.

It returns a result only if Werkzeug's matcher certainly returns the same, and None otherwise.
"""

from __future__ import annotations

import re
import typing as t
from collections import Counter
from copy import copy
from uuid import UUID

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import (
    BaseConverter,
    FloatConverter,
    IntegerConverter,
    UUIDConverter,
    ValidationError,
    WebsocketMismatch,
)
from werkzeug.routing import Map as WerkzeugMap
from werkzeug.routing import Rule as WerkzeugRule
from werkzeug.routing.converters import NumberConverter

from ..invalidation import as_defined
from .rule import Guard, Rule, guard_of

if t.TYPE_CHECKING:
    from werkzeug.routing.matcher import State

    from .route import Routes

# The prefix of the group names in Werkzeug's patterns; the number of the converter follows.
_GROUP = "__werkzeug_"
#: A rule with the view's arguments, or the error of a request that no rule answers.
Found = tuple[WerkzeugRule, dict[str, t.Any]] | tuple[None, HTTPException]
Conversion = type[int | float | UUID] | BaseConverter | None
# The view's arguments: the name, the index of the value in the path, and the conversion if there is one.
Arguments = tuple[tuple[str, int, Conversion], ...]
# The conditions under which the conversions of a rule are skipped or inlined.
Guards = tuple[dict[str, BaseConverter], tuple[Guard, ...]]
# One rule at the end of a path: the rule, whether a match is certain (None: check the rule), the view's arguments, the
# guards of their conversions, and all rules that end here. Plain tuples unpack faster than named ones.
Answer = tuple[WerkzeugRule, bool | None, Arguments, Guards, list[WerkzeugRule]]
# The methods that a path is answered with: the sets of the rules, each with a copy to compare it with; those of the
# rules that end one slash further on; the methods in the order of Werkzeug's refusal; and the sets in the order in
# which it adds them.
Allowed = tuple[tuple[tuple[set[str], frozenset[str]], ...], tuple[set[str], ...], list[str], tuple[set[str], ...]]
# One variable part of a path: its test, the groups of the match with the values (None: the part itself is the value),
# whether it matches the whole rest of the path, and the next node.
Edge = tuple[t.Callable[[str], t.Any], tuple[int, ...] | None, bool, "Node"]
# Faster equivalents of the patterns of `<name>` and `<int:name>` for text without a slash. `\\d` and `isdecimal` accept
# the same characters.
TESTS: dict[str, t.Callable[[str], object]] = {
    rf"(?P<{_GROUP}0>[^/]{{1,}})\Z": len,
    rf"(?P<{_GROUP}0>\d+)\Z": str.isdecimal,
}
# The pattern of `<path:name>`.
_PATH = rf"(?P<{_GROUP}0>[^/].*?)\Z"
# What the converters of Werkzeug make of a text that matches, and their methods, unless these were replaced before.
_TYPES: dict[type[BaseConverter], type[int | float | UUID]] = {
    IntegerConverter: int,
    FloatConverter: float,
    UUIDConverter: UUID,
}
_CONVERTERS: list[type[BaseConverter]] = [BaseConverter, *_TYPES]
_STOCK = {kind: as_defined(kind, "to_python") for kind in _CONVERTERS}


class Node:
    """A node of the tree: the parts of a path that may follow, and the rules that end here."""

    __slots__ = ("answers", "certain", "edges", "ends", "reached", "slashed", "static")

    def __init__(self, static: dict[str, State]) -> None:
        # Werkzeug's own dictionary, which may grow while a request reads it.
        self.static = static
        # The nodes of the parts that have been requested.
        self.reached: dict[str, Node] = {}
        self.edges: list[Edge] = []
        self.answers: list[Answer] = []
        # Whether any rule ends here or one slash further on, including rules for websockets.
        self.ends = False
        # The rules that end one slash further on.
        self.slashed: list[WerkzeugRule] = []
        # False if the index does not support one of the variable parts.
        self.certain = True


class Index:
    """The rules of one map as a dictionary of static paths and a tree of the others.

    It reproduces the first descent of Werkzeug's matcher (static before variable, variables by weight). If that descent
    fails for a path, Werkzeug decides. A node is created when a request first reaches it.

    Args:
        url_map: The map.
        websockets: Whether its rules for WebSockets are found, and not the others.
    """

    __slots__ = (
        "_foreign",
        "_with_defaults",
        "allowed",
        "domain",
        "has_foreign",
        "knows_all",
        "root",
        "routes",
        "static",
        "uses",
        "websockets",
    )

    def __init__(self, url_map: WerkzeugMap, *, websockets: bool = False) -> None:
        self.websockets = websockets
        # The number of rules with defaults for each endpoint and its arguments. Other rules may redirect to them.
        rules = url_map._rules
        self._with_defaults = Counter(_purpose(rule) for rule in rules if rule.defaults)
        # The endpoints with rules whose changes are not detected.
        self._foreign = {rule.endpoint for rule in rules if type(rule) is not Rule}
        self.has_foreign = bool(self._foreign)
        self.static: dict[str, list[Answer]] = {}
        # The methods of paths without variables, which `refusals` fills. There are at most as many as above.
        self.allowed: dict[str, Allowed] = {}
        # The functions for rules that adapters have matched often (`route`), and how often they have matched each.
        self.routes: Routes = {}
        self.uses: dict[int, int] = {}
        # The subdomain or host; where it has variables, the one that was requested first.
        self.domain: str = url_map.default_subdomain or ""
        # Whether there are no rules for subdomains that could match other paths.
        self.knows_all = not url_map._matcher._root.dynamic
        domain = None
        if not url_map.host_matching and not url_map.default_subdomain:
            domain = url_map._matcher._root.static.get("")
        start = None if domain is None else domain.static.get("")
        if start is None:
            self.root = Node({})
            self.root.certain = False
        else:
            self.root = self._copy(start)

    def within(self, state: State, domain: str, *, knows_all: bool) -> Index:
        """Return the index of the rules for a subdomain or a host.

        Args:
            state: The state of Werkzeug's matcher after the domain.
            domain: The domain.
            knows_all: Whether no rules for other domains could match.
        """
        index = copy(self)
        index.static, index.allowed, index.routes, index.uses = {}, {}, {}, {}
        index.domain, index.knows_all = domain, knows_all
        start = state.static.get("")
        index.root = Node({})
        if start is None:
            index.root.certain = False
        else:
            index.root = self._copy(start)
        return index

    def walk(self, path: str, parts: list[str], values: list[str]) -> Node | None:  # noqa: C901 - each request calls it
        """Find the node of the rules for a path, given its parts too, and append the values of its variables."""
        node = self.root
        for position, part in enumerate(parts):
            following = node.reached.get(part)
            if following is None and part in node.static:
                following = self._reach(node, part)
            if following is not None:
                node = following
                continue
            if not node.certain:
                return None
            for test, groups, final, following in node.edges:  # noqa: B007 - read after the loop
                text = "/".join(parts[position:]) if final else part
                matched = test(text)
                if matched:
                    break
            else:
                return None
            if groups is None:
                values.append(text)
            else:
                values += [matched[group] for group in groups]
            node = following
            if final:
                break
        if not values and node.answers:
            # Bounded: there is one such path per rule without variables.
            self.static[path] = node.answers
        return node

    def misses(self, parts: list[str]) -> bool:
        """Return whether certainly no rule matches a path, for any method, with or without a trailing slash."""
        return self.knows_all and "" not in parts[:-1] and self._misses(self.root, parts, 0)

    def _misses(self, node: Node, parts: list[str], position: int) -> bool:
        """Return whether no branch of the tree below a node reaches a rule with the parts from `position` on.

        It tries every branch that Werkzeug's matcher might try, with one slash more or less at the end.
        """
        if node.ends and position >= len(parts) - (not parts[-1]):
            return False
        if position == len(parts):
            return True
        part = parts[position]
        if not node.certain or (part in node.static and not self._misses(self._reach(node, part), parts, position + 1)):
            return False
        for test, _, final, following in node.edges:
            if final:
                if test("/".join(parts[position:])):
                    return False
            elif test(part) and not self._misses(following, parts, position + 1):
                return False
        return True

    def _reach(self, node: Node, part: str) -> Node:
        """Return the node that a static part leads to."""
        following = node.reached.get(part)
        if following is None:
            following = node.reached[part] = self._copy(node.static[part])
        return following

    def _copy(self, state: State) -> Node:
        """Copy a state of Werkzeug's matcher, and what follows its variable parts, into a node."""
        node = Node(state.static)
        # A copy, because other threads may add to Werkzeug's lists.
        rules = list(state.rules)
        node.answers = [self._answer(rule, rules) for rule in rules if rule.websocket == self.websockets]
        slashed = state.static.get("")
        node.slashed = [] if slashed is None else list(slashed.rules)
        node.ends = bool(rules or node.slashed)
        self._add_loose(node, state, rules)
        for rule_part, following in list(state.dynamic):
            test = (
                TESTS.get(rule_part.content) if not rule_part.final else is_path if rule_part.content == _PATH else None
            )
            groups = None
            if test is None:
                try:
                    pattern = re.compile(rule_part.content)
                except re.error:
                    # Werkzeug raises its error when such a URL is requested.
                    node.certain = False
                    break
                test, groups = pattern.match, groups_of(pattern)
            if rule_part.suffixed:
                node.certain = False
                break
            node.edges.append((test, groups, rule_part.final, self._copy(following)))
        return node

    def _add_loose(self, node: Node, state: State, rules: list[WerkzeugRule]) -> None:
        """Add the rules of a state that match with one slash more or less, as they are not strict about it."""
        for rule in node.slashed:
            if rule.strict_slashes or type(rule) is not Rule:
                break
            if rule.websocket == self.websockets:
                node.answers.append(self._answer(rule, rules))
        loose = [rule for rule in rules if not rule.strict_slashes]
        if loose and "" not in state.static and not state.dynamic and all(type(rule) is Rule for rule in rules):
            node.reached[""] = following = Node({})
            following.answers = [self._answer(rule, loose) for rule in loose if rule.websocket == self.websockets]
            following.ends = True

    def _answer(self, rule: WerkzeugRule, rules: list[WerkzeugRule]) -> Answer:
        certain = None
        if rule.endpoint not in self._foreign:
            rivals = self._with_defaults[_purpose(rule)] - bool(rule.defaults)
            certain = not (rule.alias or rule.redirect_to is not None or rivals)
        converters = rule._converters
        guards = [guard for converter in converters.values() if (guard := guard_of(converter, "to_python"))]
        arguments = tuple(
            (name, place, _conversion(converter)) for place, (name, converter) in enumerate(converters.items())
        )
        return rule, certain, arguments, (dict(converters), tuple(guards)), rules


def split_path(path: str) -> list[str] | None:
    """Split a path (latin-1) at its slashes and decode the parts (UTF-8); None to leave it to Werkzeug."""
    parts = (path if path.isascii() else decoded(path)).split("/")
    return None if parts.pop(0) or not parts or (not parts[0] and len(parts) > 1) else parts


def _purpose(rule: WerkzeugRule) -> tuple[object, frozenset[str]]:
    return rule.endpoint, frozenset(rule.arguments)


def decoded(path: str) -> str:
    """Return the path from the server (latin-1), decoded as UTF-8; "", which no rule matches, if it is not UTF-8."""
    try:
        return path.encode("latin1").decode()
    except UnicodeError:
        return ""


def groups_of(pattern: re.Pattern[str]) -> tuple[int, ...]:
    """Return the numbers of the groups that hold converter values, in the order of the converters."""
    numbered = [
        (int(name.removeprefix(_GROUP)), index) for name, index in pattern.groupindex.items() if name.startswith(_GROUP)
    ]
    return tuple(index for _, index in sorted(numbered))


def is_path(text: str) -> bool:
    """Return whether a text matches the pattern of `<path:name>`."""
    return text[:1] not in {"", "/"} and "\n" not in text[1:]


def _conversion(converter: BaseConverter) -> Conversion:
    """Return how a value is converted: None keeps the text, a type is called, else the converter."""
    if guard_of(converter, "to_python") is None:
        return converter
    kind = type(converter)
    if kind.to_python is _STOCK[BaseConverter]:
        return None
    if _STOCK.get(kind) is not kind.to_python:
        return converter
    if isinstance(converter, NumberConverter) and not (
        converter.min is None and converter.max is None and not converter.fixed_digits
    ):
        return converter
    return _TYPES[kind]


def is_stock(converter: BaseConverter) -> bool:
    """Return whether a converter does nothing but what Werkzeug's own do, so that it may be asked again."""
    guard = guard_of(converter, "to_python")
    return guard is not None and guard[1] in _STOCK.values()


def converted(
    rule: WerkzeugRule, arguments: Arguments, values: t.Sequence[str], rules: list[WerkzeugRule], method: str
) -> Found:
    """Return a rule with the view's arguments, or the error for a value that a converter rejects."""
    found: dict[str, object] = {}
    convert: Conversion = None
    try:
        for name, place, convert in arguments:
            if convert is None:
                found[name] = values[place]
            elif isinstance(convert, type):
                found[name] = convert(values[place])
            else:
                # Looked up each time, because the method may be replaced.
                found[name] = convert.to_python(values[place])
    except ValueError as error:
        # `int` rejects numbers with too many digits.
        if convert is not int and not isinstance(error, ValidationError):
            raise
        return None, _refusal(rule, rules, method)
    except HTTPException as refusal:
        return None, refusal
    if rule.defaults:
        found.update(rule.defaults)
    return rule, found


def _refusal(rule: WerkzeugRule, rules: list[WerkzeugRule], method: str) -> HTTPException:
    """Return Werkzeug's error for a path if the converter of the first rule with the method rejects a value."""
    methods: set[str] = set()
    mismatch = False
    for earlier in rules:
        if earlier is rule:
            break
        if earlier.methods is not None and method not in earlier.methods:
            methods.update(earlier.methods)
        else:
            mismatch = True
    if methods:
        return MethodNotAllowed(valid_methods=list(methods))
    return WebsocketMismatch() if mismatch else NotFound()
