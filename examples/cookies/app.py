"""Play with cookies: one page that sets, reads, updates and deletes them, and shows the headers that did it.

Start it with `make run`, or with `tuile --app examples/cookies/app run`.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from datetime import timedelta

from werkzeug.exceptions import HTTPException

from tuile import (
    Flask,
    Response,
    abort,
    cookies,
    flash,
    g,
    get_flashed_messages,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)


class CookieExample(Flask):
    def process_response(self, response: Response) -> Response:
        """Fill the page in last of all: when the session is saved, the response has all its headers to show."""
        response = super().process_response(response)
        if response is g.get("page"):
            response.set_data(render_template("page.html"))
        return response


app = CookieExample(__name__)
# Without a key of its own the app makes one up, and everybody is logged out whenever it starts again.
app.secret_key = os.environ.get("TUILE_EXAMPLE_SECRET_KEY") or secrets.token_hex()
# Other sites can then not log you in or out by posting a form to this one.
app.config["SESSION_COOKIE_SAMESITE"] = "Lax"


# --- Reading ----------------------------------------------------------------------------------------------------------


@app.get("/")
@app.get("/set-path-cookie/", endpoint="below")
@app.get("/set-path-cookie/<path:anything>", endpoint="below")
@app.get("/set-path-cookie-alternate", endpoint="beside")
def read_cookies(**_: str) -> Response:
    """All the cookies that the browser sent to this address."""
    return show_page()


@app.get("/api/cookies")
def api_cookies() -> dict[str, str]:
    return request.cookies.to_dict()  # a dictionary becomes a JSON response


@app.get("/api/cookies/<name>")
def api_cookie(name: str) -> dict[str, str | None]:
    return {"name": name, "value": request.cookies.get(name)}  # None, and no error, for a cookie that is not there


# --- Setting and updating ---------------------------------------------------------------------------------------------


@app.get("/set-cookie")
def set_cookie() -> Response:
    """A session cookie: the browser forgets it when it is closed."""
    response = show_page()
    response.set_cookie("cookie_name", "cookie_value")
    return response


@app.get("/set-path-cookie")
def set_path_cookie() -> Response:
    """A cookie for a part of the site: this address and everything below it."""
    response = show_page()
    response.set_cookie("path_cookie_name", "path_cookie_value", path="/set-path-cookie")
    return response


@app.get("/set-expiring-cookie")
def set_expiring_cookie() -> Response:
    """A cookie that the browser stops sending after 15 seconds."""
    response = show_page()
    response.set_cookie("expiring_cookie_name", "expiring_cookie_value", max_age=15)
    return response


@app.get("/set-long-lasting-cookie")
def set_long_lasting_cookie() -> Response:
    """A cookie that stays for 400 days, the longest that browsers allow."""
    response = show_page()
    response.set_cookie("long_cookie_name", "long_cookie_value", max_age=timedelta(days=400))
    return response


@app.get("/update-cookie")
def update_cookie() -> Response:
    """To update a cookie, set it again."""
    response = show_page()
    response.set_cookie("cookie_name", "updated_value")
    return response


@app.post("/set-any-cookie")
def set_any_cookie() -> Response:
    """A cookie with the name and the value that were typed in."""
    response = back_to_page()
    try:
        response.set_cookie(request.form["name"], request.form["value"])
    except ValueError as error:  # a name that no browser would keep
        flash(str(error), "error")
    return response


@app.post("/theme")
def theme() -> Response:
    remember_theme(request.form["theme"])
    return back_to_page()


def remember_theme(name: str) -> None:
    """`cookies` works anywhere in a request, here too, where there is no response to hold."""
    if name in {"light", "dark"}:
        cookies.set("theme", name, max_age=timedelta(days=365), samesite="Lax")
    else:
        cookies.delete("theme")


# --- Deleting ---------------------------------------------------------------------------------------------------------


@app.route("/delete-cookies", methods=["GET", "POST"])
def delete_cookies() -> Response:
    """Delete every cookie the browser sent, and the one it did not send to this address."""
    session.clear()
    response = show_page()
    for name in request.cookies:
        with suppress(ValueError):  # a name that no server may write: only the script that made it can delete it
            response.delete_cookie(name)
    response.delete_cookie("path_cookie_name", path="/set-path-cookie")
    return response


# --- The session ------------------------------------------------------------------------------------------------------


@app.post("/login")
def login() -> Response:
    session.regenerate()
    session["username"] = request.form["username"]
    flash(f"Welcome, {session['username']}.")
    return back_to_page()


@app.post("/logout")
def logout() -> Response:
    session.pop("username", None)
    flash("You are logged out.")
    return back_to_page()


@app.post("/flash")
def flash_message() -> Response:
    flash(request.form["message"])
    return back_to_page()


@app.get("/members")
def members() -> Response:
    if "username" not in session:
        abort(401)
    flash("You are logged in, so you may see the members' page. This is all of it.")
    return back_to_page()


@app.get("/api/me")
def api_me() -> dict[str, str | None]:
    return {"username": session.get("username"), "theme": cookies.get("theme")}


# --- Redirects and errors ---------------------------------------------------------------------------------------------


@app.get("/moved")
def moved() -> Response:
    flash("You asked for /moved and were sent here.")
    return back_to_page()


@app.errorhandler(HTTPException)  # or one number, as in @app.errorhandler(404)
def error_page(error: HTTPException) -> tuple[str, int]:
    return render_template("error.html", error=error), error.code or 500


# --- The page itself --------------------------------------------------------------------------------------------------


class Exchange:
    """A request and its response, for the page to show."""

    def __init__(self, response: Response) -> None:
        self.request_line = f"{request.method} {request.path}"
        # WSGI hands over the header's bytes one by one, as if they were Latin-1.
        self.cookie_header = request.headers.get("Cookie", "").encode("latin-1").decode("utf-8", "replace")
        self.response = response  # and not its headers, because the last ones are added after the view


# Exchanges that ended with a redirect to the page, each until the page has shown it.
redirected: dict[str, Exchange] = {}


def back_to_page() -> Response:
    """A redirect to the page, which will show the headers of this redirect as well as its own."""
    ticket = secrets.token_urlsafe(8)
    response = make_response(redirect(url_for("read_cookies", after=ticket)))
    redirected[ticket] = Exchange(response)
    if len(redirected) > 100:
        redirected.pop(next(iter(redirected)), None)
    return response


def show_page() -> Response:
    """A response that will hold the page: what the browser sent, and what this response tells it to keep."""
    response = make_response()
    g.page = response
    g.exchanges = [Exchange(response)]
    if earlier := redirected.pop(request.args.get("after", ""), None):
        g.exchanges.insert(0, earlier)
    g.messages = get_flashed_messages(with_categories=True)  # they leave the session now, before it is saved
    return response
