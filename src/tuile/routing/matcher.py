"""Werkzeug's matcher, to which rules may be added while requests are matched."""

from __future__ import annotations

import typing as t

from werkzeug.routing import Rule as WerkzeugRule
from werkzeug.routing import ValidationError
from werkzeug.routing.exceptions import NoMatch, RequestAliasRedirect, RequestPath
from werkzeug.routing.matcher import State, StateMachineMatcher

from ..invalidation import as_defined
from ..lazy import late_modules

if t.TYPE_CHECKING:
    from . import search
else:
    (search,) = late_modules(__name__, ".search")

_werkzeugs_match = as_defined(StateMachineMatcher, "match")


class Matcher(StateMachineMatcher):
    """Werkzeug's matcher, for rules that are added while requests are matched, and for very many of them."""

    def __init__(self, merge_slashes: bool) -> None:
        super().__init__(merge_slashes)
        # The states that got another variable part since the last `update`.
        self._unsorted: dict[int, State] = {}
        self._patterns: search.Patterns = {}

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

    def match(
        self, domain: str, path: str, method: str, websocket: bool
    ) -> tuple[WerkzeugRule, t.MutableMapping[str, object]]:
        """Return the rule and the view's arguments for a path, as Werkzeug's matcher does.

        Applications that ask an adapter come here, and so do requests that a map has left to Werkzeug.

        Raises:
            NoMatch: If there is no rule.
            RequestPath: If there is one for the path with one more slash, or with fewer.
            RequestAliasRedirect: If the rule is an alias.
        """
        if websocket or StateMachineMatcher.match is not _werkzeugs_match:
            return super().match(domain, path, method, websocket)
        look = search.Search(method, self._patterns)
        found, reached, is_merged = look.find(self._root, domain, path, merge_slashes=self.merge_slashes)
        if found is search.UNSURE:
            return super().match(domain, path, method, websocket)
        if found is search.SLASH:
            raise RequestPath(f"{reached}/")
        if not isinstance(found, WerkzeugRule) or (is_merged and found.merge_slashes is False):
            raise NoMatch(search.union(look.passed), False)
        if is_merged:
            raise RequestPath(reached)
        try:
            arguments = look.arguments(found)
        except ValidationError as error:
            raise NoMatch(search.union(look.passed), False) from error
        if found.alias and found.map.redirect_defaults:
            raise RequestAliasRedirect(arguments, found.endpoint)
        return found, arguments
