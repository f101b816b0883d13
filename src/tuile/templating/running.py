"""What the code of templates calls while it runs, in fewer steps than what Jinja's code calls."""

from __future__ import annotations

from operator import attrgetter
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING

from jinja2 import Environment as JinjaEnvironment
from jinja2.nodes import EvalContext
from jinja2.runtime import BlockReference, Undefined
from jinja2.runtime import Context as JinjaContext
from jinja2.runtime import Macro as JinjaMacro
from jinja2.utils import _PassArg, internalcode, missing, pass_eval_context
from markupsafe import Markup, escape

from ..invalidation import as_defined, is_method_of
from ..once import once
from . import loops, sequences, written_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping, Sequence

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
_getitem = as_defined(JinjaEnvironment, "getitem")
# They are called as they are, unless they are marked for an argument of Jinja's.
_PLAIN_FUNCTIONS = frozenset({BuiltinFunctionType, FunctionType, MethodType, loops.Loop})
_FUNCTIONS = _PLAIN_FUNCTIONS | {BlockReference}
#: What an object without an attribute has instead.
ABSENT = object()
# What is written as it is.
_PLAIN = frozenset({int, float, bool, type(None)})
_STOPPED = "value was undefined because a callable raised a StopIteration exception"
_write_block = as_defined(BlockReference, "__call__")
_marked: Callable[[type[Markup], object], Markup] = str.__new__


def written(value: object) -> str:
    """Return a value as it is written to the output of a template that escapes; `escape` makes `Markup` of it."""
    if type(value) is Markup:
        return value
    kind = type(value)
    if kind in _PLAIN:
        return str(value)
    if kind is Undefined:
        # It is asked for `__html__` by a function that raises an error.
        return ""
    if kind is not str and hasattr(value, "__html__"):
        return escape(value)
    text = _escape_text(str(value))
    # A text without special characters is returned as it is, which may be of a class that has `__html__`.
    return text if type(text) is str else Markup(text)  # noqa: S704 - it was escaped


def _evaluation_of(context: JinjaContext) -> EvalContext:
    """Return what Jinja's class makes for a context, in fewer steps."""
    evaluation = _new(EvalContext)
    evaluation.environment = context.environment
    escapes = context.environment.autoescape
    evaluation.autoescape = escapes(context.name) if callable(escapes) else escapes
    evaluation.volatile = False
    return evaluation


class Context(JinjaContext):
    """A Jinja context that is made, and calls functions, in fewer steps.

    Attributes:
        joins: Whether only the whole text is wanted, so that blocks need not pass on their pieces.
    """

    joins = False

    def __init__(
        self,
        environment: JinjaEnvironment,
        parent: dict[str, object],
        name: str | None,
        blocks: dict[str, _Block],
        globals: MutableMapping[str, object] | None = None,
    ) -> None:
        self.parent = parent
        self.vars = {}
        self.environment = environment
        self.exported_vars = set()
        self.name = name
        # Environments that are not Tuile's may be given this class.
        if environment.autoescape is not getattr(environment, "_plain_autoescape", None):
            # A function of the application's own is called for each context.
            vars(self)["eval_ctx"] = _evaluation_of(self)
        self._globals = globals
        self.blocks = {of: [block] for of, block in blocks.items()} if blocks else {}

    @once
    def eval_ctx(self) -> EvalContext:
        """Whether texts are escaped, which most templates know when they are compiled."""
        return _evaluation_of(self)

    @once
    def globals_keys(self) -> set[str]:
        """The names of the globals, which only imports ask for."""
        return set() if self._globals is None else set(self._globals)

    @internalcode
    def call(self, obj: Callable[..., object], /, *args: object, **kwargs: object) -> object:
        """Call what a template calls; Jinja passes its own variables for loops and blocks among the keywords."""
        __traceback_hide__ = True  # noqa: F841 - debuggers leave this frame out
        if type(obj) not in _FUNCTIONS:
            return super().call(obj, *args, **kwargs)
        wants = getattr(obj, "jinja_pass_arg", None)
        if wants is not None:
            is_given_context = type(obj) is FunctionType and wants is _PassArg.context
            if not is_given_context or kwargs.get("_loop_vars") or kwargs.get("_block_vars"):
                return super().call(obj, *args, **kwargs)
            args = (self, *args)
        kwargs.pop("_block_vars", None)
        kwargs.pop("_loop_vars", None)
        try:
            return obj(*args, **kwargs)
        except StopIteration:
            return self.environment.undefined(_STOPPED)


