"""A blog as a tutorial teaches it: accounts, sessions, forms, SQLite, templates. Flask and Tuile run this very code.

What must live here: the application, in Flask's interface, with a database of its own that is filled before the first
request. What must not: which of its pages are measured (benchmarks/workloads.py).
"""

# mypy: disable-error-code="untyped-decorator"
# (`f` is Any, and so are its decorators.)

from __future__ import annotations

import functools
import os
import sqlite3
import tempfile
from typing import Any

from werkzeug.security import check_password_hash, generate_password_hash

from benchmarks.content import ASSETS, BLOG_PASSWORD, SECRET_KEY

_NOTES = 20
_WRITERS = ("ada", "grace", "edsger")
_SCHEMA = """
CREATE TABLE writer (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, password TEXT NOT NULL);
CREATE TABLE note (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES writer (id),
                   created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, title TEXT NOT NULL, text TEXT NOT NULL);
"""
_SELECT = "SELECT n.id, title, text, created, author_id, name FROM note n JOIN writer w ON n.author_id = w.id"


def blog(f: Any) -> Any:
    """The application, with twenty notes by three writers in a database in a temporary folder."""
    folder = tempfile.TemporaryDirectory(prefix="tuile-blog-")
    app = f.Flask("benchmarks", root_path=ASSETS)
    app.config.update(SECRET_KEY=SECRET_KEY, DATABASE=os.path.join(folder.name, "blog.sqlite"))
    app.extensions["folder"] = folder  # it is there as long as the application
    _fill(app.config["DATABASE"])
    app.teardown_appcontext(lambda error: _close(f))
    app.register_blueprint(_auth(f))
    app.register_blueprint(_pages(f))
    return app


def _fill(path: str) -> None:
    database = sqlite3.connect(path)
    database.executescript(_SCHEMA)
    password = generate_password_hash(BLOG_PASSWORD)
    database.executemany("INSERT INTO writer (name, password) VALUES (?, ?)", [(name, password) for name in _WRITERS])
    notes = [
        (1 + n % 3, f"2026-01-{n + 1:02} 12:00:00", f"Note {n}", f"What note {n} says. " * 10) for n in range(_NOTES)
    ]
    database.executemany("INSERT INTO note (author_id, created, title, text) VALUES (?, ?, ?, ?)", notes)
    database.commit()
    database.close()


def _database(f: Any) -> sqlite3.Connection:
    """The connection of the current request."""
    if "database" not in f.g:
        f.g.database = sqlite3.connect(f.current_app.config["DATABASE"])
        f.g.database.row_factory = sqlite3.Row
    database: sqlite3.Connection = f.g.database
    return database


def _close(f: Any) -> None:
    database = f.g.pop("database", None)
    if database is not None:
        database.close()


def _auth(f: Any) -> Any:
    auth = f.Blueprint("auth", __name__, url_prefix="/auth")

    @auth.before_app_request
    def find_user() -> None:
        number = f.session.get("user_id")
        f.g.user = None
        if number is not None:
            f.g.user = _database(f).execute("SELECT * FROM writer WHERE id = ?", (number,)).fetchone()

    @auth.route("/login", methods=["GET", "POST"])
    def login() -> Any:
        if f.request.method == "POST":
            found = _database(f).execute("SELECT * FROM writer WHERE name = ?", (f.request.form["name"],)).fetchone()
            if found is not None and check_password_hash(found["password"], f.request.form["password"]):
                f.session.clear()
                f.session["user_id"] = found["id"]
                return f.redirect(f.url_for("blog.index"))
            f.flash("Wrong name or password.")
        return f.render_template("blog/form.html", title="Log in", fields=["name", "password"])

    return auth


def _pages(f: Any) -> Any:
    pages = f.Blueprint("blog", __name__)

    def for_writers(view: Any) -> Any:
        @functools.wraps(view)
        def guarded(**arguments: Any) -> Any:
            return f.redirect(f.url_for("auth.login")) if f.g.user is None else view(**arguments)

        return guarded

    @pages.route("/")
    def index() -> Any:
        notes = _database(f).execute(f"{_SELECT} ORDER BY created DESC, n.id LIMIT {_NOTES}").fetchall()
        return f.render_template("blog/index.html", notes=notes)

    @pages.route("/<int:note_id>")
    def show(note_id: int) -> Any:
        note = _database(f).execute(f"{_SELECT} WHERE n.id = ?", (note_id,)).fetchone()
        if note is None:
            f.abort(404, f"There is no note {note_id}.")
        return f.render_template("blog/note.html", note=note)

    @pages.route("/write", methods=["GET", "POST"])
    @for_writers
    def write() -> Any:
        if f.request.method == "POST":
            form = f.request.form
            database = _database(f)
            values = (f.g.user["id"], form["title"], form["text"])
            database.execute("INSERT INTO note (author_id, title, text) VALUES (?, ?, ?)", values)
            database.commit()
            return f.redirect(f.url_for("blog.index"))
        return f.render_template("blog/form.html", title="Write", fields=["title", "text"])

    return pages
