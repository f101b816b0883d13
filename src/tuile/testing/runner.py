"""Run the commands of an application in a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from tuile.cli import ScriptInfo

if TYPE_CHECKING:
    from click.testing import Result

    from tuile.app import Flask


class FlaskCliRunner(CliRunner):
    """A click CliRunner that passes the application under test to its commands.

    Args:
        app: The application.
        kwargs: Passed to click's CliRunner.
    """

    def __init__(self, app: Flask, **kwargs: Any) -> None:
        self.app = app
        super().__init__(**kwargs)

    def invoke(  # type: ignore[override]  # as in Flask: the command may be left out
        self, cli: Any = None, args: Any = None, **kwargs: Any
    ) -> Result:
        """Invoke a command and return click's Result: exit code, output, exception.

        Args:
            cli: A command or group. By default the application's own group.
            args: The arguments, as a list or one string.
            kwargs: Passed to CliRunner.invoke. ``obj`` defaults to a ScriptInfo with the application.
        """
        kwargs.setdefault("obj", ScriptInfo(create_app=lambda: self.app))
        return super().invoke(self.app.cli if cli is None else cli, args, **kwargs)
