"""A pytest plugin: `import flask` means Tuile, and every application keeps its sessions on the server, in memory."""

from __future__ import annotations

from werkzeug.datastructures import ImmutableDict

import tuile.shim

tuile.shim.install()
tuile.Flask.default_config = ImmutableDict({**tuile.Flask.default_config, "SESSION_STORE": "memory"})