class Macro(JinjaMacro):
    """A macro that is called in fewer steps."""

    @internalcode
    @pass_eval_context
    def __call__(self, *args: object, **kwargs: object) -> str:
        """Return what the macro writes; the first argument may say whether it is escaped, as in templates."""
        first = args[0] if args else None
        if isinstance(first, EvalContext):
            escapes, text = first.autoescape, self.text_of(args[1:], kwargs)
        else:
            escapes, text = self._default_autoescape, self.text_of(args, kwargs)
        if text is None:
            return super().__call__(*args, **kwargs)
        return _marked(Markup, text) if escapes else text

    def text_of(self, args: tuple[object, ...], kwargs: dict[str, object]) -> str | None:
        """Return what the macro writes for the arguments of a call; None for Jinja's method to do it."""
        missed = self._argument_count - len(args)
        if kwargs or missed < 0 or self.caller or self.explicit_caller or self.catch_kwargs or self.catch_varargs:
            values = self._values(args, kwargs)
            return None if values is None else self._func(*values)
        return self._func(*(args + (missing,) * missed if missed else args))

    def _values(self, args: tuple[object, ...], kwargs: dict[str, object]) -> list[object] | None:
        """Return what the function of a macro is called with, or None if Jinja's method should say what is wrong."""
        count, missed = self._argument_count, self._argument_count - len(args)
        if self.explicit_caller or (missed < 0 and not self.catch_varargs):
            return None
        values = [*args, *[missing] * missed] if missed >= 0 else [*args[:count]]
        rest: dict[str, object] = {}
        names = self.arguments
        for name, value in kwargs.items():
            if name in names and (place := names.index(name)) >= len(args):
                values[place] = value
            else:
                # Those whose values were given already are no arguments any more.
                rest[name] = value
        if self.caller:
            caller = rest.pop("caller", None)
            if caller is None:
                return None
            values.append(caller)
        if self.catch_kwargs:
            values.append(rest)
        elif rest:
            return None
        if self.catch_varargs:
            values.append(args[count:])
        return values


Macro.__module__ = JinjaMacro.__module__


def _concat_block(block: BlockReference) -> str:
    return block._context.environment.concat(block._stack[block._depth](block._context))


_text_of: Callable[..., str | None] = Macro.text_of
_text_of_block: Callable[..., str] = _concat_block
_context_of_block: Callable[[object], JinjaContext] = attrgetter("_context")


@internalcode
def invoke(
    context: JinjaContext,
    obj: Callable[..., object],
    loop_vars: dict[str, object] | None,
    block_vars: dict[str, object] | None,
    /,
    *args: object,
    **kwargs: object,
) -> object:
    """Call what a template calls, as `call` of its context does; the variables are for what wants a context."""
    __traceback_hide__ = True  # noqa: F841 - debuggers leave this frame out
    if type(context) is Context:
        try:
            if type(obj) is Macro:
                escapes = context.eval_ctx.autoescape
                text = _text_of(obj, args, kwargs)
                if text is not None:
                    return _marked(Markup, text) if escapes else text
            elif (type(obj) in _FUNCTIONS and not hasattr(obj, "jinja_pass_arg")) or obj is range:
                return obj(*args, **kwargs)
        except StopIteration:
            return context.environment.undefined(_STOPPED)
    return _call(context, obj, loop_vars, block_vars, args, kwargs)


@internalcode
def _call(
    context: JinjaContext,
    obj: Callable[..., object],
    loop_vars: dict[str, object] | None,
    block_vars: dict[str, object] | None,
    args: tuple[object, ...],
    kwargs: dict[str, object],
) -> object:
    __traceback_hide__ = True  # noqa: F841 - debuggers leave this frame out
    if loop_vars is not None:
        kwargs["_loop_vars"] = loop_vars
    if block_vars is not None:
        kwargs["_block_vars"] = block_vars
    return context.call(obj, *args, **kwargs)


