"""The quickstart on flashing: recorded at the end of one request, shown by the layout of the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuile import Flask, flash, redirect, render_template_string, request, url_for

if TYPE_CHECKING:
    from tuile.typing import ResponseReturnValue

app = Flask(__name__)
app.secret_key = b"flashing needs a session, a session needs a key"

LAYOUT = """<!doctype html><title>Flashing</title>
{% with messages = get_flashed_messages() %}{% if messages %}<ul>
{% for message in messages %}<li>{{ message }}</li>{% endfor %}</ul>{% endif %}{% endwith %}
<p>The page.</p>"""


@app.route("/")
def index() -> str:
    return render_template_string(LAYOUT)


@app.route("/save", methods=["GET", "POST"])
def save() -> ResponseReturnValue:
    flash(request.values.get("message", "Saved."))
    return redirect(url_for("index"))
