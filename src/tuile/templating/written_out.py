"""Filters and tests of Jinja's that are written out in the code of templates, for the values that they mostly get.

What is written asks first whether the function is still Jinja's and whether the value is of the usual kind, such as a
text of exactly `str`. Whatever else comes is given to the function.
"""

from __future__ import annotations

import re
from types import GeneratorType
from typing import TYPE_CHECKING, NamedTuple, cast

from jinja2 import filters, nodes, tests
from jinja2.runtime import Undefined, markup_join
from markupsafe import soft_str

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from jinja2.compiler import Frame

# Where the filter `title` begins a word and a space does not, and letters whose capital ones are not simple.
_is_other = re.compile(r"[^ -~]|[-({\[<]").search
# What is joined as it is written.
_PLAIN = frozenset({str, int, float, bool, type(None)})
_join_markup: Callable[[Iterable[object]], str] = markup_join
_SIMPLE = (nodes.Const, nodes.Name)
# Python reads 200 parentheses within each other; an expression that is written out has up to three, and what escapes it
# three more.
_DEEPEST = 60


class WrittenOut(NamedTuple):
    """A filter or a test that is written out.

    Attributes:
        function: Jinja's function.
        condition: What must be true for the value, named `{v}`, which is assigned where `{x}` stands.
        result: What it comes to then; `{0}` and `{1}` are its arguments.
        arguments: The types of its arguments, which are constants.
        hides_undefined: Whether it returns the same for anything that is undefined.
    """

    function: Callable[..., object]
    condition: str
    result: str
    arguments: tuple[type, ...] = ()
    hides_undefined: bool = False

    @property
    def name(self) -> str:
        """The name of the function in the code of templates."""
        return f"jinjas_{self.function.__name__}"

    def takes(self, node: nodes._FilterTestCommon) -> bool:
        """Return whether the arguments of a call are those that are written out."""
        given = [argument.value if isinstance(argument, nodes.Const) else argument for argument in node.args]
        has_others = bool(node.kwargs) or node.dyn_args is not None or node.dyn_kwargs is not None
        return not has_others and tuple(map(type, given)) == self.arguments

    def result_for(self, node: nodes._FilterTestCommon, value: str) -> str:
        """Return the result of a call for a value."""
        return self.result.format(*(repr(argument.as_const()) for argument in node.args), v=value)


def takes_simple(node: nodes.Filter) -> bool:
    """Return whether all arguments of a filter are names, constants, or attributes of those, so that they are short."""
    return (
        bool(node.args)
        and not (node.kwargs or node.dyn_args or node.dyn_kwargs)
        and all(
            isinstance(argument.node if isinstance(argument, nodes.Getattr) else argument, _SIMPLE)
            for argument in node.args
        )
    )


def nodes_of(template: nodes.Template) -> Mapping[type[nodes.Node], Sequence[nodes.Node]] | None:
    """Return the nodes of a template by their classes, which nobody can derive from.

    None if expressions are nested so deep that Python could not read what is written out for them.
    """
    found: dict[type[nodes.Node], list[nodes.Node]] = {}
    rest: list[tuple[nodes.Node, int]] = [(template, 0)]
    while rest:
        node, depth = rest.pop()
        if depth > _DEEPEST:
            return None
        for name in node.fields:
            value = getattr(node, name, None)
            for child in value if isinstance(value, list) else (value,):
                if isinstance(child, nodes.Node):
                    rest.append((child, depth + 1 if isinstance(child, nodes.Expr) else 0))
                    found.setdefault(type(child), []).append(child)
    return found


def tested(found: Mapping[type[nodes.Node], Sequence[nodes.Node]]) -> Iterator[nodes.Name | nodes.Getattr]:
    """Yield the names and attributes of which only the truth matters, of the nodes of a template by their classes."""
    rest = [cast("nodes.If", branch).test for kind in (nodes.If, nodes.CondExpr) for branch in found.get(kind, ())]
    rest += [cast("nodes.Not", negated).node for negated in found.get(nodes.Not, ())]
    while rest:
        node = rest.pop()
        if isinstance(node, (nodes.Name, nodes.Getattr)):
            yield node
        elif isinstance(node, (nodes.And, nodes.Or)):
            rest += [node.left, node.right]


def item_or_nothing(obj: Mapping[str, object], name: str) -> object:
    """Return an item of an object that has no attribute of its name, else what is undefined and of no name."""
    if not hasattr(type(obj), "__getitem__") and not isinstance(obj, type):
        # It has no items, and asking for one would raise an error. Classes may have items without that method.
        return _NOTHING
    try:
        return obj[name]
    except (TypeError, LookupError, AttributeError):
        return _NOTHING


def namespace_items(ref: str) -> str:
    """Return what reads the attributes of a namespace as a dict, without functions of its class."""
    return f"(attribute_of({ref}, '_Namespace__attrs') if type({ref}) is Namespace else {ref})"


def variables_of(frame: Frame) -> str:
    """Return the variables for what wants a context."""
    return f"{'_loop_vars' if frame.loop_frame else None}, {'_block_vars' if frame.block_frame else None}"


def is_link(node: nodes.Call) -> bool:
    """Return whether a call is one of `url_for` with an endpoint and values, and no other one among them.

    Its arguments are written twice; within each other they would be written many times.
    """
    return (
        _is_url_for(node)
        and len(node.args) == 1
        and node.dyn_args is None
        and not any(_is_url_for(other) for other in node.find_all(nodes.Call))
    )


