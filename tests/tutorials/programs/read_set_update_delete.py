"""Read, set, update and delete: every address shows the cookies that came in, most of them change some."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from tuile import Flask, Response, make_response, render_template, request

app = Flask(__name__)


def page() -> Response:
    return make_response(render_template("all_cookies.html", cookies=request.cookies))


@app.route("/")
@app.route("/set-path-cookie/", endpoint="below")
@app.route("/set-path-cookie/<anything>", endpoint="below")
@app.route("/set-path-cookie-alternate", endpoint="beside")
def read_cookies(**_: str) -> str:
    return render_template("all_cookies.html", cookies=request.cookies)


@app.route("/set-cookie")
def set_cookie() -> Response:
    answer = page()
    answer.set_cookie("cookie_name", "cookie_value")
    return answer


@app.route("/update-cookie")
def update_cookie() -> Response:
    answer = page()
    answer.set_cookie("cookie_name", "another_value")
    return answer


@app.route("/set-path-cookie")
def set_path_cookie() -> Response:
    answer = page()
    answer.set_cookie("path_cookie_name", "path_cookie_value", path="/set-path-cookie")
    return answer


@app.route("/set-expiring-cookie")
def set_expiring_cookie() -> Response:
    answer = page()
    answer.set_cookie("expiring_cookie_name", "expiring_cookie_value", max_age=15)
    return answer


@app.route("/set-long-lasting-cookie")
def set_long_lasting_cookie() -> Response:
    answer = page()
    answer.set_cookie("long_cookie_name", "long_cookie_value", max_age=timedelta(days=400))
    return answer


@app.route("/set-dated-cookie")
def set_dated_cookie() -> Response:
    answer = page()
    answer.set_cookie("dated_cookie_name", "dated_cookie_value", expires=datetime.now(timezone.utc) + timedelta(days=2))
    return answer


@app.route("/set-many")
def set_many() -> Response:
    answer = page()
    for number in range(5):
        answer.set_cookie(f"number_{number}", str(number))
    return answer


@app.route("/delete-cookies")
def delete_cookies() -> Response:
    """The path cookie is deleted as the tutorial does it, without its path: so it stays."""
    answer = page()
    for name in ("cookie_name", "path_cookie_name", "expiring_cookie_name", "long_cookie_name"):
        answer.delete_cookie(name)
    return answer


@app.route("/delete-path-cookie")
def delete_path_cookie() -> Response:
    answer = page()
    answer.delete_cookie("path_cookie_name", path="/set-path-cookie")
    return answer
