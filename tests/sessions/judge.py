"""Judge whether a session store loses updates: 8 processes change one session, and everything is counted.

    python tests/sessions/judge.py [--full] [--processes 8] [--each 1000] [SUBJECT ...]

Each process sends requests with the cookie of the one session: one sets a key that no other process sets, and returns
what was there; one adds 1 to a number; one appends to a list. The session stays small, so that the last request costs
as much as the first: a process sets the same few keys again and again, and must find what it has set last, and from
time to time it takes the list away. Each item has to be taken once at least, or to be there at the end.

`tuile-memory` uses threads, since its sessions are in one process. `--full` sends 100,000 changes of each kind to our
stores, and 10,000 to PostgreSQL. The controls, Flask-Session and Django, lose most of it: a judge that passes them is
broken. They are installed into `.judge` when they are asked for.
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
#: How many keys a process sets in turn, and after how many turns it takes the list away.
KEYS, TAKEN_EVERY = 8, 20
# What `make bench-sessions` needs besides Flask-Session.
MEASURED = ("redis==8.1.0", "flask-sqlalchemy==3.1.1", "sqlalchemy==2.1.9", "psycopg[binary]==3.3.9")


class Verdict(NamedTuple):
    """How many changes of each kind were sent, and how many of them are there or were seen."""

    sent: int
    keys: int
    added: int
    appended: int

    @property
    def lost(self) -> tuple[int, int, int]:
        """How many are missing."""
        return self.sent - self.keys, self.sent - self.added, self.sent - self.appended


class Told(NamedTuple):
    """What a process has seen: how many of its requests failed, which of its keys were lost, and the items it took."""

    failed: int
    lost_keys: int
    taken: list[str]


class Subject(NamedTuple):
    """A session store behind an application.

    Attributes:
        begin: Begins a session with `{"n": 0, "l": []}`, and returns its cookie.
        set_key: Sets a key of the session of a cookie, and returns what was there.
        add: Adds 1 to `n`.
        append: Appends an item to `l`.
        take: Removes all items of `l`, and returns them.
        read: Returns the content of the session.
    """

    begin: Callable[[], str]
    set_key: Callable[[str, str, str], str]
    add: Callable[[str], object]
    append: Callable[[str, str], object]
    take: Callable[[str], list[str]]
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

    def set_key(name: str, value: str) -> str:
        before = str(session.get(name, ""))
        session[name] = value
        return before

    def take() -> list[str]:
        items = list(session["l"])
        session["l"] = []
        return items

    return {
        "/begin": lambda: str(session.update(n=0, l=[])),
        "/key/<name>/<value>": set_key,
        "/add": add,
        "/append/<name>": append,
        "/take": take,
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

    def begun() -> str:
        line: str = get("/begin").headers["Set-Cookie"]
        return line.partition(";")[0].partition("=")[2]

    return Subject(
        begun,
        lambda cookie, name, value: get(f"/key/{name}/{value}", cookie).text,
        lambda cookie: get("/add", cookie),
        lambda cookie, item: get(f"/append/{item}", cookie),
        lambda cookie: get("/take", cookie).json,
        lambda cookie: get("/read", cookie).json,
    )


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

    @contextmanager
    def request(cookie: str) -> Iterator[Any]:
        # As the middleware does it: the session is read when it is used, and saved after the view.
        opened = SessionStore(cookie)
        yield opened
        opened.save()

    def set_key(cookie: str, name: str, value: str) -> str:
        with request(cookie) as opened:
            before = str(opened.get(name, ""))
            opened[name] = value
        return before

    def add(cookie: str) -> None:
        with request(cookie) as opened:
            opened["n"] += 1

    def append(cookie: str, item: str) -> None:
        with request(cookie) as opened:
            opened["l"] = [*opened["l"], item]

    def take(cookie: str) -> list[str]:
        with request(cookie) as opened:
            items = list(opened["l"])
            opened["l"] = []
        return items

    return Subject(begin, set_key, add, append, take, lambda cookie: dict(SessionStore(cookie).items()))


_subjects: dict[tuple[str, str], Subject] = {}


def work(name: str, folder: str, cookie: str, worker: int, each: int) -> Told:
    """Send the requests of a process."""
    if (name, folder) not in _subjects:
        _subjects[name, folder] = subject_of(name, folder)
    subject = _subjects[name, folder]
    failed, lost_keys, taken = 0, 0, []
    for turn in range(each):
        actions: list[Callable[[], object]] = [
            lambda: subject.add(cookie),
            lambda: subject.append(cookie, f"i{worker}-{turn}"),  # noqa: B023 - called in this turn
        ]
        if turn % TAKEN_EVERY == TAKEN_EVERY - 1:
            actions.append(lambda: taken.extend(subject.take(cookie)))
        try:
            before = subject.set_key(cookie, key_of(worker, turn), str(turn))
            lost_keys += turn >= KEYS and before != str(turn - KEYS)
        except Exception:  # noqa: BLE001 - a control may raise whatever it likes: it has lost the change
            failed += 1
        for act in actions:
            try:
                act()
            except Exception:  # noqa: BLE001
                failed += 1
    return Told(failed, lost_keys, taken)


def key_of(worker: int, turn: int) -> str:
    """Return the key that a process sets in a turn."""
    return f"k{worker}-{turn % KEYS}"


def judge(name: str, *, processes: int = 8, each: int = 125) -> Verdict:
    """Return what a store has kept of `processes` times `each` changes of each kind."""
    with tempfile.TemporaryDirectory() as folder, server_of(name, folder):
        if name == "tuile-memory":
            executor: Executor = ThreadPoolExecutor(processes)
        else:
            executor = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
        subject = _subjects[name, folder] = subject_of(name, folder)
        with executor:
            cookie = subject.begin()
            jobs = [executor.submit(work, name, folder, cookie, worker, each) for worker in range(processes)]
            told = [job.result() for job in jobs]
        found = subject.read(cookie)
    failed, sent = sum(one.failed for one in told), processes * each
    last = [(worker, turn) for worker in range(processes) for turn in range(max(each - KEYS, 0), each)]
    lost_at_the_end = sum(found.get(key_of(worker, turn)) != str(turn) for worker, turn in last)
    seen = {item for items in (*(one.taken for one in told), found["l"]) for item in items}
    if name in OURS:
        assert failed == 0, f"{failed} requests failed"
        assert len(found["l"]) == len(set(found["l"])), "an item is there twice"
    return Verdict(sent, sent - sum(one.lost_keys for one in told) - lost_at_the_end, found["n"], len(seen))


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
    parser.add_argument("--full", action="store_true", help="100,000 of each on our stores, 10,000 on PostgreSQL")
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--each", type=int, default=1000, help="how many of each kind a process sends")
    parser.add_argument("--prepare", action="store_true", help="only make the environment, for `make bench-sessions`")
    given = parser.parse_args()
    if given.prepare:
        prepare(*CONTROLS["flask-session"], *MEASURED)
        return 0
    options = ["--processes", str(given.processes), "--each", str(given.each)]
    wrong = 0
    for name in given.subjects:
        if CONTROLS.get(name) and "JUDGED_HERE" not in os.environ:
            wrong |= in_its_environment(name, options)
            continue
        began = time.perf_counter()
        full = (10_000 if name == "tuile-postgres" else 100_000) // given.processes
        verdict = judge(name, processes=given.processes, each=full if given.full and name in OURS else given.each)
        seconds = time.perf_counter() - began
        lost = verdict.lost
        shares = ", ".join(
            f"{kind} {count} ({100 * count / verdict.sent:.0f} %)"
            for kind, count in zip(("keys", "added", "appended"), lost, strict=True)
        )
        rate = 3 * verdict.sent / seconds
        print(f"{name:<16} {verdict.sent} of each, lost: {shares}; {rate:.0f} requests a second", flush=True)
        wrong |= int(any(lost) if name in OURS else not all(lost))
    return wrong


if __name__ == "__main__":
    sys.exit(main())
