"""Two addresses, one that sets a cookie and one that reads it back; the program starts its own server."""

from __future__ import annotations

from tuile import Flask, Response, make_response, request

app = Flask(__name__)


@app.route("/setcookie")
def setcookie() -> Response:
    answer = make_response("The Cookie has been set")
    answer.set_cookie("Name", "tuile.example", 3600)  # the third argument is how long it lives, in seconds
    return answer


@app.route("/getcookie")
def getcookie() -> str:
    site = request.cookies.get("Name", None)
    return f"The Site : {site}"


if __name__ == "__main__":
    app.run(host="localhost", port=5000)
