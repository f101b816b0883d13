"""Learning cookies: one address that sets some, tells what came in, and limits one of them in time and place."""

from __future__ import annotations

from tuile import Flask, Response, make_response, render_template, request

app = Flask(__name__)


@app.route("/")
def tell() -> dict[str, str]:
    return request.cookies.to_dict()


@app.route("/plain")
def plain() -> str:
    return "Cookies"


@app.route("/made")
def made() -> Response:
    return make_response("Cookies")


@app.route("/plain-template")
def plain_template() -> str:
    return render_template("cookies.html")


@app.route("/made-template")
def made_template() -> Response:
    return make_response(render_template("cookies.html"))


@app.route("/cookies")
def bake() -> Response:
    answer = make_response("Cookies")
    answer.set_cookie("flavor", "chocolate chip")
    return answer


@app.route("/cookies/for-half-a-minute")
def bake_for_half_a_minute() -> Response:
    answer = make_response("Cookies")
    answer.set_cookie("flavor", value="chocolate chip", max_age=30, path=request.path)
    return answer


@app.route("/cookies/for-a-second")
def bake_for_a_second() -> Response:
    answer = make_response("Cookies")
    answer.set_cookie("flavor", value="chocolate chip", max_age=1)
    return answer


@app.route("/cookies/more")
def bake_more() -> Response:
    answer = make_response("Cookies")
    answer.set_cookie("chocolate type", "dark")
    answer.set_cookie("chewy", "yes")
    return answer


@app.route("/cookies/get")
def by_get() -> str:
    return f"flavor: {request.cookies.get('flavor')}"


@app.route("/cookies/key")
def by_key() -> str:
    return f"flavor: {request.cookies['flavor']}"


@app.route("/page-with-a-script")
def page_with_a_script() -> str:
    return """<!doctype html><title>Script</title><script>
        const tomorrow = new Date(Date.now() + 86400000).toUTCString();
        document.cookie = "plain=one";
        document.cookie = `dated=two; expires=${tomorrow}`;
        document.cookie = `placed=three; expires=${tomorrow}; path=/cookies`;
        document.cookie = "spoken=chocolate chip, crème";
    </script>"""
