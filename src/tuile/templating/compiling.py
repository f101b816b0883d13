"""The code that templates are compiled to: Jinja's, with what templates do most written out or in fewer calls.

It reads the items of dictionaries, escapes texts and looks names up without calling a function. Whatever else it finds
when it runs, such as an object with attributes or another class of contexts, it gives to Jinja's functions.

It overrides methods that are Jinja's own business: those of the releases that are known, and it leaves others alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jinja2
from jinja2 import nodes
from jinja2.compiler import CodeGenerator as JinjaCodeGenerator
from jinja2.compiler import optimizeconst
from jinja2.idtracking import VAR_LOAD_RESOLVE

from ..invalidation import Stock

if TYPE_CHECKING:
    from typing import TextIO

    from jinja2 import Environment
    from jinja2.compiler import Frame

# Whether Jinja's methods are those that this module was written for.
_IS_KNOWN = getattr(jinja2, "__version__", "").startswith("3.1.")
# The attributes that any dict has: an item of that name is not what a template reads.
_OF_DICTS = frozenset(dir({}))
# Jinja passes them to what it calls, and takes them out again.
_OWN_KEYWORDS = frozenset({"_loop_vars", "_block_vars", "caller"})


# The methods whose work is done here, without a call of them.
_replaced = Stock(
    JinjaCodeGenerator,
    *("visit_Include", "visit_Getattr", "visit_Call", "enter_frame", "_output_child_pre", "_output_child_post"),
)


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
        self._reads = False
        self._has_parts = False
        self._is_at_start = False
        self._escaped = ""

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:  # noqa: N802 - Jinja's name
        """Write the module."""
        self._reads = node.find(nodes.Getattr) is not None
        self._has_parts = any(node.find(kind) is not None for kind in (nodes.Block, nodes.Include, nodes.Extends))
        super().visit_Template(node, frame)
        if self._writes_out:
            # The functions above look these names up when they are called.
            self.writeline("globals().update(environment._names_of_code(escape))")

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
            self._is_at_start = True

    def writeline(self, x: str, node: nodes.Node | None = None, extra: int = 0) -> None:
        """Write a line; what blocks and other templates write is joined where nobody takes it piece by piece."""
        before, _, pieces = x.partition("yield from ")
        if pieces and not before and self._writes_out:
            x = f"yield from (concat({pieces}),) if joins else {pieces}"
        super().writeline(x, node, extra)

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
        context = f"template.new_context(context.get_all(), True, {self.dump_local_context(frame)})"
        pieces = f"template.root_render_func({context})"
        self.writeline(f"yield from {pieces}" if frame.buffer is None else f"{frame.buffer}.extend({pieces})")

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """Write an attribute of an object, or an item of a dict."""
        if self._writes_out:
            self._write_attribute(node, frame)
        else:
            super().visit_Getattr(node, frame)

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
        is_plain = node.dyn_kwargs is None and not forward_caller
        # Python takes some letters beyond ASCII for others in keywords.
        if self._writes_out and is_plain and all(k.key.isascii() and k.key not in _OWN_KEYWORDS for k in node.kwargs):
            self._write_call(node, frame)
        else:
            super().visit_Call(node, frame, forward_caller=forward_caller)

    @optimizeconst
    def _write_call(self, node: nodes.Call, frame: Frame) -> None:
        variables = f"{'_loop_vars' if frame.loop_frame else None}, {'_block_vars' if frame.block_frame else None}"
        is_link = _is_link(node)
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
        self.signature(node, frame)
        self.write("))" if is_link else ")")

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: JinjaCodeGenerator._FinalizeInfo) -> None:
        """Write what stands before an expression that is written to the output."""
        self._escaped = ""
        if not self._writes_out or frame.eval_ctx.volatile or not frame.eval_ctx.autoescape:
            super()._output_child_pre(node, frame, finalize)
            return
        self._escaped = self.temporary_identifier()
        self.write(f"(escape_text({self._escaped}) if type({self._escaped} := {finalize.src or ''}")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: JinjaCodeGenerator._FinalizeInfo) -> None:
        """Write what stands after an expression that is written to the output."""
        value = self._escaped
        if not value:
            super()._output_child_post(node, frame, finalize)
            return
        end = ")" if finalize.src is not None else ""
        self.write(f"{end}) is str else str({value}) if type({value}) is exact_int else escape({value}))")


def _is_link(node: nodes.Call) -> bool:
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
