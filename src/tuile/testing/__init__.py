"""What a test of an application needs: clients and a runner of commands. Floor 6, the edges.

Here lives only the list of names; ``client`` sends requests, ``runner`` invokes commands. The
runner is imported when it is asked for, since it needs click and most tests need no command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .client import EnvironBuilder, FlaskClient, _get_werkzeug_version

if TYPE_CHECKING:
    from .runner import FlaskCliRunner

__all__ = ["EnvironBuilder", "FlaskCliRunner", "FlaskClient", "_get_werkzeug_version"]


def __getattr__(name: str) -> Any:
    if name == "FlaskCliRunner":
        from .runner import FlaskCliRunner  # noqa: PLC0415 - see the module's docstring

        globals()[name] = FlaskCliRunner
        return FlaskCliRunner
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
