"""Play with cookies: one page that sets, reads, updates and deletes them, and shows the headers that did it.

Start it with `make run`, or with `tuile --app examples/cookies/app run`.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from importlib.util import find_spec

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
from tuile.sessions.users import SessionEntry
from tuile.user_agent.jar import Jar
from tuile.user_agent.sites import last_label


class CookieExample(Flask):
    def process_response(self, response: Response) -> Response:
        """Fill the page in last of all: when the session is saved, the response has all its headers to show."""
        response = super().process_response(response)
        if response is g.get("page"):
            names = {"cookies": cookies, "crumbs": crumbs, "has_cryptography": HAS_CRYPTOGRAPHY}
            response.set_data(render_template("page.html", **names))
        return response


app = CookieExample(__name__)
# Without a key of its own the app makes one up, and everybody is logged out whenever it starts again.
app.secret_key = os.environ.get("TUILE_EXAMPLE_SECRET_KEY") or secrets.token_hex()
# Other sites can then not log you in or out by posting a form to this one.
app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
# Sessions are kept on the server, so that a user can see and end their own. Write "sqlite" to keep them over a restart.
app.config["SESSION_STORE"] = "memory"
app.config["SESSION_USER_KEY"] = "username"

# Declared once: reading, setting and deleting agree, and only a number is read.
crumbs = app.cookie("crumbs", type=int, default=0, max_age=timedelta(days=30), purpose="Counts the tuiles you ate.")

HAS_CRYPTOGRAPHY = find_spec("cryptography") is not None  # the extra `crypto`


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


# --- Tuile's own ------------------------------------------------------------------------------------------------------


@app.post("/own/declared")
def set_declared() -> Response:
    crumbs.set(crumbs.get() + 1)
    return back_to_page()


@app.post("/own/signed")
def set_signed() -> Response:
    """The browser can read it, but not change it."""
    cookies.signed.set("receipt", "three tuiles", max_age=timedelta(hours=1))
    return back_to_page()


@app.post("/own/encrypted")
def set_encrypted() -> Response:
    """The browser can neither read nor change it."""
    if HAS_CRYPTOGRAPHY:
        cookies.encrypted.set("recipe", "almonds, sugar, egg whites", max_age=timedelta(hours=1))
    else:
        flash('Encryption needs a package: pip install "tuile[crypto]"', "error")
    return back_to_page()


@app.post("/own/dropped")
def set_dropped() -> Response:
    """A cookie that no browser keeps: a name with __Host- promises Secure."""
    response = back_to_page()
    response.set_cookie("__Host-x", "1")
    return response


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


@app.post("/sessions/<handle>/end")
def end_session(handle: str) -> Response:
    """End one of one's own sessions, wherever it is."""
    if any(entry.handle == handle for entry in my_sessions()):
        app.sessions.end(handle)
        flash("That session has ended.")
    return back_to_page()


@app.template_filter()
def browser(agent: str) -> str:
    """What a User-Agent header means, as far as people want to know it."""
    names = {"Edg/": "Edge", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari", "curl/": "curl"}
    return next((name for sign, name in names.items() if sign in agent), "A browser")


@app.template_global()
def my_sessions() -> list[SessionEntry]:
    """The sessions of the user who is logged in, on all browsers."""
    return app.sessions.of(session["username"]) if "username" in session else []


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


# Where the button of an action is: its answer is shown there, too.
SECTIONS = {
    "set": ("set_cookie", "set_expiring_cookie", "set_long_lasting_cookie", "set_path_cookie", "update_cookie"),
    "any": ("set_any_cookie",),
    "own": ("set_declared", "set_signed", "set_encrypted", "set_dropped"),
    "delete": ("delete_cookies",),
    "session": ("login", "logout", "end_session", "flash_message"),
    "theme": ("theme",),
}
SECTION_OF = {endpoint: section for section, endpoints in SECTIONS.items() for endpoint in endpoints}

BROWSERS = {"chromium": "Chromium", "firefox": "Firefox", "safari": "Safari"}


class Exchange:
    """A request and its response, for the page to show."""

    def __init__(self, response: Response) -> None:
        self.request_line = f"{request.method} {request.path}"
        self.section = SECTION_OF.get(request.endpoint or "")
        self.url = request.base_url
        # WSGI hands over the header's bytes one by one, as if they were Latin-1.
        self.cookie_header = request.headers.get("Cookie", "").encode("latin-1").decode("utf-8", "replace")
        self.response = response  # and not its headers, because the last ones are added after the view

    @property
    def lines(self) -> list[str]:
        """The Set-Cookie lines, as a reader wants them: WSGI has UTF-8 as if it were Latin-1."""
        return [decoded(line) for line in self.response.headers.getlist("Set-Cookie")]

    @property
    def problems(self) -> list[str]:
        """What browsers do not do with these lines, why, and what to write instead."""
        return [text for line in self.response.headers.getlist("Set-Cookie") if (text := self.problem(line))]

    def problem(self, line: str) -> str:
        """What browsers do with one line, if one of them drops it."""
        dropped, now = {}, datetime.now(timezone.utc)
        for profile, browser in BROWSERS.items():
            # A jar without cookies: only whether this line is good by itself.
            [verdict] = Jar(profile, last_label).receive(self.url, [line], now=now)
            if not verdict.kept and not verdict.deleted and verdict.cure:
                dropped[browser] = str(verdict)
        if not dropped:
            return ""
        first, *others = dropped
        kept = [browser for browser in BROWSERS.values() if browser not in dropped]
        return " ".join(
            (
                dropped[first],
                f"{' and '.join(others)} {'does' if len(others) == 1 else 'do'} the same." if others else "",
                f"{' and '.join(kept)} {'keeps' if len(kept) == 1 else 'keep'} it." if kept else "",
            )
        ).strip()


def decoded(text: str) -> str:
    with suppress(UnicodeError):
        return text.encode("latin-1").decode()
    return text


# Exchanges that ended with a redirect to the page, each until the page has shown it.
redirected: dict[str, Exchange] = {}


def back_to_page() -> Response:
    """A redirect to the page, which will show the headers of this redirect as well as its own."""
    ticket = secrets.token_urlsafe(8)
    section = SECTION_OF.get(request.endpoint or "")
    response = make_response(redirect(url_for("read_cookies", after=ticket, _anchor=section)))
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
    g.section = g.exchanges[0].section
    g.messages = get_flashed_messages(with_categories=True)  # they leave the session now, before it is saved
    return response
