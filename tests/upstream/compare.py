"""Applications that nobody here wrote answer byte for byte on Tuile what they answer on Flask.

    python tests/upstream/compare.py                      all applications behind all servers
    python tests/upstream/compare.py httpbin              this one only
    python tests/upstream/compare.py --server gunicorn    behind this server only
    python tests/upstream/compare.py --verbose            print the whole answers where they differ

The application's source is taken from its pinned source distribution and not touched. It is served twice on the same
port, first by Flask and then by Tuile, and asked the list of requests in compare.toml. Status line, headers in their
order and body must be the same; what differs from run to run by its nature (times, random values) is replaced by a
word first. Differences that are right are listed in compare.toml with their reasons; any other fails.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import unified_diff
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a file, it would not find its siblings

from tests.upstream.sources import UPSTREAM, make_environment, unpack
from tests.upstream.suites import Sdist, read_toml

if TYPE_CHECKING:
    from collections.abc import Iterator

# {(application, server, request): why its answer differs, and may}
Reasons = dict[tuple[str, str, str], str]
ENVIRONMENT = "compare"
START_S = 30
LINES_SHOWN = 20
ANSWER_S = 20


@dataclass(frozen=True)
class Request:
    """One line of the list."""

    ask: str
    headers: dict[str, str] = field(default_factory=dict)
    form: str | None = None
    json: str | None = None
    text: str | None = None

    @property
    def label(self) -> str:
        """How compare.toml names it among the differences."""
        extra = [part for part in (self.form, self.json, self.text) if part is not None]
        return " with ".join([self.ask, *extra, *([str(self.headers)] if self.headers else [])])

    def written(self, port: int, cookies: dict[str, str]) -> bytes:
        """The bytes that are sent."""
        method, _, path = self.ask.partition(" ")
        headers = {"Host": f"127.0.0.1:{port}", "User-Agent": "compare", "Accept": "*/*", **self.headers}
        if cookies:
            headers.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in cookies.items()))
        body = b""
        for content, kind in (
            (self.form, "application/x-www-form-urlencoded"),
            (self.json, "application/json"),
            (self.text, "text/plain; charset=utf-8"),
        ):
            if content is not None:
                body = content.encode()
                headers.setdefault("Content-Type", kind)
                headers["Content-Length"] = str(len(body))
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{method} {path} HTTP/1.1\r\n{head}Connection: close\r\n\r\n".encode() + body


@dataclass(frozen=True)
class Application:
    """One application, as compare.toml has it."""

    name: str
    sdist: Sdist
    folder: str
    served: dict[str, str]
    varying: list[tuple[re.Pattern[str], str]]
    requests: list[Request]
    prepare: list[list[str]]


@dataclass(frozen=True)
class Server:
    """One way to serve, on either side."""

    name: str
    command: list[str]
    tuile: list[str]

    def filled(self, app: Application, port: int, *, on_tuile: bool) -> list[str]:
        """The command for one application."""
        parts = [part.format(port=port, **app.served) for part in (self.tuile if on_tuile else self.command)]
        # A value may stand for several arguments.
        return [word for part in parts for word in (part.split() if " " in part else [part])]


def read_plan() -> tuple[list[Application], list[Server], Reasons]:
    """(applications, servers, reasons)."""
    plan = read_toml("compare.toml")
    sdists = {name: Sdist(name=name, **pin) for name, pin in read_toml("suites.toml")["sdists"].items()}
    apps = [
        Application(
            name=entry["name"],
            sdist=sdists[entry["sdist"]],
            folder=entry["folder"],
            served=entry["served"],
            varying=[(re.compile(pattern), replacement) for pattern, replacement in entry["varying"]],
            requests=[Request(**request) for request in entry["requests"]],
            prepare=entry.get("prepare", []),
        )
        for entry in plan["apps"]
    ]
    servers = [
        Server(entry["name"], entry["command"], entry.get("tuile", ["tuile", "exec", *entry["command"]]))
        for entry in plan["servers"]
    ]
    reasons = {
        (entry["app"], server, entry["request"]): entry["reason"]
        for entry in plan.get("differences", [])
        for server in entry["servers"]
    }
    return apps, servers, reasons


def answers_of(app: Application, server: Server, port: int, *, on_tuile: bool) -> list[str]:
    """Serve an application and ask it everything; what it answered, without what varies."""
    # The same folder on both sides: an ETag is made of the path of its file, among other things.
    folder = UPSTREAM / "compare" / app.name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(unpack(app.sdist) / app.folder, folder)
    environ = environment()
    for command in app.prepare:
        words = ["tuile", "exec", *command] if on_tuile else command
        subprocess.run(words, cwd=folder, env=environ, check=True, stdout=subprocess.DEVNULL)
    cookies: dict[str, str] = {}
    answers = []
    with serving(server.filled(app, port, on_tuile=on_tuile), folder, environ, port):
        for request in app.requests:
            answer = ask(request, port, cookies)
            keep_cookies(answer, cookies)
            answers.append(without_what_varies(answer, app.varying))
    return answers


def environment() -> dict[str, str]:
    """This process's environment with the programs of the one that both sides share first."""
    programs = UPSTREAM / "environments" / ENVIRONMENT / "bin"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FLASK_", "PYTHON", "TUILE_"))}
    # The same order of every set, on both sides.
    return {**kept, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONHASHSEED": "0"}


@contextmanager
def serving(command: list[str], folder: Path, environ: dict[str, str], port: int) -> Iterator[None]:
    """Serve while the block runs."""
    log = folder.with_suffix(".log")
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_until_it_listens(process, port, log)
            yield
        finally:
            process.terminate()
            process.wait(ANSWER_S)


def wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Return when a connection is accepted; exit with the server's output when it never is."""
    give_up = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < give_up:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit(f"{' '.join(map(str, process.args))} does not listen:\n{log.read_text(encoding='utf-8')}")  # type: ignore[arg-type] # a list of words


def ask(request: Request, port: int, cookies: dict[str, str]) -> bytes:
    """The bytes of an answer, its body in one piece."""
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S) as connection:
        connection.sendall(request.written(port, cookies))
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return in_one_piece(b"".join(parts))


