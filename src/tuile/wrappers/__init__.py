"""The request and response objects."""

from __future__ import annotations

import typing as t

from ..flask_names import offer_flasks_names

if t.TYPE_CHECKING:
    # Imported on first use, because importing them here would be circular.
    from .request import Request as Request
    from .response import Response as Response

offer_flasks_names(__name__)