def _is_url_for(node: nodes.Call) -> bool:
    return isinstance(node.node, nodes.Name) and node.node.name == "url_for"


def titled(text: str) -> str:
    """Return a text as the filter `title` does."""
    return filters.do_title(text) if _is_other(text) else " ".join(map(str.capitalize, text.split(" ")))


def joined(context: nodes.EvalContext, value: Iterable[object], between: str = "") -> object:
    """Return values joined as the filter `join` does."""
    if type(value) is GeneratorType and context.autoescape:
        # What the filter does first.
        value = list(value)
    if type(value) in _LISTS and {*map(type, value)} <= _TEXTS:
        return between.join(map(str, value))
    return _join(context, value, between)


def markup_joined(values: tuple[object, ...]) -> str:
    """Return values joined as by `~`."""
    return "".join(map(str, values)) if {*map(type, values)} <= _PLAIN else _join_markup(values)


# What a name or an attribute is whose value nobody sees.
_NOTHING = Undefined()
_LISTS = (list, tuple)
_TEXTS = frozenset({str})
_join: Callable[..., object] = filters.do_join
_OF_TEXT = "type({v} := {x}) is str"
_OF_LIST = "type({v} := {x}) is list and {v}"
_OF_ANY = "({v} := {x}) is not absent"
_OR_DEFAULT = "({0} if isinstance({v}, Undefined) else {v})"
_OR_DEFAULT_IF_FALSE = "({0} if isinstance({v}, Undefined) or {1} and not {v} else {v})"
_DEFAULTS = (str, int, float, bool, type(None))

#: The filters by their names, with each number of arguments that is written out.
FILTERS = {
    "upper": [WrittenOut(filters.do_upper, _OF_TEXT, "{v}.upper()")],
    "lower": [WrittenOut(filters.do_lower, _OF_TEXT, "{v}.lower()")],
    "capitalize": [WrittenOut(filters.do_capitalize, _OF_TEXT, "{v}.capitalize()")],
    "trim": [WrittenOut(filters.do_trim, _OF_TEXT, "{v}.strip()")],
    "title": [WrittenOut(filters.do_title, _OF_TEXT, "titled({v})")],
    "string": [WrittenOut(soft_str, _OF_TEXT, "{v}")],
    "replace": [WrittenOut(filters.do_replace, _OF_TEXT, "{v}.replace({0}, {1})", (str, str))],
    "safe": [WrittenOut(filters.do_mark_safe, _OF_TEXT, "marked(Markup, {v})")],
    "default": [
        WrittenOut(filters.do_default, _OF_ANY, "('' if isinstance({v}, Undefined) else {v})", (), True),
        *(WrittenOut(filters.do_default, _OF_ANY, _OR_DEFAULT, (kind,), True) for kind in _DEFAULTS),
        *(WrittenOut(filters.do_default, _OF_ANY, _OR_DEFAULT_IF_FALSE, (kind, bool), True) for kind in _DEFAULTS),
    ],
    "round": [
        WrittenOut(filters.do_round, _OF_ANY, "round({v}, 0)"),
        WrittenOut(filters.do_round, _OF_ANY, "round({v}, {0})", (int,)),
    ],
    "int": [WrittenOut(filters.do_int, "type({v} := {x}) is int", "{v}")],
    "list": [WrittenOut(filters.do_list, _OF_ANY, "list({v})")],
    "first": [WrittenOut(filters.do_first, _OF_LIST, "{v}[0]")],
    "last": [WrittenOut(filters.do_last, _OF_LIST, "{v}[-1]")],
    "join": [
        WrittenOut(filters.do_join, _OF_ANY, "joined(context.eval_ctx, {v})"),
        WrittenOut(filters.do_join, _OF_ANY, "joined(context.eval_ctx, {v}, {0})", (str,)),
    ],
}
FILTERS["d"] = FILTERS["default"]
#: The tests.
TESTS = {
    "defined": [WrittenOut(tests.test_defined, _OF_ANY, "not isinstance({v}, Undefined)", (), True)],
    "undefined": [WrittenOut(tests.test_undefined, _OF_ANY, "isinstance({v}, Undefined)", (), True)],
    "none": [WrittenOut(tests.test_none, _OF_ANY, "{v} is None")],
    "string": [WrittenOut(tests.test_string, _OF_ANY, "isinstance({v}, str)")],
    "odd": [WrittenOut(tests.test_odd, _OF_ANY, "{v} % 2 == 1")],
    "even": [WrittenOut(tests.test_even, _OF_ANY, "{v} % 2 == 0")],
    "divisibleby": [WrittenOut(tests.test_divisibleby, _OF_ANY, "{v} % {0} == 0", (int,))],
}
#: What the code of templates has for them.
NAMES: dict[str, object] = {
    "joined": joined,
    "marked": str.__new__,
    "markup_join": markup_joined,
    "item_or_nothing": item_or_nothing,
    "nothing": _NOTHING,
    "titled": titled,
}
#: Jinja's functions by their names in the code of templates.
FUNCTIONS: dict[str, object] = {
    "jinjas_do_format": filters.do_format,
    **{one.name: one.function for kind in (FILTERS, TESTS) for known in kind.values() for one in known},
}
