"""Where am I logged in? A page that lists a user's sessions, and ends one, the others or all of them.

Start it with `tuile --app examples/devices/app run`, and log in with two browsers.
"""

from __future__ import annotations

from werkzeug import Response

from tuile import Flask, abort, flash, redirect, render_template, request, session, url_for

app = Flask(__name__)
# In a file in the folder `instance`: sessions survive a restart, and need no key.
app.config["SESSION_STORE"] = "sqlite"
app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
# Other sites cannot post a form to this one.
app.config["CSRF"] = "fetch"


@app.get("/")
def index() -> str:
    user = session.get("_user_id")
    return render_template("devices.html", user=user, entries=app.sessions.of(user) if user else [])


@app.post("/login")
def login() -> Response:
    # With a new user, a session gets a new id by itself: what was planted before is worth nothing.
    session["_user_id"] = request.form["user"] or abort(400)
    session.permanent = True
    return redirect(url_for("index"))


@app.post("/logout")
def logout() -> Response:
    session.end()
    return redirect(url_for("index"))


@app.post("/end")
def end() -> Response:
    """End one session of the user: a handle is no secret, so it has to be one of theirs."""
    handle = request.form["handle"]
    if handle not in {entry.handle for entry in app.sessions.of(logged_in())}:
        abort(404)
    app.sessions.end(handle)
    return redirect(url_for("index"))


@app.post("/end-others")
def end_others() -> Response:
    logged_in()
    flash(f"Logged out elsewhere: {app.sessions.end_others()}.")
    return redirect(url_for("index"))


@app.post("/end-all")
def end_all() -> Response:
    app.sessions.end_all(logged_in())
    return redirect(url_for("index"))


@app.get("/api/me")
def api_me() -> dict[str, str | None]:
    return {"user": session.get("_user_id")}


def logged_in() -> str:
    user: str = session.get("_user_id") or abort(401)
    return user


@app.template_filter()
def device(agent: str) -> str:
    """Say what a User-Agent header means, as far as people want to know it."""
    browsers = {"Edg/": "Edge", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari", "curl/": "curl"}
    systems = {"Android": "Android", "iPhone": "iPhone", "Windows": "Windows", "Mac OS": "macOS", "Linux": "Linux"}
    browser = next((name for sign, name in browsers.items() if sign in agent), "A browser")
    system = next((name for sign, name in systems.items() if sign in agent), "")
    return f"{browser} on {system}" if system else browser
