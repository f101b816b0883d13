"""Compile a template, and tell later whether it would be compiled to the same code.

Jinja calls filters and tests when it compiles a template, if their arguments are constants, as in `{{ "now"|clock }}`,
and the code contains what they returned. Flask compiles the source of a string template whenever it is rendered, so
there the value is always new. Here the calls are recorded. Later the same functions are called with the same arguments
in the same order, and the code is used again if they return the same.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.filters import FILTERS
from jinja2.tests import TESTS
from markupsafe import Markup

from ..invalidation import Stock

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from types import CodeType

# How many compiled sources of string templates an environment keeps.
_SOURCES_KEPT = 128
# Longer sources are compiled each time: clients may influence them, and the code takes several times as much memory.
_LONGEST_KEPT = 32_768
_has_tests = re.compile(r"\bis\b").search
# Settings that compiled templates depend on and that are usually changed in place.
_REGISTRIES = ("filters", "tests", "policies", "extensions")


class Outcome(NamedTuple):
    """What a filter or test returned; without a result it raised an error, or was not called at all."""

    was_called: bool
    has_result: bool = False
    result: object = None


class Call(NamedTuple):
    """A filter or a test with constant arguments in a template."""

    node: nodes._FilterTestCommon
    autoescape: bool
    outcome: Outcome

    @property
    def can_be_compared(self) -> bool:
        """Return whether a result that is equal and of the same type is the same."""
        return not self.outcome.has_result or type(self.outcome.result) in _PLAIN


# What is kept of a source that is compiled each time.
_COMPILED_AGAIN: tuple[None, tuple[()]] = (None, ())
_NOT_CALLED = Outcome(was_called=False)
_PLAIN = frozenset({str, Markup, int, float, bool, type(None)})
# What makes code of a source. It can be replaced on one environment, too.
_STEPS = (
    *("compile", "parse", "_parse", "_tokenize", "preprocess", "iter_extensions"),
    *("_generate", "_compile"),
)
_steps = Stock(Environment, *_STEPS)


def compiles_plainly(environment: Environment) -> bool:
    """Return whether the methods with which an environment compiles a source are Jinja's."""
    return _steps.is_in(type(environment)) and vars(environment).keys().isdisjoint(_STEPS)


def has_filters_or_tests(source: str) -> bool:
    """Return whether a source may have filters or tests."""
    return "|" in source or "filter" in source or _has_tests(source) is not None


def knows_extensions(environment: Environment) -> bool:
    """Return whether all extensions are Jinja's: what others make of a source may be something else each time."""
    return all(type(extension).__module__ == "jinja2.ext" for extension in environment.extensions.values())


def compile_recording(
    environment: Environment, source: str, given: Sequence[Outcome] = ()
) -> tuple[CodeType, tuple[Call, ...]]:
    """Compile a template.

    Args:
        environment: The environment.
        source: The source of the template.
        given: The outcomes of the first calls, which are not called again.

    Returns:
        The code, and the calls whose results it contains, except those of Jinja's own filters and tests, which always
        return the same.
    """
    template = environment.parse(source)
    recorder = _Recorder(given)
    found = template.find_all((nodes.Filter, nodes.Test))
    impure: list[nodes._FilterTestCommon] = [node for node in found if not is_pure(environment, type(node), node.name)]
    for node in impure:
        # Set on the object, for the compiler to call.
        vars(node)["as_const"] = partial(recorder.as_const, node)
    code = compile_parsed(environment, template, source)
    for node in impure:
        del vars(node)["as_const"]
    return code, tuple(recorder.calls) if any(call.outcome.was_called for call in recorder.calls) else ()


def compile_parsed(
    environment: Environment,
    template: nodes.Template,
    source: str,
    name: str | None = None,
    filename: str | None = None,
) -> CodeType:
    """Compile a template that was parsed; an error shows its source."""
    try:
        return environment.compile(template, name, filename)
    except TemplateSyntaxError as error:
        # Jinja was given no source for it to show. Compiled once more, it would call filters twice.
        error.translated = False
        environment.handle_exception(source=source)


def changed_outcomes(environment: Environment, calls: Sequence[Call]) -> list[Outcome] | None:
    """Call the functions again; return the outcomes up to the first that differs, or None if none does."""
    outcomes = []
    for call in calls:
        outcome = call.outcome
        if outcome.was_called:
            context = nodes.EvalContext(environment, None)
            context.autoescape = call.autoescape
            outcome = _outcome_of(call.node, context)
        outcomes.append(outcome)
        if outcome != call.outcome or type(outcome.result) is not type(call.outcome.result):
            return outcomes
    return None


class _Recorder:
    """Does what `as_const` of filters and tests does while a template is compiled, and records it."""

    def __init__(self, given: Sequence[Outcome]) -> None:
        self.calls: list[Call] = []
        self._given = given
        self._is_inside = False

    def as_const(self, node: nodes._FilterTestCommon, eval_ctx: nodes.EvalContext | None = None) -> object:
        """Return what a filter or test returns for constants, or raise Impossible."""
        context = nodes.get_eval_context(node, eval_ctx)
        if self._is_inside or context.volatile:
            # What is an argument of another one is called again with that one.
            return type(node).as_const(node, context)
        if len(self.calls) < len(self._given):
            outcome = self._given[len(self.calls)]
        else:
            self._is_inside = True
            try:
                outcome = _outcome_of(node, context)
            finally:
                self._is_inside = False
        self.calls.append(Call(node, context.autoescape, outcome))
        if not outcome.has_result:
            raise nodes.Impossible
        return outcome.result


