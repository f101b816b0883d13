"""Follow docs/tutorial.md to the letter: write its files, type its commands, compare what they print.

Usage: python tools/follow_tutorial.py FOLDER [--installed]

With `--installed`, what it installs is already there and the commands that install are left out. Commands that serve
run in the background until the next one, and are started again when files have changed, so that nothing waits for a
reloader. Only their ports are replaced, by free ones.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).resolve().parent.parent / "docs" / "tutorial.md"
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"(?:# |<!-- )(\S+?)(?:, (continued|after|instead of) ?(.*?))?(?: -->)?\n(.*)", re.DOTALL)
_SERVES = re.compile(r"tuile (?:run|serve)\b")
_INSTALLS = re.compile(r"(?:python3 -m venv|\. \.venv|pip install)\b.*")
_PORTS = ("5000", "8000")
_SHELL = ("bash", "-c")
_TRIES = 300  # of 0.1 s, until a server listens


class Step(NamedTuple):
    """A block of the page, with its line."""

    line: int
    language: str
    text: str


class DifferentError(Exception):
    """The page is not what happens."""


def steps(page: Path = PAGE) -> list[Step]:
    """Return the blocks of the page."""
    text = page.read_text(encoding="utf-8")
    return [Step(text.count("\n", 0, found.start()) + 2, found[1], found[2]) for found in _FENCE.finditer(text)]


def write_file(folder: Path, step: Step) -> None:
    """Write a block to the file that its first line names, or change the file as that line says."""
    found = _FILE.fullmatch(step.text)
    if found is None:
        raise DifferentError(f"line {step.line}: the first line names no file")
    path, how, place, content = folder / found[1], found[2], found[3], found[4]
    path.parent.mkdir(parents=True, exist_ok=True)
    if how is None:
        path.write_text(content, encoding="utf-8")
        return
    before = path.read_text(encoding="utf-8")
    if how == "continued":
        path.write_text(f"{before}\n\n{content}", encoding="utf-8")
        return
    if before.count(f"{place}\n") != 1:
        raise DifferentError(f"line {step.line}: {found[1]} has the line {place!r} {before.count(place)} times")
    new = content if how == "instead of" else f"{place}\n{content}"
    path.write_text(before.replace(f"{place}\n", new), encoding="utf-8")


class Terminal:
    """A shell that keeps its folder and its environment between commands, and one server beside it."""

    def __init__(self, folder: Path, *, installed: bool) -> None:
        self.folder = folder
        self._installed = installed
        self._state = folder / ".state"
        self._server: subprocess.Popen[bytes] | None = None
        self._serving = ""  # the command
        self._changed = False
        self._ports = dict.fromkeys(_PORTS, "")
        ours = ("FLASK_", "TUILE_", "PYTEST_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self._environ = kept | {"COLUMNS": "80"}
        self._state.write_text(f"cd {folder}\n", encoding="utf-8")

    def type(self, step: Step) -> str:
        """Run the commands of a block, and return what they print."""
        text = step.text
        if self._installed:
            text = _INSTALLS.sub(":", text)
        if _SERVES.match(text):
            self._serve(text.strip())
            return ""
        if self._changed and "curl" in text:
            self._serve(self._serving)
        text = self._with_free_ports(text)
        script = f". {self._state}\nset -e\n{text}\nset +e\n(echo cd $PWD; export -p) > {self._state}"
        done = self._run(script)
        if done.returncode:
            raise DifferentError(f"line {step.line}: {text}{done.stdout}{done.stderr}")
        return done.stdout

    def write(self, step: Step) -> None:
        """Write a file in the folder that the shell is in."""
        write_file(Path(self._run(f". {self._state}\npwd").stdout.strip()), step)
        self._changed = True

    def close(self) -> None:
        """Stop the server."""
        if self._server is not None:
            os.killpg(self._server.pid, signal.SIGTERM)
            self._server.wait()
            self._server = None

    def _run(self, script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*_SHELL, script], env=self._environ, capture_output=True, text=True, check=False)

    def _with_free_ports(self, text: str) -> str:
        for port, free in self._ports.items():
            text = re.sub(rf"(?<=[: ]){port}\b", free, text)
        return text

    def _serve(self, command: str) -> None:
        self.close()
        self._serving, self._changed = command, False
        self._ports = {port: str(_free_port()) for port in _PORTS}
        port = f"export FLASK_RUN_PORT={self._ports['5000']}"
        self._server = subprocess.Popen(
            [*_SHELL, f". {self._state}\n{port}\nexec {self._with_free_ports(command)}"],
            env=self._environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._wait(int(next((free for port, free in self._ports.items() if port in command), self._ports["5000"])))

    def _wait(self, port: int) -> None:
        """Wait until the server listens."""
        for _ in range(_TRIES):
            with socket.socket() as asking:
                if asking.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if self._server is not None and self._server.poll() is not None:
                break
            time.sleep(0.1)
        message = "the server does not start"
        raise DifferentError(message)


def _free_port() -> int:
    with socket.socket() as asking:
        asking.bind(("127.0.0.1", 0))
        port: int = asking.getsockname()[1]
    return port


def is_as_shown(printed: str, shown: str) -> bool:
    """Return whether what was printed is what the page shows, where `...` stands for anything."""
    lines = shown.rstrip().splitlines()
    # A line of dots stands for any number of lines, dots within a line for the rest of it.
    parts = ["(?:.*\n)*?" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*?") + "\n" for line in lines]
    return re.fullmatch("".join(parts) + r"\s*", printed.rstrip() + "\n") is not None


def follow(folder: Path, *, installed: bool, page: Path = PAGE) -> int:
    """Follow the page in a folder, and return the number of its steps.

    Raises:
        DifferentError: If something does not happen as the page says.
    """
    terminal = Terminal(folder, installed=installed)
    printed, followed = "", steps(page)
    try:
        for step in followed:
            if step.language == "sh":
                printed = terminal.type(step)
            elif step.language == "text":
                if not is_as_shown(printed, step.text):
                    raise DifferentError(f"line {step.line}: shown\n{step.text}\nprinted\n{printed}")
            else:
                terminal.write(step)
    finally:
        terminal.close()
    return len(followed)


if __name__ == "__main__":
    done = follow(Path(sys.argv[1]).resolve(), installed="--installed" in sys.argv)
    print(done, "steps of the tutorial were followed.")
