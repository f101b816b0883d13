"""The request and response objects."""

from __future__ import annotations

import typing as t

from ..flask_names import offer_flasks_names

if t.TYPE_CHECKING:
    # Found when they are asked for: to import them here would be a cycle.
    from .request import Request as Request
    from .response import Response as Response

offer_flasks_names(__name__)
