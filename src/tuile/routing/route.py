"""A function for each route with variables, which matches the paths of one rule and converts the values.

It is generated from the nodes of the index that lead to the rule, and returns what `Map.find` would, or None where that
has to be asked. It holds until the rules change.
"""

from __future__ import annotations

import typing as t

from werkzeug.routing import Rule as WerkzeugRule

from .index import Answer, Arguments, Edge, Index, Node, converted, decoded, split_path
from .rule import Converters
from .source import compiled

#: The rule, the view's arguments, and the view; or None, nothing, and the refusal of a value.
Matched = tuple[WerkzeugRule, dict[str, object], object] | tuple[None, dict[str, object], object]
_Known = t.TypeVar("_Known")
#: A rule without variables that has methods, and what is known of its view.
StaticRoute: t.TypeAlias = tuple[t.Any, _Known]
#: Takes the parts of a decoded path between its slashes, the empty one before the first too, and the method.
Route = t.Callable[[list[str], str], Matched | None]


#: The routes by their first part (None where it is a variable) and their number of parts (None where the last variable
#: takes any number).
Routes = dict[str | None, dict[int | None, tuple[Route, ...]]]
# How many functions are tried for a path.
_MOST_ROUTES = 4


def add_route(routes: Routes, index: Index, path: str, rule: WerkzeugRule, view: object) -> None:
    """Add the function for a rule that the index finds for a path, if it can have one."""
    made = _Source.of(index, path, rule, view)
    if made is not None:
        # Other threads read them meanwhile.
        by_count = dict(routes.get(made.first, {}))
        known = by_count.get(made.count, ())
        if len(known) == 1 and "chosen" in vars(known[0]):
            known = vars(known[0])["chosen"]
        known = (*known, made.route)
        by_count[made.count] = known if len(known) <= _MOST_ROUTES else (_chooser(known, made.count),)
        routes[made.first] = by_count


def matched_by(routes: Routes, path: str, method: str) -> Matched | None:
    """Return the rule with variables that matches a path, the view's arguments and the view; None to ask the map."""
    parts = (path if path.isascii() else decoded(path)).split("/")
    count = len(parts)
    if count == 1:
        return None
    by_count = routes.get(parts[1]) or routes.get(None)
    if by_count is not None:
        for match in by_count.get(count) or by_count.get(None, ()):
            found = match(parts, method)
            if found is not None:
                return found
    return None


def _chooser(known: tuple[Route, ...], count: int | None) -> Route:
    """Return a function that tries some of the routes: by the text of the part that tells most of them apart."""
    static: list[dict[int, str]] = [vars(route)["static"] for route in known]
    numbers = set() if count is None else {number for parts in static for number in parts}
    deciding = max(numbers, key=lambda number: len({parts.get(number) for parts in static}), default=0)
    some: dict[str | None, list[Route]] = {}
    for route, parts in zip(known, static, strict=True):
        some.setdefault(parts.get(deciding), []).append(route)
    others = some.pop(None, [])
    by_text = {text: (*routes, *others)[:_MOST_ROUTES] for text, routes in some.items() if text is not None}
    rest = tuple(others[:_MOST_ROUTES])

    def chosen(parts: list[str], method: str) -> Matched | None:
        for match in by_text.get(parts[deciding], rest):
            found = match(parts, method)
            if found is not None:
                return found
        return None

    vars(chosen)["chosen"] = known
    return chosen


def _steps(index: Index, path: str) -> list[tuple[Node, int | None, str]] | None:
    """Return the nodes that lead to a path, as `Index.walk` finds them.

    Returns:
        For each part the node, the number of the edge from it (None: the part is static) and the part; the node that
        the path ends at comes last.
    """
    parts = split_path(path)
    if parts is None:
        return None
    node = index.root
    steps: list[tuple[Node, int | None, str]] = []
    for position, part in enumerate(parts):
        following = node.reached.get(part)
        number = None
        if following is None:
            rest = "/".join(parts[position:])
            number = next(
                (number for number, edge in enumerate(node.edges) if edge[0](rest if edge[2] else part)), None
            )
            if number is None:
                return None
            following = node.edges[number][3]
        steps.append((node, number, part))
        if number is not None and node.edges[number][2]:
            node = following
            break
        node = following
    return [*steps, (node, None, "")]


