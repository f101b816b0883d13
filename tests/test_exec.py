"""`tuile exec COMMAND`, what an interpreter below it does first, and pytest's plugin."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import werkzeug

from tests.fresh import clean_environment, run
from tuile.shim import START

if TYPE_CHECKING:
    from collections.abc import Sequence

TUILE = Path(sys.executable).with_name("tuile")
# What tells the two apart: the class of the module.
WHERE = "import flask; print(type(flask).__name__)"
ON_TUILE, ON_FLASK = "FlaskModule\n", "module\n"

if os.name == "nt":
    pytest.skip("the tests send signals and write shell scripts", allow_module_level=True)


def tuile_exec(
    *command: str | Path, cwd: Path | None = None, check: bool = True, **environment: str
) -> subprocess.CompletedProcess[str]:
    return run([TUILE, "exec", *command], cwd=cwd, check=check, environment=environment)


def write_program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


# The program that is run


def test_a_python_program_gets_tuile() -> None:
    assert tuile_exec("python", "-c", WHERE).stdout == ON_TUILE


def test_python_is_the_one_that_tuile_is_installed_in_wherever_path_leads(tmp_path: Path) -> None:
    write_program(tmp_path / "python", "#!/bin/sh\necho another python\n")
    found = tuile_exec("python", "-c", "import sys; print(sys.prefix)", PATH=f"{tmp_path}:/usr/bin:/bin")
    assert found.stdout.strip() == sys.prefix


def test_a_script_is_run_by_tuiles_python(tmp_path: Path) -> None:
    tmp_path.joinpath("script.py").write_text(f"import sys\n{WHERE}\nprint(sys.argv)\nprint(__name__, sys.path[0])")
    done = tuile_exec("script.py", "--flag", "value", cwd=tmp_path)
    assert done.stdout == f"{ON_TUILE}['script.py', '--flag', 'value']\n__main__ {tmp_path}\n"


def test_a_module_is_run_by_tuiles_python(tmp_path: Path) -> None:
    tmp_path.joinpath("tool.py").write_text(f"import sys\n{WHERE}\nprint(sys.argv[1:])")
    assert tuile_exec("-m", "tool", "--help", cwd=tmp_path).stdout == f"{ON_TUILE}['--help']\n"


def test_an_executable_script_is_run_as_its_first_line_says(tmp_path: Path) -> None:
    write_program(tmp_path / "serve.py", "#!/bin/sh\necho from the shell $1\n")
    assert tuile_exec("./serve.py", "here", cwd=tmp_path).stdout == "from the shell here\n"


def test_the_programs_own_options_are_its_own() -> None:
    assert tuile_exec("python", "--version").stdout.startswith("Python 3")
    assert "usage: pytest" in tuile_exec("pytest", "--help").stdout


def test_processes_that_the_program_starts_get_tuile_as_well(tmp_path: Path) -> None:
    # One by the shell, one by spawning, one by forking.
    program = f"""
import multiprocessing, subprocess, sys

def where():
    {WHERE}

if __name__ == "__main__":
    subprocess.run(["sh", "-c", '"$0" -c "{WHERE}"', sys.executable], check=True)
    for way in ("spawn", "fork"):
        sys.stdout.flush()
        process = multiprocessing.get_context(way).Process(target=where)
        process.start()
        process.join()
