"""Refuse requests for hosts that are not in `TRUSTED_HOSTS`."""

from __future__ import annotations

import typing as t

from werkzeug.exceptions import SecurityError

from ..lazy import late_modules

if t.TYPE_CHECKING:
    from ..ctx.request_context import RequestContext
    from ..http import hosts
else:
    (hosts,) = late_modules(__name__, "..http.hosts")


def is_trusted(context: RequestContext, trusted: list[str]) -> bool:
    """Return whether the host of a request is trusted, and store the trusted hosts on the request."""
    request = context.request
    request.trusted_hosts = trusted
    try:
        # As `request.host = ...`, in one call less.
        vars(request)["host"] = hosts.read_host(request.environ, trusted)
    except Exception as error:  # noqa: BLE001 - the adapter raises any other again, where it is answered
        if type(error) is SecurityError:
            # As the adapter refuses the host.
            context.url_adapter, request.routing_exception = None, error.with_traceback(None)
        return False
    return True
