"""The arguments of `url_for` that are not values."""

from __future__ import annotations

OPTIONS = frozenset({"_anchor", "_method", "_scheme", "_external"})
