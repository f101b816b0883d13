"""A pytest plugin: from its import on, `import flask` means Tuile."""

from __future__ import annotations

import tuile.shim

tuile.shim.install()
