"""Flask's name for the application without input and output, which is Tuile's application.

`App` is imported on first use from `tuile.app`, which is in a higher layer.
"""

from __future__ import annotations

import typing as t

from ..flask_names import offer_flasks_names

if t.TYPE_CHECKING:
    from ..app import Flask as App  # noqa: F401 - what is found

offer_flasks_names(__name__)
