"""Which functions for `autoescape` depend on the name of a template alone."""

from __future__ import annotations

#: Those functions: what they return may be kept. `sansio.app`, which is in a higher layer, adds its method.
plain_escapes: set[object] = set()
