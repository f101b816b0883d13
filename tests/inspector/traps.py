"""An application with a login and with the classic mistakes about cookies, for the tests of the inspector."""

from __future__ import annotations

from tuile import Flask, Response, flash, get_flashed_messages, make_response, redirect, request, session


def make_app() -> Flask:
    """Return the application."""
    app = Flask(__name__)
    app.secret_key = "0f3c9b1e7a5d48e2b6c1d0e9f8a7b6c5"

    @app.get("/")
    def index() -> str:
        return f"Hello {session.get('name')} {get_flashed_messages()}"

    @app.get("/set")
    def set_theme() -> Response:
        response = make_response("set")
        response.set_cookie("theme", "light")
        return response

    @app.get("/api")
    def api() -> dict[str, str | None]:
        return {"theme": request.cookies.get("theme")}

    @app.post("/json")
    def take_json() -> dict[str, object]:
        return {"got": request.json}

    @app.post("/login")
    def login() -> Response:
        session["name"] = request.form["name"]
        flash("Welcome")
        return make_response(redirect(f"/?after={session['name']}"))

    @app.get("/traps")
    def traps() -> Response:
        response = make_response("traps")
        response.set_cookie("cart", "1", domain="example.com")
        response.set_cookie("track", "1", samesite="None")
        response.set_cookie("basket", "1", path="/shop")
        response.set_cookie("__Host-id", "1", path="/x")
        return response

    return app


app = make_app()
