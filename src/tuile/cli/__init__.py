"""The command line: ``tuile``, ``app.cli`` and everything ``flask.cli`` offers. Floor 6, the edges.

Here live the group behind the ``tuile`` script and the one list of public names. What they
do lives in the rooms beside this one:

=================  ==========================================================
``finding``        from the text after ``--app`` to an application object
``script``         the application behind one run of the command line
``env_files``      ``.env`` and ``.flaskenv``
``groups``         click groups that know the application
``options``        ``--app``, ``--debug`` and ``--env-file``
``option_types``   what ``--cert``, ``--key`` and the path lists accept
``commands``       run, shell, routes, secret, and the version
``rotate_keys``    rotate-keys, which says how a key is changed
``exec_command``   exec, which starts another program on Tuile
``list_cookies``   cookies, which lists the cookies that an application declares
``doctor``         doctor, which says what an application really runs on
=================  ==========================================================

A collaborator that other people replace (``tuile.cli.show_server_banner = ...`` is the usual
way to silence the banner, ``run_simple`` the usual thing to fake in a test) is looked up on
this module when it is called, by the rooms too. A new room must keep to that.
"""

from __future__ import annotations

import sys

from werkzeug.serving import is_running_from_reloader, run_simple

from tuile import shim
from tuile.environment import get_debug_flag, get_load_dotenv
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
from .option_types import CertParamType, SeparatedPathType, _validate_key
from .options import _app_option, _debug_option, _env_file_option
from .rotate_keys import rotate_keys_command
from .script import ScriptInfo, pass_script_info, with_appcontext

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
# Only here and not among a FlaskGroup's default commands: in somebody's own script they would
# shadow commands of these names.
for _command in (cookies_command, doctor_command, exec_command, rotate_keys_command, secret_command):
    cli.add_command(_command)


def main() -> None:
    """Run the ``tuile`` command line on this process's arguments, then exit.

    From here on, before a plugin or the application is loaded, ``import flask`` means Tuile.
    """
    name = sys.argv[1:2]
    if name == ["exec"]:
        # Straight there: neither env files nor plugins are to be loaded for another program.
        exec_command.main(sys.argv[2:], prog_name="tuile exec")
    try:
        shim.install(children=True)
    except RuntimeError as error:
        if name != ["doctor"]:  # which tells more about it
            sys.exit(f"Error: {error}")
    cli.main()
