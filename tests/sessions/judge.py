"""Judge whether a session store loses updates: 8 processes change one session, and everything is counted.

    python tests/sessions/judge.py [--full] [--rounds 8] [--processes 8] [--each 125] [SUBJECT ...]

In each round a session is begun, and each process sends requests with its cookie: one sets a key of its own, one adds
1 to a number, one appends to a list. At the end each must be there. `tuile-memory` uses threads, since its sessions are
in one process. `--full` sends 100,000 changes of each kind to our stores, and 10,000 to PostgreSQL. The controls,
Flask-Session and Django, lose most of it: a judge that passes them is broken. They are installed into `.judge` when
they are asked for.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.stores.servers import postgres_server, redis_server  # noqa: E402 - found by the line above

OURS = ("tuile-memory", "tuile-sqlite", "tuile-redis", "tuile-postgres")
# What the controls need, pinned so that a verdict means the same next year.
CONTROLS = {
    "naive": [],
    "flask-session": ["flask-session==0.8.0", "cachelib==0.13.0"],
    "django": ["django==5.2.19"],
}
# What `make bench-sessions` needs besides Flask-Session.
MEASURED = ("redis==8.1.0", "flask-sqlalchemy==3.1.1", "sqlalchemy==2.1.9", "psycopg[binary]==3.3.9")


class Verdict(NamedTuple):
    """How many of each kind of change were sent, and how many are there."""

    sent: int
    keys: int
    added: int
    appended: int

    @property
    def lost(self) -> tuple[int, int, int]:
        """How many are missing."""
        return self.sent - self.keys, self.sent - self.added, self.sent - self.appended

    def __add__(self, other: Any) -> Verdict:
        return Verdict(*(one + two for one, two in zip(self, other, strict=True)))


NOTHING = Verdict(0, 0, 0, 0)


class Subject(NamedTuple):
    """A session store behind an application.

    Attributes:
        begin: Begins a session with `{"n": 0, "l": []}`, and returns its cookie.
        change: Changes the session of a cookie: sets this key, adds 1 to `n`, appends the key to `l`; each a request.
        read: Returns the content of the session.
    """

    begin: Callable[[], str]
    change: Callable[[str, str], None]
    read: Callable[[str], dict[str, Any]]


def views_of(session: Any, operations: bool) -> dict[str, Callable[..., Any]]:
    """Return the views of a judged application, by their paths."""

    def append(name: str) -> str:
        session["l"].append(name)
        session.modified = True
        return "appended"

    def add() -> str:
        if operations:
            return str(session.add("n"))
        session["n"] += 1
        return "added"

    return {
        "/begin": lambda: str(session.update(n=0, l=[])),
        "/key/<name>": lambda name: str(session.update({name: True})),
        "/add": add,
        "/append/<name>": append,
        "/read": lambda: dict(session),
    }


def flask_subject(framework: Any, configure: Callable[[Any], None], *, operations: bool) -> Subject:
    """An application of Flask's interface.

    Args:
        framework: `tuile` or `flask`.
        configure: Sets up the session of an app.
        operations: Whether sessions have `add`.
    """
    app = framework.Flask("judged", static_folder=None)
    app.config["TESTING"] = True
    configure(app)
    for path, view in views_of(framework.session, operations).items():
        app.add_url_rule(path, path.split("/")[1], view)

    def get(path: str, cookie: str | None = None) -> Any:
        client = app.test_client(use_cookies=False)
        answer = client.get(path, headers={} if cookie is None else {"Cookie": f"session={cookie}"})
        assert answer.status_code == 200, answer.text
        return answer

    def changed(cookie: str, name: str) -> None:
        for path in (f"/key/{name}", "/add", f"/append/{name}"):
            get(path, cookie)

    def begun() -> str:
        line: str = get("/begin").headers["Set-Cookie"]
        return line.partition(";")[0].partition("=")[2]

    return Subject(begun, changed, lambda cookie: get("/read", cookie).json)


def subject_of(name: str, folder: str) -> Subject:
    """Return the subject of a name; its files are in a folder."""
    if name == "django":
        return _django(folder)
    if name == "flask-session":
        # Not imported above: each environment has some of them.
        cache = import_module("cachelib.file").FileSystemCache(folder, threshold=0)

        def set_up(app: Any) -> None:
            app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=cache)
            import_module("flask_session").Session(app)

        return flask_subject(import_module("flask"), set_up, operations=False)
    import tuile  # noqa: PLC0415

    if name == "naive":
        from tests.sessions.naive import NaiveInterface  # noqa: PLC0415

        return flask_subject(
            tuile, lambda app: setattr(app, "session_interface", NaiveInterface(folder)), operations=False
        )
    setting = "memory" if name == "tuile-memory" else f"sqlite:///{folder}/sessions.db"
    if name in {"tuile-redis", "tuile-postgres"}:
        setting = Path(folder, "url").read_text(encoding="utf-8")
    # With time for a machine that is busy.
    return flask_subject(
        tuile, lambda app: app.config.update(SESSION_STORE=setting, SESSION_TIMEOUT=60), operations=True
    )


@contextmanager
def server_of(name: str, folder: str) -> Iterator[None]:
    """Start the server that a subject needs, with its files in a folder, and stop it afterwards."""
    if name not in {"tuile-redis", "tuile-postgres"}:
        yield
        return
    with redis_server(folder) if name == "tuile-redis" else postgres_server() as url:
        Path(folder, "url").write_text(url, encoding="utf-8")
        yield


def _django(folder: str) -> Subject:
    settings = import_module("django.conf").settings
    if not settings.configured:
        settings.configure(SECRET_KEY="judged", SESSION_FILE_PATH=folder)
    SessionStore = import_module("django.contrib.sessions.backends.file").SessionStore  # noqa: N806 - a class

    def begin() -> str:
        opened = SessionStore()
        opened.update({"n": 0, "l": []})
        opened.save()
        return str(opened.session_key)

    def change(cookie: str, name: str) -> None:
        # Each as the middleware does it: the session is read when it is used, and saved after the view.
        def set_key(opened: Any) -> None:
            opened[name] = True

        def add(opened: Any) -> None:
            opened["n"] += 1

        def append(opened: Any) -> None:
            opened["l"] = [*opened["l"], name]

        for view in (set_key, add, append):
            opened = SessionStore(cookie)
            view(opened)
            opened.save()

    def read(cookie: str) -> dict[str, Any]:
        return dict(SessionStore(cookie).items())

    return Subject(begin, change, read)


_subjects: dict[tuple[str, str], Subject] = {}


def work(name: str, folder: str, cookie: str, worker: int, each: int) -> int:
    """Send a worker's requests of one round, and return how many failed."""
    if (name, folder) not in _subjects:
        _subjects[name, folder] = subject_of(name, folder)
    subject = _subjects[name, folder]
    failed = 0
    for turn in range(each):
        try:
            subject.change(cookie, f"k{worker}-{turn}")
        except Exception:  # noqa: BLE001 - a control may raise whatever it likes: it has lost the change
            failed += 1
    return failed


