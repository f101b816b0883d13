"""The quickstart on redirects and errors: a redirect to a closed door, and a page for what is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuile import Flask, abort, redirect, render_template, url_for

if TYPE_CHECKING:
    from tuile.typing import ResponseReturnValue

app = Flask(__name__)
reached: list[str] = []


@app.route("/")
def index() -> ResponseReturnValue:
    return redirect(url_for("login"))


@app.route("/login")
def login() -> ResponseReturnValue:
    reached.append("before abort")
    abort(401)
    reached.append("after abort")


@app.errorhandler(404)
def not_here(error: Exception) -> tuple[str, int]:
    return render_template("not_here.html"), 404
