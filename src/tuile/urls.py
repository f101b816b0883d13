"""The URL of an endpoint.

Floor 3 (what a view reaches for).

Lives here: `url_for`, which asks the running application.
Does not live here: how a URL is built (routing) and what may be overridden in it (app).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .context import current
from .proxies import current_app

if TYPE_CHECKING:
    from .app import Flask


def url_for(
    endpoint: str,
    *,
    _anchor: str | None = None,
    _method: str | None = None,
    _scheme: str | None = None,
    _external: bool | None = None,
    **values: Any,
) -> str:
    """The URL of `endpoint`, filled with `values`; see `Flask.url_for`.

    endpoint: its name; a leading dot stands for the current blueprint.
    _anchor: what goes behind `#`.
    _method: which method's rule is meant, when the endpoint has several.
    _scheme: `http`, `https`, ... of an external URL.
    _external: whether scheme and host are part of it; the default is no within a request, yes
        outside.
    values: the variables of the rule; what the rule does not have becomes the query string.
    """
    context = current.get(None)
    # The unbound proxy raises, and its message says what is missing.
    app: Flask = current_app if context is None else context.app
    return app.url_for(endpoint, _anchor=_anchor, _method=_method, _scheme=_scheme, _external=_external, **values)
