"""Messages kept in the session until a page shows them.

Floor 3 (what a view reaches for).

Lives here: `flash` and `get_flashed_messages`.
Does not live here: how a session is kept (sessions).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .ctx.app_context import value_with_request
from .signals import message_flashed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .ctx.request_context import RequestContext


def flash(message: str, category: str = "message") -> None:
    """Keep a message for the next page that asks for messages.

    category: any word a page can tell messages apart by; customary are message, error, info and
        warning.
    """
    context = value_with_request()
    session = context.session
    # Assigned anew, because a session notices an assignment and not a change inside a value.
    session["_flashes"] = [*session.get("_flashes", ()), (category, message)]
    if message_flashed.receivers:
        app = context.app
        message_flashed.send(app, _async_wrapper=app.ensure_sync, message=message, category=category)


def get_flashed_messages(
    with_categories: bool = False, category_filter: Iterable[str] = ()
) -> list[str] | list[tuple[str, str]]:
    """The messages kept so far, taken out of the session; the same ones all through a request.

    with_categories: give (category, message) pairs instead of messages.
    category_filter: give only messages of these categories; empty gives all.
    """
    context = value_with_request()
    request_context: RequestContext = context.request_context
    flashes = request_context.flashes
    if flashes is None:
        session = context.session
        # Looking first leaves a session that holds no message unmodified.
        flashes = session.pop("_flashes") if "_flashes" in session else []
        request_context.flashes = flashes
    if category_filter:
        flashes = [pair for pair in flashes if pair[0] in category_filter]
    if with_categories:
        return flashes
    return [pair[1] for pair in flashes]
