"""Examine the process: the interpreter, the packages, and what ``import flask`` means."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING

from tuile import shim
from tuile.packages import installed_version

from .report import FAILS, NOTE, Finding
from .sources import TUILE_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator

# The packages that Tuile requires.
_PACKAGES = ("werkzeug", "jinja2", "markupsafe", "itsdangerous", "click", "blinker")


def describe_process() -> dict[str, object]:
    """Return facts about this process, by name."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "executable": sys.executable,
        "tuile": installed_version("tuile") or "not installed, run from its source",
        "tuile_is_in": TUILE_DIR,
        "interface": f"Flask {shim.INTERFACE}",
        "packages": {name: installed_version(name) or "not installed" for name in _PACKAGES},
        "flask_distribution": installed_version("flask"),
        "shim_installed": shim.is_installed(),
        "started_by_tuile_exec": shim.START in sys.path,
        "sitecustomize": getattr(sys.modules.get("sitecustomize"), "__file__", None),
    }


def examine_process() -> Iterator[Finding]:
    """Yield what in this process keeps Tuile from working."""
    yield from _examine_flask()
    for flag, option, reason in (
        ("no_site", "-S", "does not run sitecustomize"),
        ("ignore_environment", "-E" if not sys.flags.isolated else "-I", "ignores PYTHONPATH"),
    ):
        if getattr(sys.flags, flag):
            yield Finding(
                NOTE,
                f"python {option}",
                f"{reason}, so 'tuile exec' has no effect on a program that is started this way."
                " Start the program with 'import tuile.shim; tuile.shim.install()' instead.",
            )
    installed = installed_version("flask")
    if installed is not None and installed != shim.INTERFACE:
        yield Finding(
            NOTE,
            f"Flask {installed}",
            f"is installed, but Tuile has the interface of {shim.INTERFACE}:"
            " an extension that checks the version may expect the other interface.",
        )


def _examine_flask() -> Iterator[Finding]:
    """Yield the modules that use the real Flask."""
    real = shim.real_flask()
    if real is not None:
        for name in shim.holders():
            reason = "uses the real Flask, which does not work together with Tuile"
            yield Finding(FAILS, name, reason, getattr(sys.modules[name], "__file__", None) or "")
    if not shim.is_installed():
        reason = "does not mean Tuile in this process"
        if real is not None:
            reason += f": Flask itself was imported first, from {getattr(real, '__file__', None)}"
        yield Finding(FAILS, "import flask", reason)