def _rivals(rule: WerkzeugRule) -> list[t.Mapping[str, object]]:
    """Return the defaults of the other rules that a rule may redirect to, if these are what a path has."""
    others: t.Iterable[WerkzeugRule] = rule.map._rules_by_endpoint.get(rule.endpoint, ())
    return [
        other.defaults for other in others if other is not rule and other.defaults and other.arguments == rule.arguments
    ]


def _only_defaults_decide(rule: WerkzeugRule, arguments: Arguments, rivals: list[t.Mapping[str, object]]) -> bool:
    """Return whether a rule leads nowhere else where a path does not have the defaults of its rivals."""
    names = {name for name, _, _ in arguments}
    are_stock = all(convert is None or isinstance(convert, type) for _, _, convert in arguments)
    return are_stock and not rule.alias and rule.redirect_to is None and all(names.issuperset(one) for one in rivals)


class _Source:
    """The source of one function, and what it refers to.

    Attributes:
        route: The function.
        first: The first part of its paths; None if that is variable.
        count: The number of their parts; None if the last variable takes any number.
        static: The parts that are not variable, by their number.
    """

    route: Route

    def __init__(self, view: object) -> None:
        self.static: dict[int, str] = {}
        self.count: int | None = None
        self._names: dict[str, object] = {"view": view}
        self._refusals = ["p0"]
        self._values: list[str] = []
        self._takes_rest = False

    @classmethod
    def of(cls, index: Index, path: str, rule: WerkzeugRule, view: object) -> _Source | None:
        """Return the function for a rule that the index finds for a path.

        Returns:
            None if `Map.find` has to match the rule: only Werkzeug can tell, or it was changed meanwhile.
        """
        steps = _steps(index, path)
        if steps is None:
            return None
        source = cls(view)
        for number, (node, edge, text) in enumerate(steps[:-1], 1):
            source._add_part(number, node, edge, text, is_last=number == len(steps) - 1)
        match = source._function(steps[-1][0], rule, len(steps))
        if match is None:
            return None
        vars(match)["static"] = source.static
        source.route = match
        if not source._takes_rest:
            source.count = len(steps)
        return source

    @property
    def first(self) -> str | None:
        return self.static.get(1)

    def _add_part(self, number: int, node: Node, edge: int | None, text: str, *, is_last: bool) -> None:
        """Add the conditions for one part of the path."""
        part = f"p{number}"
        if edge is None:
            self.static[number] = text
            self._refusals.append(f"{part} != {text!r}")
            return
        takes_rest = node.edges[edge][2]
        if number == 1 and (takes_rest or not is_last):
            # Two slashes at the start.
            self._refusals.append("not p1 and len(parts) > 2" if takes_rest else "not p1")
        if node.static:
            self._names[f"static{number}"] = node.static
            self._refusals.append(f"{part} in static{number}")
        for other, (test, _, is_final, _) in enumerate(node.edges[:edge]):
            self._names[f"test{number}_{other}"] = test
            # The rest from here; `rest` is that from the rule's own last variable.
            text = f"'/'.join(parts[{number}:])" if is_final else part
            self._refusals.append(f"test{number}_{other}({text})")
        if takes_rest:
            self._takes_rest, part = True, "rest"
        self._add_test(number, part, node.edges[edge])

    def _add_test(self, number: int, part: str, edge: Edge) -> None:
        test, groups, _, _ = edge
        self._names[f"test{number}"] = test
        if groups is None:
            plain = {len: f"not {part}", str.isdecimal: f"not {part}.isdecimal()"}
            self._refusals.append(plain.get(test, f"not test{number}({part})"))
            self._values.append(part)
        else:
            self._refusals.append(f"not (m{number} := test{number}({part}))")
            self._values += [f"m{number}[{group}]" for group in groups]

    def _function(self, node: Node, rule: WerkzeugRule, count: int) -> Route | None:
        """Return the function for one of the rules that end at a node; None if it is not certain."""
        for answer in node.answers:
            other = answer[0]
            if other is rule:
                return self._compiled(answer, count)
            if other.methods is None:
                return None
            # Of several rules the first with the method matches.
            name = f"other{len(self._names)}"
            self._names[name] = other
            self._refusals.append(f"method in {name}.methods")
        return None

    def _compiled(self, answer: Answer, count: int) -> Route | None:
        rule, certain, arguments, (converters, guards), _ = answer
        rivals = [] if certain else _rivals(rule)
        if certain is None or rule.methods is None or not (certain or _only_defaults_decide(rule, arguments, rivals)):
            return None
        if type(rule._converters) is not Converters or rule._converters != converters:
            return None
        self._names |= {"rule": rule, "converters": rule._converters}
        # The defaults of a blueprint are an empty dict, which may be filled.
        changes = ["rule._converters is not converters", *(() if rule.defaults else ("rule.defaults",))]
        for number, (kind, stock, now, then) in enumerate(guards):
            self._names |= {f"kind{number}": kind, f"stock{number}": stock, f"now{number}": now, f"then{number}": then}
            changes.append(f"kind{number}.to_python is not stock{number}")
            # The attributes of a number's converter are its limits.
            is_number = hasattr(kind, "num_convert")
            changes.append(f"now{number} != then{number}" if is_number else f"'to_python' in now{number}")
        for number, defaults in enumerate(rivals):
            self._names |= {f"defaults{number}": defaults, f"copy{number}": dict(defaults)}
            changes.append(f"defaults{number} != copy{number}")
        lines = [f"    if {' or '.join(['method not in rule.methods', *self._refusals, *changes])}:"]
        lines += ["        return None", *self._converting(answer, rivals)]
        head = f"    {', '.join(f'p{number}' for number in range(count))} = parts"
        if self._takes_rest:
            last = count - 1
            lines = [
                f"    if len(parts) < {count}:",
                "        return None",
                f"    {', '.join(f'p{number}' for number in range(count))} = parts[:{count}]",
                f"    rest = '/'.join(parts[{last}:]) if len(parts) > {count} else p{last}",
                *lines,
            ]
        else:
            lines = [head, *lines]
        source = "\n".join(["def match(parts, method):", *lines, ""])
        return t.cast("Route", compiled("match", f"route of {rule.rule!r}", source, self._names))

    def _converting(self, answer: Answer, rivals: list[t.Mapping[str, object]]) -> list[str]:
        """Return the lines that convert the values and return the result, unless they are the defaults of a rival."""
        rule, _, arguments, _, rules = answer
        if any(convert is not None and not isinstance(convert, type) for *_, convert in arguments):
            # A converter that is asked must not be asked again.
            self._names |= {"arguments": arguments, "converted": converted, "rules": rules}
            values = "".join(f"{value}, " for value in self._values)
            return [
                f"    found, given = converted(rule, arguments, ({values}), rules, method)",
                "    return (None, {}, given) if found is None else (rule, given, view)",
            ]
        items = []
        for number, (name, place, convert) in enumerate(arguments):
            self._names[f"convert{number}"] = convert
            value = self._values[place]
            items.append(f"{name!r}: {value if convert is None else f'convert{number}({value})'}")
        if rule.defaults:
            items.append("**(rule.defaults or {})")
        lines = [f"return rule, {{{', '.join(items)}}}, view"]
        if rivals:
            lines = [f"found = {{{', '.join(items)}}}"]
            for number, defaults in enumerate(rivals):
                differ = " or ".join(f"copy{number}[{name!r}] != found[{name!r}]" for name in defaults)
                lines += [f"if not ({differ}):", "    return None"]
            lines.append("return rule, found, view")
        if any(convert is int for *_, convert in arguments):
            # More digits than Python reads.
            lines = ["try:", f"    {lines[0]}", "except ValueError:", "    return None", *lines[1:]]
        return [f"    {line}" for line in lines]
