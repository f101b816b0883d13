"""A pytest plugin: from its import on, `import flask` means Tuile."""

from __future__ import annotations

import tuile.stand_in

tuile.stand_in.install()
