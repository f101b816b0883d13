"""The code of template files, shared by all applications of the process.

A test suite makes an application for each test, and each of them compiles the same files to the same code. That takes
several times as long as rendering, so the code is kept with all that it depends on: the source, the names, the settings
of the environment, and what is known of the filters and tests that it names when it is compiled.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from types import FunctionType
from typing import TYPE_CHECKING, TypeAlias

from jinja2 import ChainableUndefined, DebugUndefined, StrictUndefined, Undefined, nodes
from jinja2.compiler import CodeGenerator as JinjaCodeGenerator
from jinja2.defaults import DEFAULT_POLICIES
from jinja2.lexer import Lexer
from jinja2.optimizer import Optimizer
from jinja2.parser import Parser

from ..invalidation import Stock
from .autoescape import is_plain
from .compiling import CodeGenerator
from .folding import compile_parsed, compiles_plainly, has_filters_or_tests, is_pure, needs_name

if TYPE_CHECKING:
    from collections.abc import Hashable
    from types import CodeType

    from jinja2 import Environment

    # A filter or a test of a source: its kind, its name, and what was known of it.
    _Used: TypeAlias = tuple[type[nodes._FilterTestCommon], str, Hashable]

# How many templates are kept, each of at most so many characters.
_MOST_KEPT = 256
_LONGEST_KEPT = 65_536
# The settings that decide what a source is compiled to; all other ones are compared with Jinja's defaults, or are asked
# for when the code runs.
_SYNTAX = (
    *("block_start_string", "block_end_string", "variable_start_string", "variable_end_string"),
    *("comment_start_string", "comment_end_string", "line_statement_prefix", "line_comment_prefix"),
    *("trim_blocks", "lstrip_blocks", "newline_sequence", "keep_trailing_newline", "undefined"),
)
_KNOWN_UNDEFINED = frozenset({Undefined, StrictUndefined, ChainableUndefined, DebugUndefined})
# Filters that Jinja calls for constants read the policies; `tojson`, which is never called then, has those of JSON.
_POLICIES = {name: value for name, value in DEFAULT_POLICIES.items() if not name.startswith("json.")}
# Made by contextlib, so it cannot be compared with what Jinja defined.
_NOT_COMPARED = "_filter_test_common"


def _functions_of(kind: type) -> Stock:
    return Stock(
        kind, *(name for name in vars(kind) if type(vars(kind)[name]) is FunctionType and name != _NOT_COMPARED)
    )


# What compiles a source.
_COMPILERS = {kind: _functions_of(kind) for kind in (CodeGenerator, JinjaCodeGenerator, Lexer, Optimizer, Parser)}
_kept: OrderedDict[tuple[Hashable, ...], tuple[CodeType, tuple[_Used, ...]]] = OrderedDict()
_lock = Lock()


def code_of_file(environment: Environment, source: str, name: str, filename: str | None) -> CodeType:
    """Return the code of a template, compiled by this environment or by one that compiles it to the same code.

    Args:
        environment: The environment, of Tuile's own class and without a cache of bytecode.
        source: The source of the template.
        name: The name that it was loaded by.
        filename: Its file, for tracebacks.

    Raises:
        jinja2.TemplateSyntaxError: If it is no template.
    """
    are_plain = type(source) is type(name) is str and (filename is None or type(filename) is str)
    if not are_plain or len(source) > _LONGEST_KEPT or not _compiles_by_defaults(environment):
        return environment.compile(source, name, filename)
    escape = environment.autoescape
    escapes = escape(name) if callable(escape) else escape
    key = (source, name, filename, escapes, *(getattr(environment, setting) for setting in _SYNTAX))
    with _lock:
        kept = _kept.get(key)
        if kept is not None:
            _kept.move_to_end(key)
    if kept is not None and all(known == _known_of(environment, kind, word) for kind, word, known in kept[1]):
        return kept[0]
    code, used = _compiled(environment, source, name, filename)
    if used is not None:
        with _lock:
            _kept[key] = code, used
            if len(_kept) > _MOST_KEPT:
                _kept.popitem(last=False)
    return code


def _compiles_by_defaults(environment: Environment) -> bool:
    """Return whether the code of a source depends on nothing but what it is kept with."""
    escape = environment.autoescape
    policies = environment.policies
    return (
        environment.code_generator_class is CodeGenerator
        and compiles_plainly(environment)
        and (isinstance(escape, bool) or is_plain(escape))
        and environment.undefined in _KNOWN_UNDEFINED
        and environment.optimized is True
        and environment.finalize is None
        and not (environment.extensions or environment.is_async or environment.sandboxed)
        and all(name in policies and policies[name] == value for name, value in _POLICIES.items())
        and all(stock.is_in(kind) for kind, stock in _COMPILERS.items())
    )


def _compiled(
    environment: Environment, source: str, name: str, filename: str | None
) -> tuple[CodeType, tuple[_Used, ...] | None]:
    """Compile a template.

    Returns:
        The code, and the filters and tests that it depends on; None for these if it may have what one of the
        application's own returned for constants.
    """
    if not has_filters_or_tests(source):
        return environment.compile(source, name, filename), ()
    template = environment.parse(source, name, filename)
    used: set[_Used] = set()
    for node in template.find_all((nodes.Filter, nodes.Test)):
        kind, word = type(node), node.name
        if not (is_pure(environment, kind, word) or needs_name(node)):
            return compile_parsed(environment, template, source, name, filename), None
        used.add((kind, word, _known_of(environment, kind, word)))
    return compile_parsed(environment, template, source, name, filename), tuple(used)


def _known_of(environment: Environment, kind: type[nodes._FilterTestCommon], name: str) -> Hashable:
    """Return what is known of a filter or a test when a template is compiled."""
    if is_pure(environment, kind, name):
        return True
    function: object = (environment.tests if kind is nodes.Test else environment.filters).get(name)
    return function is None, getattr(function, "jinja_pass_arg", None)
