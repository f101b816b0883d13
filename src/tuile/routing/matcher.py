"""Werkzeug's matcher, to which rules may be added while requests are matched."""

from __future__ import annotations

import typing as t

from werkzeug.routing.matcher import State, StateMachineMatcher

if t.TYPE_CHECKING:
    from werkzeug.routing import Rule as WerkzeugRule


class Matcher(StateMachineMatcher):
    """Werkzeug's matcher, for rules that are added while requests are matched, and for very many of them."""

    def __init__(self, merge_slashes: bool) -> None:
        super().__init__(merge_slashes)
        # The states that got another variable part since the last `update`.
        self._unsorted: dict[int, State] = {}

    def add(self, rule: WerkzeugRule) -> None:
        """Add a rule, and the states for its parts."""
        state = self._root
        for part in rule._parts:
            if part.static:
                following = state.static.get(part.content)
                if following is None:
                    following = state.static.setdefault(part.content, State())
            else:
                for known, following in state.dynamic:  # noqa: B007 - read after the loop
                    if known == part:
                        break
                else:
                    following = State()
                    state.dynamic.append((part, following))
                    if len(state.dynamic) > 1:
                        self._unsorted[id(state)] = state
            state = following
        state.rules.append(rule)

    def update(self) -> None:
        """Sort the variable parts of the states by weight."""
        while self._unsorted:
            _, state = self._unsorted.popitem()
            # Not in place: a list that is being sorted is empty for every other thread. The lock is reentrant, so this
            # thread may add a rule to the old list meanwhile.
            unsorted, count = state.dynamic, len(state.dynamic)
            state.dynamic = sorted(unsorted[:count], key=lambda entry: entry[0].weight)
            state.dynamic += unsorted[count:]