def judge(name: str, *, processes: int = 8, rounds: int = 1, each: int = 125) -> Verdict:
    """Return what a store has kept of `rounds` times `processes` times `each` changes of each kind."""
    verdict = NOTHING
    with tempfile.TemporaryDirectory() as folder, server_of(name, folder):
        if name == "tuile-memory":
            executor: Executor = ThreadPoolExecutor(processes)
        else:
            executor = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
        subject = _subjects[name, folder] = subject_of(name, folder)
        with executor:
            for _ in range(rounds):
                cookie = subject.begin()
                jobs = [executor.submit(work, name, folder, cookie, worker, each) for worker in range(processes)]
                failed = sum(job.result() for job in jobs)
                found = subject.read(cookie)
                keys = sum(key.startswith("k") for key in found)
                verdict += Verdict(processes * each, keys, found["n"], len(found["l"]))
                if name in OURS:
                    assert failed == 0, f"{failed} requests failed"
    return verdict


def prepare(*needs: str) -> Path:
    """Return the Python of the virtual environment of the controls, with these packages."""
    python = ROOT / ".judge" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", ROOT / ".judge"], check=True)
    install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "flask==3.1.3", *needs]
    subprocess.run(install, check=True)
    return python


def in_its_environment(name: str, arguments: list[str]) -> int:
    """Judge a control in a virtual environment that has it, and return the exit code."""
    python = prepare(*CONTROLS[name])
    environment = {**os.environ, "JUDGED_HERE": "1"}
    return subprocess.run([python, __file__, name, *arguments], env=environment, check=False).returncode


def main() -> int:
    """Judge each subject, print a table, and return 1 if a store has lost something or a control has not."""
    parser = argparse.ArgumentParser(description="Judge whether session stores lose updates.")
    parser.add_argument("subjects", nargs="*", default=[*OURS, *CONTROLS])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--full", action="store_true", help="100 rounds on our stores, 10 on PostgreSQL")
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--each", type=int, default=125)
    parser.add_argument("--prepare", action="store_true", help="only make the environment, for `make bench-sessions`")
    given = parser.parse_args()
    if given.prepare:
        prepare(*CONTROLS["flask-session"], *MEASURED)
        return 0
    options = ["--rounds", str(given.rounds), "--processes", str(given.processes), "--each", str(given.each)]
    wrong = 0
    for name in given.subjects:
        if CONTROLS.get(name) and "JUDGED_HERE" not in os.environ:
            wrong |= in_its_environment(name, options)
            continue
        began = time.perf_counter()
        rounds = (10 if name == "tuile-postgres" else 100) if given.full and name in OURS else given.rounds
        verdict = judge(name, processes=given.processes, rounds=rounds, each=given.each)
        seconds = time.perf_counter() - began
        lost = verdict.lost
        shares = ", ".join(
            f"{kind} {count} ({100 * count / verdict.sent:.0f} %)"
            for kind, count in zip(("keys", "added", "appended"), lost, strict=True)
        )
        print(f"{name:<16} {verdict.sent} of each, lost: {shares}; {3 * verdict.sent / seconds:.0f} requests a second")
        wrong |= int(any(lost) if name in OURS else not all(lost))
    return wrong


if __name__ == "__main__":
    sys.exit(main())
