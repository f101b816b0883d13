"""A pytest plugin: `import flask` means Tuile, and every application keeps its sessions on the server, in memory."""

from __future__ import annotations

import tuile.shim

tuile.shim.install()
tuile.Flask.default_config = type(tuile.Flask.default_config)({**tuile.Flask.default_config, "SESSION_STORE": "memory"})
