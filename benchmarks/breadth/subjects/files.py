"""Files that are sent: static ones, and those of a view."""

from __future__ import annotations

import io
import os
from typing import Any

from benchmarks.breadth.registry import Subject, ask, f
from benchmarks.content import STATIC

SUBJECT = Subject("files")
view = SUBJECT.view
_FILE = os.path.join(STATIC, "style.css")
_MODIFIED = "Fri, 01 Jan 2100 00:00:00 GMT"


@SUBJECT.app_of(
    ("static file", ask("/static/style.css")),
    ("static file, HEAD", ask("/static/style.css", "HEAD")),
    ("static file, 304 by date", ask("/static/style.css", If_Modified_Since=_MODIFIED)),
    ("static file, Range", ask("/static/style.css", Range="bytes=0-9")),
    ("static file, 404", ask("/static/missing.css")),
    ("static file with a query", ask("/static/style.css?v=123")),
    ("static file outside its folder", ask("/static/..%2f..%2fcontent.py")),
)
def _(app: Any) -> None: ...


SUBJECT.app("static file, max_age", "/static/style.css", SEND_FILE_MAX_AGE_DEFAULT=3600)(lambda app: None)


@SUBJECT.app("static file of a blueprint", "/admin/assets/style.css")
def _(app: Any) -> None:
    app.register_blueprint(
        f.Blueprint("admin", "admin", url_prefix="/admin", static_folder=STATIC, static_url_path="/assets")
    )


@view("send_file of a path")
def _() -> Any:
    return f.send_file(_FILE)


@view("send_file as an attachment")
def _() -> Any:
    return f.send_file(_FILE, as_attachment=True, download_name="my style.css")


@view("send_file of BytesIO")
def _() -> Any:
    return f.send_file(io.BytesIO(b"some bytes"), mimetype="application/pdf", download_name="a.pdf")


@view("send_file with max_age, no etag")
def _() -> Any:
    return f.send_file(_FILE, max_age=60, etag=False, conditional=False)


@view("send_from_directory")
def _() -> Any:
    return f.send_from_directory(STATIC, "style.css")


@view("send_from_directory, a name from the URL", "/download/style.css", rule="/download/<path:name>")
def _(name: str) -> Any:
    return f.send_from_directory(STATIC, name, as_attachment=True)


@view("send_from_directory, 404")
def _() -> Any:
    return f.send_from_directory(STATIC, "missing.css")


@view("open_resource")
def _() -> Any:
    with f.current_app.open_resource("static/style.css") as file:
        return file.read()


@view("CSV made in the view")
def _() -> Any:
    rows = "\n".join(f"{number},name {number}" for number in range(20))
    return f.Response(rows, mimetype="text/csv", headers={"Content-Disposition": "attachment; filename=rows.csv"})
