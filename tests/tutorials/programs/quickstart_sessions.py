"""The quickstart on sessions: log in with a name, be remembered, log out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import escape

from tuile import Flask, redirect, request, session, url_for

if TYPE_CHECKING:
    from tuile.typing import ResponseReturnValue

app = Flask(__name__)
app.secret_key = b"\x9d#l]kh\x07\xf2/T\x1b-\"'\xec0"


@app.route("/")
def index() -> str:
    if "username" in session:
        return f"Logged in as {escape(session['username'])}"
    return "You are not logged in"


@app.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    if request.method == "GET":
        return '<form method="post"><input name="username"><input type="submit" value="Login"></form>'
    session.regenerate()
    session["username"] = request.form["username"]
    return redirect(url_for("index"))


@app.route("/logout")
def logout() -> ResponseReturnValue:
    session.pop("username", None)
    return redirect(url_for("index"))
