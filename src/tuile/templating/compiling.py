"""The code that templates are compiled to: Jinja's, with what templates do most written out or in fewer calls.

It reads the items of dictionaries, escapes texts and looks names up without calling a function. Whatever else it finds
when it runs, such as an object with attributes or another class of contexts, it gives to Jinja's functions.

It overrides methods that are Jinja's own business: those of the releases that are known, and it leaves others alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import jinja2
from jinja2 import nodes
from jinja2.compiler import CodeGenerator as JinjaCodeGenerator
from jinja2.idtracking import VAR_LOAD_PARAMETER, VAR_LOAD_RESOLVE

from ..invalidation import Stock
from . import loops, written_out
from .expressions import ExpressionWriter

if TYPE_CHECKING:
    from typing import TextIO

    from jinja2 import Environment
    from jinja2.compiler import Frame

# Whether Jinja's methods are those that this module was written for.
_IS_KNOWN = getattr(jinja2, "__version__", "").startswith("3.1.")
# The methods whose work is done here, without a call of them.
_replaced = Stock(
    JinjaCodeGenerator,
    *("visit_Include", "visit_Getattr", "visit_Getitem", "visit_Call", "visit_Name", "visit_Filter", "visit_Test"),
    *("visit_For", "visit_NSRef", "enter_frame", "_output_child_pre", "_output_child_post"),
)
# What Jinja writes at the head of a loop that has a `loop`.
_BEGINS_LOOP = " in LoopContext("
# What assigns the variables of a loop, or is given them.
_KEEPS_VARIABLES: tuple[type[nodes.Node], ...] = (nodes.Call, nodes.CallBlock, nodes.Assign, nodes.AssignBlock)


class CodeGenerator(ExpressionWriter):
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
        self._of_numbers = set()
        self._lax = {}
        self._loop = ""
        self._is_in_pieces = False
        self._keeps_variables = False
        self._functions = set()
        self._namespaces = set()

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:  # noqa: N802 - Jinja's name
        """Write the module."""
        found = written_out.nodes_of(node) if self._writes_out else None
        self._writes_out = found is not None
        if found is not None:
            self._reads, self._reads_items = nodes.Getattr in found, nodes.Getitem in found
            self._namespaces = {cast("nodes.NSRef", reference).name for reference in found.get(nodes.NSRef, ())}
            # Jinja's own class of what is undefined is never true.
            self._lax.update((id(name), ("undefined is Undefined", "False")) for name in written_out.tested(found))
            self._has_parts = not found.keys().isdisjoint((nodes.Block, nodes.Include, nodes.Extends))
        super().visit_Template(node, frame)
        if self._writes_out:
            # The functions above look these names up when they are called. It may be run by another environment.
            self.writeline("names_of_code = getattr(environment, '_names_of_code', None)")
            self.writeline("if names_of_code is None:")
            self.writeline(f"    from {__package__}.running import names_of_code")
            self.writeline(f"globals().update(names_of_code(escape, {sorted(self._functions)}))")

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
        if x == "_loop_vars = {}" and not self._keeps_variables:
            return
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
        self._write_loop(node, frame)

    def _write_loop(self, node: nodes.For, frame: Frame) -> None:
        """Write a loop, with its variables where it or a loop around it needs them: they all share one name."""
        is_around = self._keeps_variables
        self._keeps_variables = is_around or not self._writes_out or _keeps_variables(node)
        super().visit_For(node, frame)
        self._keeps_variables = is_around

    def _write_joined(self, node: nodes.For, frame: Frame, begins: str) -> None:
        """Write a loop twice, but not those inside: it makes one piece if only the whole text is wanted, else many."""
        self.writeline("if is_usual and context.joins:")
        self.indent()
        joining = frame.copy()
        self.buffer(joining)
        self._loop = begins
        self._write_loop(node, joining)
        self.writeline(f"yield concat({joining.buffer})")
        self.outdent()
        self.writeline("else:")
        self.indent()
        self._loop, self._is_in_pieces = begins, True
        self._write_loop(node, frame)
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

    def visit_NSRef(self, node: nodes.NSRef, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """Write what an attribute of a namespace is assigned to."""
        if self._writes_out:
            self.writeline(f"{written_out.namespace_items(frame.symbols.ref(node.name))}[{node.attr!r}]")
        else:
            super().visit_NSRef(node, frame)

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

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: JinjaCodeGenerator._FinalizeInfo) -> None:
        """Write what stands before an expression that is written to the output."""
        self._escaped = ""
        if self._writes_out and finalize.src is None and isinstance(node, nodes.CondExpr) and node.expr2 is None:
            # As what Jinja writes for it, without making something undefined.
            node.expr2 = nodes.Const("")
        if not self._writes_out or frame.eval_ctx.volatile or not frame.eval_ctx.autoescape:
            super()._output_child_pre(node, frame, finalize)
            return
        if finalize.src is None and self._is_written_call(node):
            self._output_call = node
            return
        if finalize.src is None and isinstance(node, (nodes.Name, nodes.Getattr)):
            # Whatever is undefined is written as an empty text, unless another function escapes.
            self._lax.setdefault(id(node), ("undefined is Undefined and plain_kinds", "nothing"))
        self._escaped = self.temporary_identifier()
        self.write(f"(escape_text({self._escaped}) if (kind := type({self._escaped} := {finalize.src or ''}")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: JinjaCodeGenerator._FinalizeInfo) -> None:
        """Write what stands after an expression that is written to the output."""
        value = self._escaped
        if self._is_output_written:
            self._is_output_written = False
            return
        if not value:
            super()._output_child_post(node, frame, finalize)
            return
        end = ")" if finalize.src is not None else ""
        marked = f"{value} if kind is marked_kind else "
        self.write(f"{end})) is str else str({value}) if kind in plain_kinds else {marked}escape({value}))")


def _keeps_variables(loop: nodes.For) -> bool:
    return any(isinstance(node, _KEEPS_VARIABLES) for node in loop.find_all(nodes.Node))