@internalcode
def write_call(
    context: JinjaContext,
    obj: Callable[..., object],
    loop_vars: dict[str, object] | None,
    block_vars: dict[str, object] | None,
    /,
    *args: object,
    **kwargs: object,
) -> str:
    """Return what a call writes to the output of a template that escapes; macros and blocks mark no text."""
    __traceback_hide__ = True  # noqa: F841 - debuggers leave this frame out
    if type(context) is not Context:
        return written(_call(context, obj, loop_vars, block_vars, args, kwargs))
    kind = type(obj)
    if kind in _PLAIN_FUNCTIONS and not hasattr(obj, "jinja_pass_arg"):
        try:
            value = obj(*args, **kwargs)
        except StopIteration:
            value = context.environment.undefined(_STOPPED)
        return _escape_text(value) if type(value) is str else written(value)
    text, escapes = None, False
    try:
        if kind is Macro:
            escapes = context.eval_ctx.autoescape
            text = _text_of(obj, args, kwargs)
        elif type(obj) is BlockReference and not (args or kwargs) and BlockReference.__call__ is _write_block:
            text = _text_of_block(obj)
            # Another template may have been given it, which escapes where the block does not.
            escapes = _context_of_block(obj).eval_ctx.autoescape
    except StopIteration:
        return written(context.environment.undefined(_STOPPED))
    if text is None:
        return written(_call(context, obj, loop_vars, block_vars, args, kwargs))
    if type(text) is not str:
        # A macro may return something else.
        return written(_marked(Markup, text) if escapes else text)
    return text if escapes else _escape_text(text)


# Python names them in the messages of errors, as for what cannot be unpacked.
for _function in (Context.call, invoke, _call, write_call):
    _function.__module__ = JinjaContext.__module__
    _function.__qualname__ = Context.call.__qualname__


def reader(read: Callable[[object, str], object]) -> Callable[[object, str, object], object]:
    """Return a function with the arguments of `getattr` for an environment with another `getattr` than Tuile's."""
    return lambda obj, name, _: read(obj, name)


def kinds_with_items(environment: Environment) -> tuple[type | None, tuple[type, ...]]:
    """Return the classes of dictionaries and of sequences whose items a template reads itself, if it may."""
    return (dict, (list, tuple)) if is_method_of(_getitem, environment.getitem) else (None, ())


_invoke: Callable[..., object] = invoke

# What the code of templates has beside Jinja's names. Only Tuile's own environments have what stands for `ABSENT`: in
# others it reads every attribute and item by their methods, and writes no links.
_NAMES = {
    "attribute_of": object.__getattribute__,
    "Context": Context,
    "Macro": Macro,
    "absent": ABSENT,
    "invoke": invoke,
    "kinds_with_items": kinds_with_items,
    "reader": reader,
    **loops.NAMES,
    **sequences.NAMES,
    **written_out.NAMES,
    **dict.fromkeys(("item_of", "stock_read", "own_link", "write_link"), ABSENT),
}


def names_of_code(escape_of_code: Callable[[object], str], functions: Sequence[str]) -> dict[str, object]:
    """Return what the code of a template has beside Jinja's names, with the functions that it has written out.

    Args:
        escape_of_code: What its code escapes with.
        functions: The names of the functions.
    """
    return {**_NAMES, **_writers(escape_of_code), **{name: written_out.FUNCTIONS[name] for name in functions}}


def _writers(escape_of_code: Callable[[object], str]) -> dict[str, object]:
    """Return what escapes any value and what escapes texts in a template, and what it need not escape."""
    if escape_of_code is escape:
        known = {"escape_text": _escape_text, "plain_kinds": _PLAIN, "marked_kind": Markup, "write_call": write_call}
        return {"escape": written, **known}

    def write(*args: object, **kwargs: object) -> str:
        return escape_of_code(_invoke(*args, **kwargs))

    unknown = {"plain_kinds": frozenset[type](), "marked_kind": None, "write_call": write}
    return {"escape_text": escape_of_code, **unknown}
