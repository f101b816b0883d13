"""The application and request contexts, and the functions that work on the current one."""

from __future__ import annotations

import typing as t

from ..flask_names import offer_flasks_names

if t.TYPE_CHECKING:
    # Found when they are asked for: to import them here would be a cycle.
    from .app_context import AppContext as AppContext
    from .functions import after_this_request as after_this_request
    from .functions import copy_current_request_context as copy_current_request_context
    from .functions import has_app_context as has_app_context
    from .functions import has_request_context as has_request_context
    from .namespace import _AppCtxGlobals as _AppCtxGlobals
    from .request_context import RequestContext as RequestContext

offer_flasks_names(__name__)
