"""What each endpoint spends its time on, and why its requests are not answered by the fast path."""

from __future__ import annotations

import typing as t
from statistics import median

from ..sessions.plain import WRITERS
from ..signals import request_finished, request_started
from .records import KINDS

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..app import Flask
    from ..ctx.app_context import Current
    from .records import Recording

# What the fast path sends without a response object.
_WRITTEN = frozenset({"str", "dict", "list"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def reasons_of(app: Flask, context: Current, found: Recording) -> list[str]:
    """Return why a request is not answered by the fast path although the application has one; empty if it is."""
    request = context.request
    if request is None or request.url_rule is None:
        # Its page is sent by the fast path too, if nobody sees it.
        is_seen = app.before_request_funcs or app.after_request_funcs
        return ["no rule matches the URL, and a hook is called"] if is_seen else []
    reasons = []
    if app.after_request_funcs:
        reasons.append("after_request functions are called with each response")
    if request_started.receivers or request_finished.receivers:
        reasons.append("a signal of requests has receivers")
    if found.method not in _SAFE and app.config.get("CSRF") is not None:
        reasons.append("CSRF is on, and the method is not a safe one")
    if context._after_functions:
        reasons.append("after_this_request functions are called")
    if found.returned == "":
        reasons.append("the view did not return: a hook answered, or an error was handled")
    if context._cookies is not None or context._opened_session is not None:
        reasons += _reasons_of_state(context, found)
    return reasons


def _reasons_of_state(context: Current, found: Recording) -> Iterator[str]:
    cookies, session = context._cookies, context._opened_session
    if cookies is not None and cookies._written:
        yield "cookies are written with `cookies`"
    elif cookies is not None and cookies._reads:
        yield "cookies are read with `cookies`, so the response gets Vary: Cookie"
    if session is not None and type(session) not in WRITERS:
        yield f"the session is a {type(session).__name__}, which is saved with a response object"
    elif session is not None and found.returned not in _WRITTEN:
        yield "the session is used, and the view does not return text or JSON"


class Cost(t.NamedTuple):
    """The cost of an endpoint: the medians of its recorded requests, in microseconds."""

    endpoint: str
    rule: str
    requests: int
    total_us: int
    times_us: dict[str, int]
    reasons: list[str]


def summarise(recordings: Iterable[Recording]) -> list[Cost]:
    """Return the cost of each endpoint, the dearest first."""
    groups: dict[str, list[Recording]] = {}
    for found in recordings:
        if found.is_finished and found.protocol != "WebSocket":
            groups.setdefault(found.endpoint or "(no endpoint)", []).append(found)
    costs = []
    for endpoint, group in groups.items():
        times: dict[str, int] = {kind: int(median(one.times_ns[kind] for one in group)) // 1000 for kind in KINDS}
        reasons = list(dict.fromkeys(reason for one in group for reason in one.slow_reasons))
        total = int(median(sum(one.times_ns.values()) for one in group)) // 1000
        costs.append(Cost(endpoint, group[-1].rule, len(group), total, times, reasons))
    return sorted(costs, key=lambda cost: -cost.total_us)
