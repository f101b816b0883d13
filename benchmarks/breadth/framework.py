"""The framework of this process: `f` is `flask` or `tuile`, whichever the variable names that the driver sets."""

from __future__ import annotations

import importlib
import os
from typing import Any

VARIABLE = "BREADTH_FRAMEWORK"

#: The package. With Tuile, `import flask` means Tuile from here on, which is how the extensions run on it.
f: Any = importlib.import_module(os.environ[VARIABLE])
for _module in ("json.provider", "sessions", "views"):
    importlib.import_module(f"{f.__name__}.{_module}")
