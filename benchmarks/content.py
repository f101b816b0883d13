"""What the applications of all peers show, so that they can be compared: texts, settings, files.

What must live here: constants, and no import but `os`, because the memory figures count what this file loads.
"""

from __future__ import annotations

import os

ASSETS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "assets")
TEMPLATES = os.path.join(ASSETS, "templates")
STATIC = os.path.join(ASSETS, "static")

SECRET_KEY = "b3e0a1c59f7d4e6288aa0c1d2e3f4a5b"  # noqa: S105 - signs the benchmarks' cookies only
HELLO = "Hello, World!"
# A cookie's attributes as a careful application sets them.
COOKIE_MAX_AGE_S = 3600
# What the small page shows, and its source as a template.
PAGE = {"title": "Reading list", "user": "Ada & Charles", "items": ["Émile", "<Middlemarch>", "Ulysses", "Emma"]}
with open(os.path.join(TEMPLATES, "page.html"), encoding="utf-8") as _file:
    PAGE_SOURCE = _file.read()
STREAM_PIECES = 20
STREAM_PIECE = "x" * 1023 + "\n"
BLOG_PASSWORD = "correct horse battery staple"  # noqa: S105 - of nobody
