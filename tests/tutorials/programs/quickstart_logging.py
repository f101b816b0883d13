"""The quickstart on logging: a logger that is ready."""

from __future__ import annotations

from tuile import Flask

app = Flask(__name__)


@app.route("/")
def index() -> str:
    app.logger.debug("a value for finding errors")
    app.logger.warning("careful: %d apples", 42)
    app.logger.error("something went wrong")
    return "logged"