def _outcome_of(node: nodes._FilterTestCommon, context: nodes.EvalContext) -> Outcome:
    try:
        return Outcome(was_called=True, has_result=True, result=type(node).as_const(node, context))
    except nodes.Impossible as error:
        # Jinja raises it from the function's own error.
        return _NOT_CALLED if error.__cause__ is None else Outcome(was_called=True)


def is_pure(environment: Environment, kind: type[nodes._FilterTestCommon], name: str) -> bool:
    """Return whether a filter or test always returns the same for the same arguments, as Jinja's own do."""
    if kind is nodes.Test:
        return environment.tests.get(name) is TESTS.get(name)
    # `tojson` calls the application's JSON provider.
    return name != "tojson" and environment.filters.get(name) is FILTERS.get(name)


def finalizes_constants(environment: Environment, source: str) -> bool:
    """Return whether Jinja may call `finalize` when it compiles a source, as it does for constants in the output."""
    outputs = environment.parse(source).find_all(nodes.Output)
    return not all(isinstance(node, nodes.TemplateData) or needs_name(node) for out in outputs for node in out.nodes)


def needs_name(node: nodes.Node | None) -> bool:
    """Return whether the first that an expression reads is a name, so that it is never constant."""
    while isinstance(node, (nodes.Getattr, nodes.Getitem, nodes.Call, nodes.Filter, nodes.Test)):
        node = node.node
    return isinstance(node, nodes.Name)


class Sources:
    """The sources compiled with one state of an environment, the most recently used one last.

    Args:
        environment: The environment.
        generators: The classes of code generators that make the same code of the same source.
        compile_once: Compiles a source as fast as it can, to code that is run once.
    """

    def __init__(
        self,
        environment: Environment,
        generators: Collection[type],
        compile_once: Callable[[Environment, str], CodeType],
    ) -> None:
        self._environment = environment
        self._compile_once = compile_once
        self._state = _state_of(environment)
        self._registries = [dict(getattr(environment, name)) for name in _REGISTRIES]
        self.are_kept = knows_extensions(environment) and environment.code_generator_class in generators
        # The code, and the calls whose results it contains; None for the code if it is another one each time.
        self._codes: OrderedDict[str, tuple[CodeType | None, tuple[Call, ...]]] = OrderedDict()
        # The hashes of those that were compiled once: one that has a value in it may be another one each time.
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._lock = Lock()

    def are_current(self, environment: Environment) -> bool:
        """Return whether the environment would still compile the sources to the same code."""
        # An overlay inherits all attributes of its environment, including this object.
        return (
            environment is self._environment
            and self._state == _state_of(environment)
            and self._registries
            == [environment.filters, environment.tests, environment.policies, environment.extensions]
        )

    def code(self, source: str) -> CodeType:
        """Return the code of a source, compiling it if necessary."""
        environment = self._environment
        with self._lock:
            kept = self._codes.get(source)
            if kept is not None:
                self._codes.move_to_end(source)
            elif hash(source) not in self._seen:
                self._seen[hash(source)] = None
                if len(self._seen) > _SOURCES_KEPT:
                    self._seen.popitem(last=False)
                kept = _COMPILED_AGAIN
        if kept is None:
            return self._compiled(source)
        code, calls = kept
        if code is None:
            return self._compile_once(environment, source)
        outcomes = changed_outcomes(environment, calls) if calls else None
        if outcomes is None:
            return code
        # Something returns another value now. It will not be asked twice again.
        self._keep(source, None, ())
        return compile_recording(environment, source, outcomes)[0]

    def _compiled(self, source: str) -> CodeType:
        """Compile a source for the second time, and keep its code if it may be used again."""
        environment = self._environment
        calls: tuple[Call, ...] = ()
        if len(source) > _LONGEST_KEPT:
            return self._compile_once(environment, source)
        if environment.finalize is not None and finalizes_constants(environment, source):
            # From now on, nobody looks for constants in it.
            self._keep(source, None, ())
            return self._compile_once(environment, source)
        if has_filters_or_tests(source):
            code, calls = compile_recording(environment, source)
        else:
            code = environment.compile(source)
        self._keep(source, code if all(call.can_be_compared for call in calls) else None, calls)
        return code

    def _keep(self, source: str, code: CodeType | None, calls: tuple[Call, ...]) -> None:
        with self._lock:
            self._codes[source] = (code, calls)
            self._codes.move_to_end(source)
            if len(self._codes) > _SOURCES_KEPT:
                self._codes.popitem(last=False)


def _state_of(environment: Environment) -> tuple[dict[str, object], object]:
    """Return the settings of an environment, and whether it escapes a source without a name now."""
    escape = environment.autoescape
    settings = vars(environment).copy()
    settings.pop("_sources", None)
    return settings, escape(None) if callable(escape) else escape
