"""A pytest plugin for both sides: the settings of Django that its tests of sessions need."""

from __future__ import annotations

import os
import sys
from importlib import import_module

sys.path.insert(0, os.getcwd())  # where the tests are, which are a Django app
import_module("django.conf").settings.configure(
    SECRET_KEY="a key for tests only",
    INSTALLED_APPS=["django.contrib.sessions", "sessions_tests"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    USE_TZ=False,
)
import_module("django").setup()
