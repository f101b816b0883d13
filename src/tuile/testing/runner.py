"""Invoking an application's commands in a test. Floor 6, the edges.

Here lives the runner that ``app.test_cli_runner()`` makes. The commands, and the way to an
application, live in ``tuile.cli``, which this room may know although both are edges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from tuile.cli import ScriptInfo

if TYPE_CHECKING:
    from click.testing import Result

    from tuile.app import Flask


class FlaskCliRunner(CliRunner):
    """A click CliRunner whose commands get the application under test.

    `kwargs` are passed to click's CliRunner.
    """

    def __init__(self, app: Flask, **kwargs: Any) -> None:
        self.app = app
        super().__init__(**kwargs)

    def invoke(  # type: ignore[override]  # as in Flask: the command may be left out
        self, cli: Any = None, args: Any = None, **kwargs: Any
    ) -> Result:
        """Invoke a command and return click's Result: exit code, output, exception.

        cli
            a command or group; the application's own group when it is left out
        args
            the arguments, a list or one line of text
        kwargs
            passed to CliRunner.invoke; ``obj`` is a ScriptInfo with the application
            unless you give one
        """
        kwargs.setdefault("obj", ScriptInfo(create_app=lambda: self.app))
        return super().invoke(self.app.cli if cli is None else cli, args, **kwargs)
