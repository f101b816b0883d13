"""The code of expressions in templates: Jinja's, with attributes, items, calls, filters and tests written out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import filters as jinja_filters
from jinja2 import nodes
from jinja2.compiler import CodeGenerator as JinjaCodeGenerator
from jinja2.compiler import optimizeconst

from . import sequences, written_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2.compiler import Frame

    from .written_out import WrittenOut

# The attributes that any dict has: an item of that name is not what a template reads.
_OF_DICTS = frozenset(dir({}))
# Jinja passes them to what it calls, and takes them out again.
_OWN_KEYWORDS = frozenset({"_loop_vars", "_block_vars", "caller"})


class ExpressionWriter(JinjaCodeGenerator):
    """Writes the code of expressions.

    Attributes:
        _writes_out: Whether it writes out anything.
        _of_numbers: What is read of loops that are numbers, by the identity of nodes.
        _lax: The names of whose lack nothing is told, by the identity of nodes, with the condition for that and what is
            written instead.
        _functions: The names of Jinja's functions that are written out.
        _output_call: The call that is to be written to the output by one function.
        _is_output_written: Whether it was.
        _namespaces: The names of what the template assigns attributes to.
    """

    _writes_out: bool
    _of_numbers: set[int]
    _lax: dict[int, tuple[str, str]]
    _functions: set[str]
    _namespaces: set[str]
    _output_call: nodes.Expr | None = None
    _is_output_written = False

    def _is_written_call(self, node: nodes.Expr) -> bool:
        """Return whether an expression is a call that may be written to the output by one function."""
        if type(node) is not nodes.Call or id(node) in self._of_numbers:
            return False
        return _is_plain(node) and not written_out.is_link(node)

    def visit_Filter(self, node: nodes.Filter, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """Write a filter."""
        function = self.environment.filters.get(node.name)
        if node.node is None:
            super().visit_Filter(node, frame)
        elif self._writes_out and function is jinja_filters.do_format and written_out.takes_simple(node):
            self._write_format(node, frame)
        elif self._writes_out and function is not None and function is sequences.STOCK.get(node.name):
            self._write_quicker(node, frame)
        elif not self._write_out(node, frame, written_out.FILTERS, function):
            super().visit_Filter(node, frame)

    @optimizeconst
    def _write_format(self, node: nodes.Filter, frame: Frame) -> None:
        text = self.temporary_identifier()
        self._functions.add("jinjas_do_format")
        self.write(f"({text} % (")
        for argument in node.args:
            self.visit(argument, frame)
            self.write(", ")
        self.write(f") if type({text} := ")
        self.visit(node.node or node, frame)
        self.write(f") is str and {self.filters[node.name]} is jinjas_do_format else ")
        with self._filter_test_common(node, frame, is_filter=True):
            self.write(text)
        self.write(")")

    @optimizeconst
    def _write_quicker(self, node: nodes.Filter, frame: Frame) -> None:
        given = self.filters[node.name]
        # The name under which the common part calls it.
        self.filters[node.name] = f"(quick_{node.name} if {given} is jinjas_do_{node.name} else {given})"
        with self._filter_test_common(node, frame, is_filter=True):
            self.filters[node.name] = given
            self.visit(node.node or node, frame)

    def visit_Test(self, node: nodes.Test, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """Write a test."""
        if not self._write_out(node, frame, written_out.TESTS, self.environment.tests.get(node.name)):
            super().visit_Test(node, frame)

    def _write_out(
        self, node: nodes.Filter | nodes.Test, frame: Frame, known: Mapping[str, list[WrittenOut]], function: object
    ) -> bool:
        """Write a filter or a test out, and return whether it is among the known ones."""
        for one in known.get(node.name, ()) if self._writes_out else ():
            if one.function is function and one.takes(node):
                self._write_known(node, frame, one=one)
                return True
        return False

    @optimizeconst
    def _write_known(self, node: nodes.Filter | nodes.Test, frame: Frame, *, one: WrittenOut) -> None:
        is_filter, value = isinstance(node, nodes.Filter), self.temporary_identifier()
        given = self.filters[node.name] if is_filter else self.tests[node.name]
        is_known = f"{given} is {one.name}"
        self._functions.add(one.name)
        if one.hides_undefined and isinstance(node.node, (nodes.Name, nodes.Getattr)):
            self._lax[id(node.node)] = (f"undefined is Undefined and {is_known}", "nothing")
        before, _, after = one.condition.replace("{v}", value).partition("{x}")
        self.write(f"({one.result_for(node, value)} if {before}")
        self.visit(node.node or node, frame)
        self.write(f"{after} and {is_known} else ")
        with self._filter_test_common(node, frame, is_filter):
            self.write(value)
        self.write(")")

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """Write an item of an object."""
        key = node.arg.value if isinstance(node.arg, nodes.Const) else None
        if self._writes_out and (type(key) is str or (type(key) is int and key >= 0)):
            self._write_item(node, frame)
        else:
            super().visit_Getitem(node, frame)

    @optimizeconst
    def _write_item(self, node: nodes.Getitem, frame: Frame) -> None:
        obj, key = self.temporary_identifier(), node.arg.as_const()
        has_it = f"is item_dict and {key!r} in {obj}" if isinstance(key, str) else f"in lists and {key} < len({obj})"
        self.write(f"({obj}[{key!r}] if type({obj} := ")
        self.visit(node.node, frame)
        self.write(f") {has_it} else environment.getitem({obj}, {key!r}))")

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """Write an attribute of an object, or an item of a dict."""
        if id(node) in self._of_numbers:
            self._write_number(node, frame)
        elif self._writes_out and self._is_of_namespace(node):
            self._write_of_namespace(node, frame)
        elif self._writes_out:
            self._write_attribute(node, frame)
        else:
            super().visit_Getattr(node, frame)

    def _write_number(self, node: nodes.Getattr, frame: Frame) -> None:
        """Write what is read of a loop that is a number."""
        loop = frame.symbols.ref("loop")
        number = {"index0": loop, "index": f"{loop} + 1", "first": f"{loop} == 0"}[node.attr]
        self.write(f"({number} if exact_dict is dict else read({loop}, {node.attr!r}))")

    def _is_of_namespace(self, node: nodes.Getattr) -> bool:
        obj = node.node
        return isinstance(obj, nodes.Name) and obj.name in self._namespaces and not node.attr.startswith("_")

    def _write_of_namespace(self, node: nodes.Getattr, frame: Frame) -> None:
        """Write an attribute of what the template assigns attributes to, which is a namespace or fails."""
        obj, found, name = self.temporary_identifier(), self.temporary_identifier(), repr(node.attr)
        self.write(f"({found}[{name}] if type({obj} := ")
        self.visit(node.node, frame)
        items = written_out.namespace_items(obj)
        self.write(
            f") is Namespace and exact_dict is dict and {name} in ({found} := {items}) else read({obj}, {name}))"
        )

    @optimizeconst
    def _write_attribute(self, node: nodes.Getattr, frame: Frame) -> None:
        obj, found, name = self.temporary_identifier(), self.temporary_identifier(), repr(node.attr)
        if node.attr in _OF_DICTS:
            self.write(f"({found} if ({found} := get({obj} := ")
            self.visit(node.node, frame)
        else:
            self.write(f"({obj}[{name}] if type({obj} := ")
            self.visit(node.node, frame)
            self.write(f") is exact_dict and {name} in {obj} else {found} if ({found} := get({obj}")
        lax = self._lax.get(id(node))
        item_of = "item_of" if lax is None else f"(item_or_nothing if {lax[0]} else item_of)"
        self.write(f", {name}, absent)) is not absent else {item_of}({obj}, {name}))")

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:  # noqa: N802 - Jinja's name
        """Write a call."""
        if id(node) in self._of_numbers:
            self._write_cycle(node, frame)
        elif self._writes_out and _is_plain(node):
            self._write_call(node, frame, forward_caller=forward_caller)
        else:
            super().visit_Call(node, frame, forward_caller=forward_caller)

    def _write_cycle(self, node: nodes.Call, frame: Frame) -> None:
        """Write a call of `loop.cycle` where the loop is a number."""
        loop = frame.symbols.ref("loop")
        self.write("((")
        for argument in node.args:
            self.visit(argument, frame)
            self.write(", ")
        self.write(f")[{loop} % {len(node.args)}] if exact_dict is dict else invoke(context, read({loop}, 'cycle'), ")
        self.write(f"{written_out.variables_of(frame)}")
        self.signature(node, frame)
        self.write("))")

    @optimizeconst
    def _write_call(self, node: nodes.Call, frame: Frame, *, forward_caller: bool) -> None:
        variables = written_out.variables_of(frame)
        is_link = written_out.is_link(node) and not forward_caller
        if is_link:
            self.write("(write_link(")
            self.visit(node.args[0], frame)
            self.write(", {")
            for one in node.kwargs:
                self.write(f"{one.key!r}: ")
                self.visit(one.value, frame)
                self.write(", ")
            self.write(f"}}) if {frame.symbols.ref('url_for')} is own_link else ")
        if node is self._output_call:
            self._output_call, self._is_output_written = None, True
            self.write("write_call(context, ")
        else:
            self.write("invoke(context, ")
        self.visit(node.node, frame)
        self.write(f", {variables}")
        self.signature(node, frame, {"caller": "caller"} if forward_caller else None)
        self.write("))" if is_link else ")")


def _is_plain(node: nodes.Call) -> bool:
    """Return whether a call has only keywords of its own: a dict that is unpacked may have any, and Jinja's own."""
    # Python takes some letters beyond ASCII for others in keywords.
    return node.dyn_kwargs is None and all(k.key.isascii() and k.key not in _OWN_KEYWORDS for k in node.kwargs)
