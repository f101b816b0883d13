"""What the code of templates calls while it runs: `escape`, and a context's `call`, in fewer steps than Jinja's."""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING

from jinja2.nodes import EvalContext
from jinja2.runtime import Context as JinjaContext
from jinja2.utils import internalcode
from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping

    from jinja2 import Environment

    _Block = Callable[[JinjaContext], Iterator[str]]

    _escape_text: Callable[[str], str]
else:
    try:
        from markupsafe import _escape_inner as _escape_text
    except ImportError:
        # Of another release, whose own function is as fast.
        _escape_text = escape

_new: Callable[[type[EvalContext]], EvalContext] = object.__new__
# They are called as they are, unless they are marked for an argument of Jinja's.
_FUNCTIONS = frozenset({BuiltinFunctionType, FunctionType, MethodType})


def written(value: object) -> str:
    """Return a value as it is written to the output of a template that escapes; `escape` makes `Markup` of it."""
    if type(value) is str:
        return _escape_text(value)
    if type(value) is Markup:
        return value
    if type(value) is int or type(value) is float:
        return str(value)
    return escape(value)


class Context(JinjaContext):
    """A Jinja context that is made, and calls functions, in fewer steps."""

    def __init__(
        self,
        environment: Environment,
        parent: dict[str, object],
        name: str | None,
        blocks: dict[str, _Block],
        globals: MutableMapping[str, object] | None = None,
    ) -> None:
        self.parent = parent
        self.vars = {}
        self.environment = environment
        escapes = environment.autoescape
        self.eval_ctx = evaluation = _new(EvalContext)
        evaluation.environment = environment
        evaluation.autoescape = escapes(name) if callable(escapes) else escapes
        evaluation.volatile = False
        self.exported_vars = set()
        self.name = name
        self.globals_keys = set() if globals is None else set(globals)
        self.blocks = {of: [block] for of, block in blocks.items()} if blocks else {}

    @internalcode
    def call(self, obj: Callable[..., object], /, *args: object, **kwargs: object) -> object:
        """Call what a template calls; Jinja passes its own variables for loops and blocks among the keywords."""
        __traceback_hide__ = True  # noqa: F841 - debuggers leave this frame out
        if type(obj) not in _FUNCTIONS or hasattr(obj, "jinja_pass_arg"):
            return super().call(obj, *args, **kwargs)
        kwargs.pop("_block_vars", None)
        kwargs.pop("_loop_vars", None)
        try:
            return obj(*args, **kwargs)
        except StopIteration:
            return self.environment.undefined("value was undefined because a callable raised a StopIteration exception")
