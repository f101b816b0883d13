"""The command line: ``tuile``, ``app.cli``, and everything that ``flask.cli`` offers.

This module defines the group of the ``tuile`` script and re-exports the public names. Submodules must look up the names
that users replace on this module: ``show_server_banner``, to silence the banner, or ``run_simple`` in tests.
"""

from __future__ import annotations

import sys

from werkzeug.serving import is_running_from_reloader, run_simple

from tuile import shim
from tuile.environment import get_debug_flag, get_load_dotenv
from tuile.flask_names import offer_flasks_names
from tuile.globals import current_app

from .commands import (
    explain_ignored_run,
    get_version,
    routes_command,
    run_command,
    secret_command,
    shell_command,
    show_server_banner,
    version_option,
)
from .doctor import doctor_command
from .env_files import load_dotenv
from .exec_command import exec_command
from .explain import explain_command
from .finding import (
    NoAppException,
    _called_with_wrong_args,
    find_app_by_string,
    find_best_app,
    locate_app,
    prepare_import,
)
from .groups import AppGroup, FlaskGroup
from .list_cookies import cookies_command
from .new_command import new_command
from .option_types import CertParamType, SeparatedPathType, _validate_key
from .options import _app_option, _debug_option, _env_file_option
from .prove_command import prove_command
from .rotate_keys import rotate_keys_command
from .script import ScriptInfo, pass_script_info, with_appcontext
from .serve_command import serve_command
from .sessions_group import sessions_group
from .settings_command import settings_command

__all__ = [
    "AppGroup",
    "CertParamType",
    "FlaskGroup",
    "NoAppException",
    "ScriptInfo",
    "SeparatedPathType",
    "_app_option",
    "_called_with_wrong_args",
    "_debug_option",
    "_env_file_option",
    "_validate_key",
    "cli",
    "current_app",
    "explain_ignored_run",
    "find_app_by_string",
    "find_best_app",
    "get_debug_flag",
    "get_load_dotenv",
    "get_version",
    "is_running_from_reloader",
    "load_dotenv",
    "locate_app",
    "main",
    "pass_script_info",
    "prepare_import",
    "rotate_keys_command",
    "routes_command",
    "run_command",
    "run_simple",
    "secret_command",
    "shell_command",
    "show_server_banner",
    "version_option",
    "with_appcontext",
]

cli = FlaskGroup(
    name="tuile",
    help="""\
Run and inspect a Flask application on Tuile.

The application is named with '--app' or the environment variable 'FLASK_APP'.
Without either, 'wsgi.py' and then 'app.py' in the current directory are tried.
""",
)
# Not among the default commands of every FlaskGroup: in a project's own script they would hide
# commands of the same names.
for _command in (
    cookies_command,
    doctor_command,
    exec_command,
    explain_command,
    new_command,
    prove_command,
    rotate_keys_command,
    secret_command,
    serve_command,
    sessions_group,
    settings_command,
):
    cli.add_command(_command)


def main() -> None:
    """Run the ``tuile`` command line with the arguments of this process, then exit.

    ``import flask`` means Tuile from this call on, before any plugin or application is loaded.
    """
    name = sys.argv[1:2]
    if name == ["exec"]:
        # Skip the group: env files and plugins must not be loaded for another program.
        exec_command.main(sys.argv[2:], prog_name="tuile exec")
    if name == ["prove"]:
        # As above, for two programs, of which one must not have the shim.
        prove_command.main(sys.argv[2:], prog_name="tuile prove")
    try:
        shim.install(children=True)
    except RuntimeError as error:
        if name != ["doctor"]:  # which reports it in detail
            sys.exit(f"Error: {error}")
    cli.main()


offer_flasks_names(__name__)
