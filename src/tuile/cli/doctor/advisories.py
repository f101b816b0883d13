"""Advisories for packages that an application may run on: the release that mends each one.

Read on 2026-11-28. For what Tuile requires it is the table of docs/advisories.md; a test compares the two.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tuile.packages import installed_version

from .report import UNSAFE, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Of the packages that Tuile requires or has an extra for: the advisory, the package, and the first release without it.
OF_DEPENDENCIES = (
    ("CVE-2023-46136", "werkzeug", "3.0.1"),
    ("CVE-2024-34069", "werkzeug", "3.0.3"),
    ("CVE-2024-49766", "werkzeug", "3.0.6"),
    ("CVE-2024-49767", "werkzeug", "3.0.6"),
    ("CVE-2025-66221", "werkzeug", "3.1.4"),
    ("CVE-2026-21860", "werkzeug", "3.1.5"),
    ("CVE-2026-27199", "werkzeug", "3.1.6"),
    ("CVE-2024-22195", "jinja2", "3.1.3"),
    ("CVE-2024-34064", "jinja2", "3.1.4"),
    ("CVE-2024-56201", "jinja2", "3.1.5"),
    ("CVE-2024-56326", "jinja2", "3.1.5"),
    ("CVE-2025-27516", "jinja2", "3.1.6"),
    ("CVE-2026-7246", "click", "8.3.3"),
    ("CVE-2023-49083", "cryptography", "41.0.6"),
    ("CVE-2024-26130", "cryptography", "42.0.4"),
    ("CVE-2024-12797", "cryptography", "44.0.1"),
    ("CVE-2026-26007", "cryptography", "46.0.5"),
    ("CVE-2026-34073", "cryptography", "46.0.6"),
    ("CVE-2026-39892", "cryptography", "46.0.7"),
    ("CVE-2026-69247", "cryptography", "50.0.0"),
    ("CVE-2026-28684", "python-dotenv", "1.2.2"),
    ("CVE-2025-14550", "asgiref", "3.11.1"),
    ("CVE-2023-28859", "redis", "4.5.4"),
)
#: Of servers, which smuggle or drop requests.
OF_SERVERS = (
    ("CVE-2024-1135", "gunicorn", "22.0.0"),
    ("CVE-2024-6827", "gunicorn", "23.0.0"),
    ("CVE-2024-49768", "waitress", "3.0.1"),
    ("CVE-2024-49769", "waitress", "3.0.1"),
    ("CVE-2023-41419", "gevent", "23.9.0"),
)
_numbers = re.compile(r"\d+(?:\.\d+)*")


def examine_versions() -> Iterator[Finding]:
    """Yield the installed packages with known vulnerabilities."""
    for advisory, package, mended in (*OF_DEPENDENCIES, *OF_SERVERS):
        installed = installed_version(package)
        if installed is not None and _release(installed) < _release(mended):
            reason = f"has a known vulnerability ({advisory}), which {mended} mends: pip install '{package}>={mended}'"
            yield Finding(UNSAFE, f"{package} {installed}", reason, id=advisory.lower())


def _release(version: str) -> tuple[int, ...]:
    found = _numbers.match(version)
    return () if found is None else tuple(map(int, found[0].split(".")))
