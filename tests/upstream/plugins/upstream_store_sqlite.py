"""A pytest plugin: `import flask` means Tuile, and every application keeps its sessions on the server, in SQLite."""

from __future__ import annotations

import atexit
import shutil
import tempfile

from werkzeug.datastructures import ImmutableDict

import tuile.shim

tuile.shim.install()
_folder = tempfile.mkdtemp(prefix="tuile-sessions-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
tuile.Flask.default_config = ImmutableDict(
    {**tuile.Flask.default_config, "SESSION_STORE": f"sqlite:///{_folder}/sessions.db"}
)
