"""The code that templates are compiled to: Jinja's, with what templates do most written out or in fewer calls.

It reads the items of dictionaries, escapes texts and looks names up without calling a function. Whatever else it finds
when it runs, such as an object with attributes or another class of contexts, it gives to Jinja's functions.

It overrides methods that are Jinja's own business: those of the releases that are known, and it leaves others alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jinja2
from jinja2 import filters as jinja_filters
from jinja2 import nodes
from jinja2.compiler import CodeGenerator as JinjaCodeGenerator
from jinja2.compiler import optimizeconst
from jinja2.idtracking import VAR_LOAD_PARAMETER, VAR_LOAD_RESOLVE

from ..invalidation import Stock
from . import loops, sequences, written_out

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

    from jinja2 import Environment
    from jinja2.compiler import Frame

    from .written_out import WrittenOut

# Whether Jinja's methods are those that this module was written for.
_IS_KNOWN = getattr(jinja2, "__version__", "").startswith("3.1.")
# The attributes that any dict has: an item of that name is not what a template reads.
_OF_DICTS = frozenset(dir({}))
# Jinja passes them to what it calls, and takes them out again.
_OWN_KEYWORDS = frozenset({"_loop_vars", "_block_vars", "caller"})
# The methods whose work is done here, without a call of them.
_replaced = Stock(
    JinjaCodeGenerator,
    *("visit_Include", "visit_Getattr", "visit_Getitem", "visit_Call", "visit_Name", "visit_Filter", "visit_Test"),
    *("visit_For", "visit_NSRef", "enter_frame", "_output_child_pre", "_output_child_post"),
)
# What Jinja writes at the head of a loop that has a `loop`.
_BEGINS_LOOP = " in LoopContext("


class CodeGenerator(JinjaCodeGenerator):
    """Writes the code of one template."""

    def __init__(
        self,
        environment: Environment,
        name: str | None,
        filename: str | None,
        stream: TextIO | None = None,
        defer_init: bool = False,
        optimized: bool = True,
    ) -> None:
        super().__init__(environment, name, filename, stream, defer_init, optimized)
        # Code that is kept in files may be run without Tuile.
        is_kept = defer_init or environment.bytecode_cache is not None
        has_names = hasattr(environment, "_names_of_code")
        is_own = _IS_KNOWN and has_names and type(self) is CodeGenerator and _replaced.is_in(JinjaCodeGenerator)
        self._writes_out = is_own and not (is_kept or environment.is_async or environment.sandboxed)
        self._reads = self._reads_items = False
        self._has_parts = False
        self._is_at_start = False
        self._escaped = ""
        # By the identity of nodes: what is read of loops that are numbers, and the names of whose lack nothing is told,
        # with the condition for that and what is written instead.
        self._of_numbers: set[int] = set()
        self._lax: dict[int, tuple[str, str]] = {}
        self._loop = ""
        self._is_in_pieces = False
        self._functions: set[str] = set()
        self._namespaces: set[str] = set()

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:  # noqa: N802 - Jinja's name
        """Write the module."""
        self._writes_out = self._writes_out and not written_out.is_deep(node)
        self._reads = node.find(nodes.Getattr) is not None
        self._namespaces = {found.name for found in node.find_all(nodes.NSRef)}
        self._reads_items = node.find(nodes.Getitem) is not None
        # Jinja's own class of what is undefined is never true.
        self._lax.update((id(name), ("undefined is Undefined", "False")) for name in written_out.names_of_truth(node))
        self._has_parts = any(node.find(kind) is not None for kind in (nodes.Block, nodes.Include, nodes.Extends))
        super().visit_Template(node, frame)
        if self._writes_out:
            # The functions above look these names up when they are called.
            self.writeline(f"globals().update(environment._names_of_code(escape, {sorted(self._functions)}))")

    def write_commons(self) -> None:
        """Write the first lines of the function of a template or a block."""
        super().write_commons()
        if self._writes_out:
            self.writeline("is_usual = type(context) is Context")
            self.writeline("names = context.parent if is_usual and not context.vars else {}")
            if self._has_parts:
                self.writeline("joins = is_usual and context.joins")
            if self._reads:
                self.writeline("read = environment.getattr")
                self.writeline("exact_dict, get = (dict, getattr) if read == stock_read else (None, reader(read))")
            if self._reads_items:
                self.writeline("item_dict, lists = kinds_with_items(environment)")
            self._is_at_start = True

    def writeline(self, x: str, node: nodes.Node | None = None, extra: int = 0) -> None:
        """Write a line; what blocks and other templates write is joined where nobody takes it piece by piece."""
        before, _, pieces = x.partition("yield from ")
        if pieces and not before and self._writes_out:
            x = f"yield from (concat({pieces}),) if joins else {pieces}"
        super().writeline(x, node, extra)

    def write(self, x: str) -> None:
        """Write a text; at the head of a loop, what makes its `loop`."""
        if self._loop and x.endswith(_BEGINS_LOOP):
            x, self._loop = f"{x.removesuffix(_BEGINS_LOOP)} in {self._loop}(", ""
        super().write(x)

    def enter_frame(self, frame: Frame) -> None:
        """Write the lines that look up the names of a scope."""
        if not self._writes_out or self.get_resolve_func() != "resolve":
            super().enter_frame(frame)
            return
        # What a template has set since its function began is in `vars`.
        condition = "" if self._is_at_start else " and not context.vars"
        self._is_at_start = False
        symbols = frame.symbols
        loads = symbols.loads
        for target, (action, name) in loads.items():
            if action == VAR_LOAD_RESOLVE:
                key = repr(name)
                self.writeline(f"{target} = names[{key}] if {key} in names{condition} else resolve({key})")
        symbols.loads = {target: load for target, load in loads.items() if load[0] != VAR_LOAD_RESOLVE}
        super().enter_frame(frame)
        symbols.loads = loads

    def visit_For(self, node: nodes.For, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """Write a loop."""
        if self._writes_out:
            reads = loops.reads_of_number(node)
            if reads:
                self._of_numbers.update(map(id, reads))
                begins = "(numbered if exact_dict is dict else LoopContext)"
            else:
                begins = "looped"
            is_alone = frame.buffer is None and not self._is_in_pieces and not node.recursive
            if is_alone and loops.can_be_written_twice(self.environment, node):
                self._write_joined(node, frame, begins)
                return
            self._loop = begins
        super().visit_For(node, frame)

    def _write_joined(self, node: nodes.For, frame: Frame, begins: str) -> None:
        """Write a loop twice, but not those inside: it makes one piece if only the whole text is wanted, else many."""
        self.writeline("if is_usual and context.joins:")
        self.indent()
        joining = frame.copy()
        self.buffer(joining)
        self._loop = begins
        super().visit_For(node, joining)
        self.writeline(f"yield concat({joining.buffer})")
        self.outdent()
        self.writeline("else:")
        self.indent()
        self._loop, self._is_in_pieces = begins, True
        super().visit_For(node, frame)
        self._is_in_pieces = False
        self.outdent()

    def visit_Name(self, node: nodes.Name, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """Write a name; where nobody sees what it is undefined to, without making that."""
        lax = self._lax.get(id(node))
        if lax is not None and self._writes_out:
            ref = frame.symbols.ref(node.name)
            load = frame.symbols.find_load(ref)
            # A parameter has a value.
            if load is None or load[0] != VAR_LOAD_PARAMETER or self.parameter_is_undeclared(ref):
                condition, value = lax
                nothing = f"{value} if {condition} else undefined(name={node.name!r})"
                self.write(f"(({nothing}) if {ref} is missing else {ref})")
                return
        super().visit_Name(node, frame)

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
        if one.hides_undefined and isinstance(node.node, nodes.Name):
            self._lax[id(node.node)] = (f"undefined is Undefined and {is_known}", "nothing")
        before, _, after = one.condition.replace("{v}", value).partition("{x}")
        self.write(f"({one.result_for(node, value)} if {before}")
        self.visit(node.node or node, frame)
        self.write(f"{after} and {is_known} else ")
        with self._filter_test_common(node, frame, is_filter):
            self.write(value)
        self.write(")")

    def visit_NSRef(self, node: nodes.NSRef, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """Write what an attribute of a namespace is assigned to."""
        if self._writes_out:
            self.writeline(f"{written_out.namespace_items(frame.symbols.ref(node.name))}[{node.attr!r}]")
        else:
            super().visit_NSRef(node, frame)

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

    def visit_Include(self, node: nodes.Include, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """Write what includes a template."""
        given = node.template
        is_usual = isinstance(given, nodes.Const) and isinstance(given.value, str) and node.with_context
        if not self._writes_out or not is_usual or node.ignore_missing:
            super().visit_Include(node, frame)
            return
        self.writeline("template = environment.get_template(", node)
        self.visit(given, frame)
        self.write(f", {self.name!r})")
        shared = "context.parent if is_usual and not context.vars else context.get_all()"
        context = f"template.new_context({shared}, True, {self.dump_local_context(frame)})"
        pieces = f"template.root_render_func({context})"
        self.writeline(f"yield from {pieces}" if frame.buffer is None else f"{frame.buffer}.extend({pieces})")

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
        self.write(f", {name}, absent)) is not absent else item_of({obj}, {name}))")

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:  # noqa: N802 - Jinja's name
        """Write a call; a dict that is unpacked may have any keywords, and Jinja's own."""
        # Python takes some letters beyond ASCII for others in keywords.
        is_plain = node.dyn_kwargs is None and all(k.key.isascii() and k.key not in _OWN_KEYWORDS for k in node.kwargs)
        if id(node) in self._of_numbers:
            self._write_cycle(node, frame)
        elif self._writes_out and is_plain:
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
        self.write("invoke(context, ")
        self.visit(node.node, frame)
        self.write(f", {variables}")
        self.signature(node, frame, {"caller": "caller"} if forward_caller else None)
        self.write("))" if is_link else ")")

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: JinjaCodeGenerator._FinalizeInfo) -> None:
        """Write what stands before an expression that is written to the output."""
        self._escaped = ""
        if self._writes_out and finalize.src is None and isinstance(node, nodes.CondExpr) and node.expr2 is None:
            # As what Jinja writes for it, without making something undefined.
            node.expr2 = nodes.Const("")
        if not self._writes_out or frame.eval_ctx.volatile or not frame.eval_ctx.autoescape:
            super()._output_child_pre(node, frame, finalize)
            return
        self._escaped = self.temporary_identifier()
        self.write(f"(escape_text({self._escaped}) if (kind := type({self._escaped} := {finalize.src or ''}")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: JinjaCodeGenerator._FinalizeInfo) -> None:
        """Write what stands after an expression that is written to the output."""
        value = self._escaped
        if not value:
            super()._output_child_post(node, frame, finalize)
            return
        end = ")" if finalize.src is not None else ""
        self.write(f"{end})) is str else str({value}) if kind in plain_kinds else escape({value}))")