"""
    tmp_path.joinpath("script.py").write_text(program)
    assert tuile_exec("script.py", cwd=tmp_path).stdout == ON_TUILE * 3


def test_flasks_own_command_becomes_tuiles(tmp_path: Path) -> None:
    tmp_path.joinpath("app.py").write_text("import flask; app = flask.Flask(__name__); app.get('/where')(print)")
    assert "/where" in tuile_exec("flask", "routes", cwd=tmp_path).stdout
    assert "Tuile" in tuile_exec("flask", "--version", cwd=tmp_path).stdout
    assert "/where" in tuile_exec("-m", "flask", "routes", cwd=tmp_path).stdout


def test_app_run_in_a_script_serves_and_is_not_ignored(tmp_path: Path) -> None:
    # The variable that tells app.run() to do nothing is for a command that loads the app itself.
    tmp_path.joinpath("script.py").write_text("import os; print(os.environ.get('FLASK_RUN_FROM_CLI'))")
    assert tuile_exec("script.py", cwd=tmp_path).stdout == "None\n"
    with_options = run([TUILE, "--debug", "exec", "script.py"], cwd=tmp_path)
    assert with_options.stdout == "None\n"


def test_env_files_are_left_to_the_program(tmp_path: Path) -> None:
    tmp_path.joinpath(".env").write_text("TUILE_TEST=from the file\n")
    program = "import os; print(os.environ.get('TUILE_TEST'))"
    assert tuile_exec("python", "-c", program, cwd=tmp_path).stdout == "None\n"


# How it ends


def test_the_exit_code_is_the_programs() -> None:
    assert tuile_exec("python", "-c", "raise SystemExit(7)", check=False).returncode == 7


def test_the_process_becomes_the_program_so_signals_reach_it() -> None:
    program = "import os, time; print(os.getpid(), flush=True); time.sleep(40)"
    with subprocess.Popen(
        [TUILE, "exec", "python", "-c", program], env=clean_environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == process.pid
        process.terminate()
        assert process.wait(timeout=120) == -signal.SIGTERM


@pytest.mark.parametrize(
    ("command", "code", "text"),
    [
        (["gunicron", "app:app"], 127, "Program 'gunicron' was found neither in {beside} nor on PATH."),
        (["gunicron"], 127, "If it is a module, use 'tuile exec -m gunicron'."),
        (["./nothing.py"], 127, "File './nothing.py' does not exist."),
        (["./folder"], 126, "'./folder' is not an executable file"),
        (["./plain.txt"], 126, "'./plain.txt' is not an executable file"),
        (["./broken"], 126, "cannot be started: Exec format error."),
        (["--reload", "app.py"], 2, "No such option"),
        ([], 2, "Missing argument 'COMMAND...'"),
    ],
)
def test_what_cannot_be_started_is_said_with_a_shells_exit_code(
    tmp_path: Path, command: Sequence[str], code: int, text: str
) -> None:
    tmp_path.joinpath("folder").mkdir()
    tmp_path.joinpath("plain.txt").write_text("")
    write_program(tmp_path / "broken", "no first line")
    done = tuile_exec(*command, cwd=tmp_path, check=False)
    assert done.returncode == code
    assert text.format(beside=os.path.dirname(sys.executable)) in done.stderr


def test_help_tells_how_it_is_used() -> None:
    assert "tuile exec gunicorn app:app" in tuile_exec("--help").stdout
    assert "Run any program on Tuile." in run([TUILE, "--help"]).stdout


# PYTHONPATH and sitecustomize


def test_a_pythonpath_that_is_set_stays_after_the_shims_folder(tmp_path: Path) -> None:
    tmp_path.joinpath("mine.py").write_text("print('mine')")
    program = "import mine, os; print(os.environ['PYTHONPATH'])"
    done = tuile_exec("python", "-c", program, PYTHONPATH=f"{tmp_path}{os.pathsep}/elsewhere")
    assert done.stdout == f"mine\n{START}{os.pathsep}{tmp_path}{os.pathsep}/elsewhere\n"


def test_one_exec_within_another_changes_nothing() -> None:
    program = "import os; print(os.environ['PYTHONPATH'])"
    assert tuile_exec(TUILE, "exec", "python", "-c", program).stdout == f"{START}\n"


@pytest.mark.parametrize("name", ["sitecustomize.py", "sitecustomize/__init__.py"])
def test_a_sitecustomize_that_is_there_already_is_run_as_well(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"import sys; print('customised'); {WHERE}; sys.path.append('/added')")
    program = "import sys, sitecustomize; print(sitecustomize.__file__); print('/added' in sys.path)"
    done = run([sys.executable, "-c", program], environment={"PYTHONPATH": f"{START}{os.pathsep}{tmp_path}"})
    assert done.stdout == f"customised\n{ON_TUILE}{file}\nTrue\n"


def test_a_sitecustomize_that_runs_the_next_one_itself_works_on_either_side(tmp_path: Path) -> None:
    # As the wrappers of monitoring agents do: out of the path, import, back into the path.
    tmp_path.joinpath("sitecustomize.py").write_text(
        "import os, sys\n"
        "print('agent')\n"
        "here = os.path.dirname(__file__)\n"
        "index = sys.path.index(here)\n"
        "del sys.path[index]\n"
        "this = sys.modules.pop('sitecustomize')\n"
        "try:\n"
        "    import sitecustomize\n"
        "except ImportError:\n"
        "    sys.modules['sitecustomize'] = this\n"
        "finally:\n"
        "    sys.path.insert(index, here)\n"
    )
    inside = run([TUILE, "exec", "python", "-c", WHERE], environment={"PYTHONPATH": str(tmp_path)})
    assert inside.stdout == f"agent\nagent\n{ON_TUILE}"  # for `tuile` itself, and for python
    path = f"{tmp_path}{os.pathsep}{START}"
    assert run([sys.executable, "-c", WHERE], environment={"PYTHONPATH": path}).stdout == f"agent\n{ON_TUILE}"


@pytest.mark.parametrize("call", ["os.execl(python, *command)", "os.execve(python, command, dict(os.environ))"])
def test_an_agent_that_puts_itself_first_and_runs_no_other_comes_second(tmp_path: Path, call: str) -> None:
    # `tuile exec AGENT-RUN program`: the agent's wrapper becomes the program with its own folder in front.
    tmp_path.joinpath("agent").mkdir()
    tmp_path.joinpath("agent", "sitecustomize.py").write_text(f"print('agent'); {WHERE}")
    tmp_path.joinpath("agent_run.py").write_text(
        "import os, sys\n"
        "python, command = sys.executable, [sys.executable, *sys.argv[1:]]\n"
        f"os.environ['PYTHONPATH'] = {str(tmp_path / 'agent')!r} + os.pathsep + os.environ['PYTHONPATH']\n"
        f"{call}\n"
    )
    done = tuile_exec("agent_run.py", "-c", WHERE, cwd=tmp_path)
    assert done.stdout == f"agent\n{ON_TUILE}{ON_TUILE}"


def test_a_program_can_remove_the_shim_from_the_path(tmp_path: Path) -> None:
    tmp_path.joinpath("script.py").write_text(
        f"import os, sys\ndel os.environ['PYTHONPATH']\nos.execv(sys.executable, [sys.executable, '-c', {WHERE!r}])\n"
    )
    assert tuile_exec("script.py", cwd=tmp_path).stdout == ON_FLASK


def test_an_interpreter_starts_as_quickly_as_before() -> None:
    # What the start costs is what it imports: nothing that the interpreter had not imported by itself.
    program = "import sys; print(*sorted(sys.modules))"
    without = set(run([sys.executable, "-c", program]).stdout.split())
    # Some systems' Python, Debian's for one, has a sitecustomize of its own.
    added = {"sitecustomize", "__future__"} - without
    assert set(tuile_exec("python", "-c", program).stdout.split()) - without == added


def test_an_error_in_the_next_sitecustomize_is_told_as_python_tells_it(tmp_path: Path) -> None:
    tmp_path.joinpath("sitecustomize.py").write_text("import a_module_that_is_not_there")
    done = tuile_exec("python", "-c", WHERE, PYTHONPATH=str(tmp_path))
    assert done.stdout == ON_TUILE
    assert "Error in sitecustomize" in done.stderr
    assert "a_module_that_is_not_there" in done.stderr


def test_a_program_that_never_asks_for_flask_loads_nothing_of_tuile() -> None:
    program = "import sys; print([name for name in sys.modules if name.partition('.')[0] in ('tuile', 'werkzeug')])"
    assert tuile_exec("python", "-c", program).stdout == "[]\n"


def test_the_shim_is_reported_as_installed_before_flask_is_imported() -> None:
    program = "import sys, tuile.shim as s; print('flask' in sys.modules, s.is_installed()); s.install(); import flask"
    assert tuile_exec("python", "-W", "error", "-c", program).stdout == "False True\n"


def test_the_standard_librarys_tools_see_a_shim_that_is_not_imported_yet() -> None:
    program = "import importlib.util as u; print(u.find_spec('flask.app').name, u.find_spec('flask_nothing'))"
    assert tuile_exec("python", "-c", program).stdout == "flask.app None\n"


@pytest.mark.parametrize(("option", "why"), [("-I", "ignores PYTHONPATH"), ("-uE", "ignores"), ("-S", "sitecustomize")])
def test_an_interpreter_that_is_told_not_to_listen_runs_with_a_warning(option: str, why: str) -> None:
    done = tuile_exec("python", "-W", "ignore", option, "-c", "print('ran')", check=False)
    assert "Warning: " in done.stderr
    assert why in done.stderr
    assert done.stdout == "ran\n"


@pytest.mark.parametrize("arguments", [["-c", "-S"], ["-W", "error", "-c", "-S"], ["-WS", "-c", "-I"], ["--version"]])
def test_other_options_of_an_interpreter_are_no_reason_to_warn(arguments: list[str]) -> None:
    assert "Tuile" not in tuile_exec("python", *arguments, check=False).stderr


def test_an_environment_without_tuile_borrows_it(tmp_path: Path) -> None:
    # Its own Werkzeug and so on: here a folder that links to them, and not to Tuile.
    venv.create(tmp_path / "other", symlinks=True)
    (packages,) = tmp_path.glob("other/lib/python*/site-packages")
    ours = Path(werkzeug.__file__).parents[1]
    for name in ("werkzeug", "jinja2", "markupsafe", "itsdangerous", "click", "blinker"):
        packages.joinpath(name).symlink_to(ours / name)
    python = tmp_path / "other" / "bin" / "python"
    program = "import sys, flask, tuile; print(type(flask).__name__, tuile.__file__, sys.prefix)"
    where, file, prefix = tuile_exec(python, "-c", program).stdout.split()
    assert (where, file) == ("FlaskModule", str(Path(START).parents[1] / "__init__.py"))
    assert prefix == str(tmp_path / "other")
    without = tuile_exec(python, "-c", "import pytest", check=False)
    assert "ModuleNotFoundError: No module named 'pytest'" in without.stderr


# In the place of Flask for pytest


def test_pytests_plugin_puts_tuile_in_place_before_anything_else(tmp_path: Path) -> None:
    tmp_path.joinpath("conftest.py").write_text("import flask\nassert type(flask).__name__ == 'FlaskModule'\n")
    tmp_path.joinpath("test_it.py").write_text(
        "import subprocess, sys\n"
        "import flask\n"
        "def test_it():\n"
        "    assert type(flask).__name__ == 'FlaskModule'\n"
        f"    assert subprocess.check_output([sys.executable, '-c', {WHERE!r}], text=True) == {ON_TUILE!r}\n"
    )
    done = run([sys.executable, "-m", "pytest", "-W", "error", "-p", "tuile.testing.shim"], cwd=tmp_path)
    assert "1 passed" in done.stdout
    assert "flask: Tuile " in done.stdout


def test_the_plugin_comes_before_those_that_packages_bring(tmp_path: Path) -> None:
    tmp_path.joinpath("early_plugin.py").write_text("import flask\nWHERE = type(flask).__name__\n")
    metadata = tmp_path / "early-1.dist-info"
    metadata.mkdir()
    metadata.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: early\nVersion: 1\n")
    metadata.joinpath("entry_points.txt").write_text("[pytest11]\nearly = early_plugin\n")
    tmp_path.joinpath("test_it.py").write_text(
        "import early_plugin\ndef test_it(): assert early_plugin.WHERE == 'FlaskModule'\n"
    )
    for how in ([], ["-n", "1"]):
        command = [sys.executable, "-m", "pytest", "-p", "tuile.testing.shim", *how]
        assert "1 passed" in run(command, cwd=tmp_path, environment={"PYTHONPATH": str(tmp_path)}).stdout


def test_the_plugin_says_when_it_comes_too_late(tmp_path: Path) -> None:
    tmp_path.joinpath("conftest.py").write_text("import flask\npytest_plugins = ['tuile.testing.shim']\n")
    done = run([sys.executable, "-m", "pytest"], cwd=tmp_path, check=False)
    assert done.returncode != 0
    assert "Flask itself was imported before the shim was installed" in done.stdout + done.stderr


def test_exec_pytest_runs_a_projects_tests_on_tuile(tmp_path: Path) -> None:
    tmp_path.joinpath("test_it.py").write_text(
        "import flask\ndef test_it(): assert type(flask).__name__ == 'FlaskModule'\n"
    )
    assert "1 passed" in tuile_exec("pytest", cwd=tmp_path).stdout


# The other commands


def test_every_command_installs_the_shim_before_plugins_and_the_app_are_loaded(tmp_path: Path) -> None:
    tmp_path.joinpath("app.py").write_text(
        "import flask\napp = flask.Flask(__name__)\n"
        "@app.cli.command('where')\ndef where(): print(type(flask).__name__)\n"
    )
    tmp_path.joinpath("plugin.py").write_text(
        "import click, flask\n@click.command()\ndef tell(): print(type(flask).__name__)\n"
    )
    metadata = tmp_path / "plugin-1.dist-info"
    metadata.mkdir()
    metadata.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1\n")
    metadata.joinpath("entry_points.txt").write_text("[flask.commands]\ntell = plugin:tell\n")
    path = {"PYTHONPATH": str(tmp_path)}
    assert run([TUILE, "where"], cwd=tmp_path, environment=path).stdout == ON_TUILE
    assert run([TUILE, "tell"], cwd=tmp_path, environment=path).stdout == ON_TUILE
    assert run([sys.executable, "-m", "tuile", "where"], cwd=tmp_path, environment=path).stdout == ON_TUILE


def test_a_command_says_so_when_flask_was_there_first(tmp_path: Path) -> None:
    tmp_path.joinpath("sitecustomize.py").write_text("import flask")
    done = run([TUILE, "routes"], cwd=tmp_path, check=False, environment={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1
    assert "\nError: Flask itself was imported before the shim was installed" in done.stderr
    assert "the module that imported it is 'sitecustomize'" in done.stderr
    # Another program is not this process, so it can still be had.
    assert tuile_exec("python", "-c", WHERE, PYTHONPATH=str(tmp_path)).stdout == ON_TUILE
