"""Loops of templates whose `loop` is read in fewer steps.

Most loops ask only for their number: `loop.index`, `loop.index0`, `loop.first` and `loop.cycle(...)`. There `loop` is a
number in the code of the template. In other loops it is an object of Jinja's whose most read attributes are not
properties.
"""

from __future__ import annotations

from itertools import chain, count
from typing import TYPE_CHECKING

from jinja2 import nodes
from jinja2.runtime import LoopContext
from jinja2.utils import missing

from .folding import is_pure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from jinja2 import Environment, Undefined

_OF_NUMBERS = frozenset({"index", "index0", "first"})
# What may take all variables along, `loop` among them, or may run when the loop is over.
_TAKES_ALL: tuple[type[nodes.Node], ...] = (
    *(nodes.Include, nodes.Import, nodes.FromImport, nodes.Block, nodes.Macro, nodes.CallBlock),
    *(nodes.ContextReference, nodes.DerivedContextReference, nodes.OverlayScope),
)


def reads_of_number(loop: nodes.For) -> list[nodes.Expr] | None:
    """Return what a loop reads of its `loop`, if all of that follows from its number, else None."""
    if loop.recursive or any(isinstance(node, _TAKES_ALL) for node in loop.find_all(nodes.Node)):
        return None
    names: list[nodes.Node] = []
    found: list[nodes.Expr] = []
    rest = [*loop.body]
    while rest:
        node = rest.pop()
        if isinstance(node, nodes.Call) and _is_cycle(node):
            found.append(node)
            rest += node.args
        elif isinstance(node, nodes.Getattr) and _is_loop(node.node) and node.attr in _OF_NUMBERS:
            found.append(node)
        elif _is_loop(node):
            names.append(node)
        else:
            # The body of a loop inside has a `loop` of its own.
            rest += node.iter_child_nodes(exclude=("body",) if isinstance(node, nodes.For) else None)
    return None if names else found


def can_be_written_twice(environment: Environment, loop: nodes.For) -> bool:
    """Return whether a loop has no blocks, and nothing that calls functions when it is written.

    Jinja writes what is included without the context past the text that is joined.
    """
    calls = chain(loop.find_all(nodes.Filter), loop.find_all(nodes.Test))
    reads = chain(loop.find_all(nodes.Getattr), loop.find_all(nodes.Getitem))
    return (
        environment.finalize is None
        and loop.find(nodes.Block) is None
        and all(include.with_context for include in loop.find_all(nodes.Include))
        and all(is_pure(environment, type(call), call.name) or call.find(nodes.Name) is not None for call in calls)
        and all(read.find(nodes.Name) is not None for read in reads)
    )


def _is_loop(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == "loop"


def _is_cycle(node: nodes.Call) -> bool:
    """Return whether a call is one of `loop.cycle` with values, and no other one among them.

    Its arguments are written twice; within each other they would be written many times.
    """
    return (
        _calls_cycle(node)
        and bool(node.args)
        and not (node.kwargs or node.dyn_args or node.dyn_kwargs)
        and not any(_calls_cycle(other) for other in node.find_all(nodes.Call))
    )


def _calls_cycle(node: nodes.Call) -> bool:
    called = node.node
    return isinstance(called, nodes.Getattr) and called.attr == "cycle" and _is_loop(called.node)


def numbered(iterable: Iterable[object], _: type[Undefined]) -> Iterator[tuple[object, int]]:
    """Return the items with their numbers."""
    return zip(iterable, count())


def _is_last(loop: LoopContext) -> bool:
    if loop._after is missing:
        loop._after = next(loop._iterator, missing)
    return loop._after is missing


def _go_on(loop: LoopContext) -> tuple[object, LoopContext]:
    item, _ = LoopContext.__next__(loop)
    vars(loop).update(index=loop.index0 + 1, first=loop.index0 == 0)
    return item, loop


# What `loop` is where more is asked of it than its number. `index` and `first` are properties of Jinja's class, and
# attributes of the instance here. Its repr shows the name.
Loop: type = type(
    LoopContext.__name__,
    (LoopContext,),
    {
        "__module__": LoopContext.__module__,
        "index": 0,
        "first": False,
        "last": property(_is_last),
        "__next__": _go_on,
    },
)


def looped(
    iterable: Iterable[object],
    undefined: type[Undefined],
    recurse: Callable[..., str] | None = None,
    depth0: int = 0,
) -> Iterator[tuple[object, LoopContext]]:
    """Yield the items with their `loop`, which a template may move on as well."""
    loop = Loop(iterable, undefined, recurse, depth0)
    while True:
        item = loop._after
        if item is not missing:
            loop._after = missing
        else:
            try:
                # It is another one when the length was asked for.
                item = next(loop._iterator)
            except StopIteration:
                return
        loop.index0 = number = loop.index0 + 1
        loop.index = number + 1
        loop.first = number == 0
        loop._before = loop._current
        loop._current = item
        yield item, loop


#: What the code of templates has for its loops.
NAMES = {"looped": looped, "numbered": numbered}
