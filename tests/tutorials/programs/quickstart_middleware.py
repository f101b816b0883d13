"""The quickstart on WSGI middleware: wrap `wsgi_app`, and `app` is still the application."""

from __future__ import annotations

from werkzeug.middleware.proxy_fix import ProxyFix

from tuile import Flask, request

app = Flask(__name__)
app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign] # as Flask's quickstart says to do it


@app.route("/")
def index() -> dict[str, str | None]:
    return {"client": request.remote_addr, "scheme": request.scheme}