def in_one_piece(answer: bytes) -> bytes:
    """An answer whose body came in chunks, without the marks between them: where those are is the server's choice."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    if b"\r\ntransfer-encoding: chunked" not in head.lower():
        return answer
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        whole += body[:length]
        body = body[length + 2 :]
    return head + separator + whole


def keep_cookies(answer: bytes, cookies: dict[str, str]) -> None:
    """Do what a browser does with an answer's cookies, as far as these applications need it."""
    head = answer.partition(b"\r\n\r\n")[0].decode("latin1")
    for name, value, attributes in re.findall(r"(?im)^set-cookie: ([^=;]+)=([^;\r]*)(.*)$", head):
        if "Max-Age=0" in attributes or "01 Jan 1970" in attributes:
            cookies.pop(name, None)
        else:
            cookies[name] = value


def without_what_varies(answer: bytes, varying: list[tuple[re.Pattern[str], str]]) -> str:
    """An answer as text, with a word for everything that differs from run to run."""
    text = answer.decode("latin1").replace("\r\n", "\n")
    for pattern, replacement in varying:
        text = pattern.sub(replacement, text)
    return text


def compare(app: Application, server: Server, reasons: Reasons, *, verbose: bool) -> bool:
    """Ask both sides and print what differs; whether all of it is listed."""
    port = free_port()
    on_flask = answers_of(app, server, port, on_tuile=False)
    on_tuile = answers_of(app, server, port, on_tuile=True)
    pairs = zip(app.requests, on_flask, on_tuile, strict=True)
    differing = {request.label: (theirs, ours) for request, theirs, ours in pairs if theirs != ours}
    listed = {label for name, where, label in reasons if (name, where) == (app.name, server.name)}
    for label in sorted(differing.keys() - listed):
        print(f"  {label}")
        theirs, ours = (answer.splitlines() for answer in differing[label])
        lines = unified_diff(theirs, ours, "on Flask", "on Tuile", lineterm="", n=1)
        print("\n".join(f"    | {line}" for line in islice(lines, None if verbose else LINES_SHOWN)))
    for label in sorted(listed - differing.keys()):
        print(f"  {label}: listed in compare.toml, but the answers are the same")
    print(f"{app.name} behind {server.name}: {len(app.requests)} answers", end="; ")
    print(f"{len(differing.keys() & listed)} differ for a listed reason, {len(differing.keys() - listed)} without one")
    return differing.keys() == listed


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def check_sides() -> None:
    """Exit unless the two sides are what they are called: everything below would be the same for a wrong reason."""
    program = ["python", "-c", "import flask; print(type(flask).__name__)"]
    for prefix, expected in (([], "module"), (["tuile", "exec"], "FlaskModule")):
        command = [*prefix, *program]
        found = subprocess.run(command, env=environment(), check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        if found != expected:
            sys.exit(f"{' '.join(command)} finds {found}, and not {expected}.")


def choose(entries: list[Any], names: list[str], what: str) -> list[Any]:
    """The entries with these names, or all."""
    known = [entry.name for entry in entries]
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"No {what} is called {', '.join(unknown)}. There are: {', '.join(known)}.")
    return [entry for entry in entries if entry.name in names or not names]


def main() -> None:
    """Compare what the command line asks for."""
    apps, servers, reasons = read_plan()
    parser = argparse.ArgumentParser(description="The same application on Flask and on Tuile, answer by answer.")
    parser.add_argument("names", nargs="*", help="applications; none means all")
    parser.add_argument("--server", action="append", default=[], help="a server; may be given again")
    parser.add_argument("--verbose", action="store_true", help="print differences in full")
    options = parser.parse_args()
    make_environment(ENVIRONMENT, read_toml("compare.toml")["install"])
    check_sides()
    fine = True
    for app in choose(apps, options.names, "application"):
        for server in choose(servers, options.server, "server"):
            fine = compare(app, server, reasons, verbose=options.verbose) and fine
    if not fine:
        sys.exit("Answers differ and compare.toml does not say why, or it lists what does not differ.")


if __name__ == "__main__":
    main()
