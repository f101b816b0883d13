"""A function for each route with variables, which matches the paths of one rule and converts the values.

It is generated from the nodes of the index that lead to the rule, and returns what `Map.find` would, or None where that
has to be asked. It holds until the rules change.
"""

from __future__ import annotations

import typing as t

from werkzeug.routing import Rule as WerkzeugRule

from .index import Edge, Index, Node, split_path
from .rule import Converters
from .source import compiled

#: The rule, the view's arguments, and the view.
Matched = tuple[WerkzeugRule, dict[str, object], object]
#: Takes the parts of an ASCII path between its slashes, the empty one before the first too, and the method.
Route = t.Callable[[list[str], str], Matched | None]


#: The routes by their first part (None where it is a variable) and their number of parts.
Routes = dict[str | None, dict[int, tuple[Route, ...]]]
# How many functions there are for the same first part and number of parts.
_MOST_ROUTES = 4


def add_route(routes: Routes, index: Index, path: str, rule: WerkzeugRule, view: object) -> None:
    """Add the function for a rule that the index finds for a path, if it can have one."""
    made = route_of(index, path, rule, view)
    if made is not None:
        first, count, match = made
        # Other threads read them meanwhile.
        by_count = dict(routes.get(first, {}))
        others = by_count.get(count, ())
        if len(others) < _MOST_ROUTES:
            by_count[count] = (*others, match)
            routes[first] = by_count


def matched_by(routes: Routes, path: str, method: str) -> Matched | None:
    """Return the rule with variables that matches a path, the view's arguments and the view; None to ask the map."""
    if not path or not path.isascii():
        return None
    parts = path.split("/")
    count = len(parts)
    if count == 1:
        return None
    by_count = routes.get(parts[1]) or routes.get(None)
    if by_count is not None:
        for match in by_count.get(count, ()):
            found = match(parts, method)
            if found is not None:
                return found
    return None


def route_of(index: Index, path: str, rule: WerkzeugRule, view: object) -> tuple[str | None, int, Route] | None:
    """Return the function for a rule that the index finds for a path, with the first part and the number of parts.

    Returns:
        None if `Map.find` has to match the rule: it has defaults or a converter that takes slashes, or the conversion
        of a value may do more than return it.
    """
    steps = _steps(index, path)
    if steps is None:
        return None
    _, first_edge, first = steps[0]
    source = _RouteSource(view)
    for number, (node, edge, text) in enumerate(steps[:-1], 1):
        source.add_part(number, node, edge, text, is_last=number == len(steps) - 1)
    match = source.function(steps[-1][0], rule, len(steps))
    return None if match is None else (first if first_edge is None else None, len(steps), match)


def _steps(index: Index, path: str) -> list[tuple[Node, int | None, str]] | None:
    """Return the nodes that lead to a path, as `Index.walk` finds them.

    Returns:
        For each part the node, the number of the edge from it (None: the part is static) and the part; the node that
        the path ends at comes last. None where the rest of the path would be one part.
    """
    parts = split_path(path)
    if parts is None or not path.isascii():
        return None
    node = index.root
    steps: list[tuple[Node, int | None, str]] = []
    for part in parts:
        following = node.reached.get(part)
        number = None
        if following is None:
            if any(final for _, _, final, _ in node.edges):
                return None
            number = next((number for number, edge in enumerate(node.edges) if edge[0](part)), None)
            if number is None:
                return None
            following = node.edges[number][3]
        steps.append((node, number, part))
        node = following
    return [*steps, (node, None, "")]


class _RouteSource:
    """The source of one function, and what it refers to."""

    def __init__(self, view: object) -> None:
        self.names: dict[str, object] = {"view": view}
        self.refusals = ["p0"]
        self.values: list[str] = []

    def add_part(self, number: int, node: Node, edge: int | None, text: str, *, is_last: bool) -> None:
        """Add the conditions for one part of the path."""
        part = f"p{number}"
        if edge is None:
            self.refusals.append(f"{part} != {text!r}")
            return
        if number == 1 and not is_last:
            # Two slashes at the start.
            self.refusals.append(f"not {part}")
        if node.static:
            self.names[f"static{number}"] = node.static
            self.refusals.append(f"{part} in static{number}")
        for other, (test, _, _, _) in enumerate(node.edges[:edge]):
            self.names[f"test{number}_{other}"] = test
            self.refusals.append(f"test{number}_{other}({part})")
        self._add_test(number, part, node.edges[edge])

    def _add_test(self, number: int, part: str, edge: Edge) -> None:
        test, groups, _, _ = edge
        if groups is None:
            self.refusals.append(f"not {part}" if test is len else f"not {part}.isdecimal()")
            self.values.append(part)
        else:
            self.names[f"test{number}"] = test
            self.refusals.append(f"not (m{number} := test{number}({part}))")
            self.values += [f"m{number}[{group}]" for group in groups]

    def function(self, node: Node, rule: WerkzeugRule, count: int) -> Route | None:
        """Return the function for one of the rules that end at a node; None if it is not certain."""
        for other, certain, arguments, (converters, guards), _ in node.answers:
            is_certain = certain is True and other.methods is not None and not other.defaults
            plain = len(guards) == len(converters) and all(
                convert is None or convert is int for *_, convert in arguments
            )
            if not is_certain or not plain:
                return None
            if other is not rule:
                # Of several rules the first with the method matches.
                name = f"other{len(self.names)}"
                self.names[name] = other
                self.refusals.append(f"method in {name}.methods")
                continue
            if type(rule._converters) is not Converters or rule._converters != converters:
                return None
            self.names |= {"rule": rule, "converters": rule._converters}
            # The defaults of a blueprint are an empty dict, which may be filled.
            changes = ["rule._converters is not converters", "rule.defaults"]
            for number, (kind, stock, now, then) in enumerate(guards):
                self.names |= {f"kind{number}": kind, f"stock{number}": stock, f"now{number}": now}
                self.names[f"then{number}"] = then
                changes.append(f"kind{number}.to_python is not stock{number}")
                # Of the attributes of a converter that only returns the text nothing else counts.
                is_text = arguments[number][2] is None
                changes.append(f"'to_python' in now{number}" if is_text else f"now{number} != then{number}")
            items = [
                f"{name!r}: {self.values[place]}" if convert is None else f"{name!r}: int({self.values[place]})"
                for name, place, convert in arguments
            ]
            source = [
                "def match(parts, method):",
                f"    {', '.join(f'p{number}' for number in range(count))} = parts",
                f"    if {' or '.join(['method not in rule.methods', *self.refusals, *changes])}:",
                "        return None",
                "    try:",
                f"        return rule, {{{', '.join(items)}}}, view",
                "    except ValueError:",
                "        # More digits than Python reads.",
                "        return None",
            ]
            return t.cast("Route", compiled("match", f"route of {rule.rule!r}", "\n".join(source) + "\n", self.names))
        return None
