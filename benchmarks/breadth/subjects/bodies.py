"""What a client sends: forms, JSON, uploads."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from benchmarks.breadth.registry import Subject, f

SUBJECT = Subject("bodies")
view = SUBJECT.view

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=----WebKitFormBoundaryABCDEFGHIJKLMNOP"


def multipart(fields: dict[str, str], **files: bytes) -> bytes:
    """Return a multipart body as Chromium writes it."""
    start = b"------WebKitFormBoundaryABCDEFGHIJKLMNOP"
    parts = [
        start + f'\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for name, content in files.items():
        head = f'\r\nContent-Disposition: form-data; name="{name}"; filename="{name}.bin"\r\n'
        parts.append(start + head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + content + b"\r\n")
    return b"".join(parts) + start + b"--\r\n"


def _fields(count: int) -> dict[str, str]:
    return {f"field{number}": f"value {number}" for number in range(count)}


@view("form of 1 field", body="name=ada", type=FORM)
def _() -> Any:
    return f.request.form["name"]


@view("form of 3 fields", body=urlencode({"name": "Ada L", "email": "ada@example.com", "age": 36}), type=FORM)
def _() -> Any:
    form = f.request.form
    return f"{form['name']} {form.get('email')} {form.get('age', type=int)}"


@view("form of 50 fields", body=urlencode(_fields(50)), type=FORM)
def _() -> Any:
    return str(len(f.request.form))


@view("form of 500 fields", body=urlencode(_fields(500)), type=FORM, per_block=3)
def _() -> Any:
    return str(len(f.request.form))


@view("form of one long text", body=urlencode({"text": "lorem ipsum " * 2000}), type=FORM, per_block=5)
def _() -> Any:
    return str(len(f.request.form["text"]))


@view("form with umlauts", body=urlencode({"name": "Müller", "city": "Köln"}), type=FORM)
def _() -> Any:
    return f.request.form["name"] + f.request.form["city"]


@view("form not read", body=urlencode(_fields(3)), type=FORM)
def _() -> Any:
    return "ignored"


@view("form after its data, as a signature needs it", body=urlencode(_fields(3)), type=FORM)
def _() -> Any:
    return f"{len(f.request.get_data())} {f.request.form['field1']}"


@view("form and redirect", body=urlencode(_fields(3)), type=FORM)
def _() -> Any:
    f.request.form["field0"]
    return f.redirect("/done")


@view("multipart of 3 fields", body=multipart(_fields(3)), type=MULTIPART)
def _() -> Any:
    return f.request.form["field1"]


@view("multipart of 100 fields", body=multipart(_fields(100)), type=MULTIPART, per_block=3)
def _() -> Any:
    return str(len(f.request.form))


@view("multipart of 1,000 fields", body=multipart(_fields(1000)), type=MULTIPART, per_block=1, MAX_FORM_PARTS=2000)
def _() -> Any:
    return str(len(f.request.form))


def _upload() -> Any:
    content = f.request.files["photo"]
    return f"{f.request.form['title']} {content.filename} {len(content.read())}"


view("upload of 1 KB", body=multipart({"title": "a"}, photo=b"x" * 1024), type=MULTIPART)(_upload)
view("upload of 64 KB", body=multipart({"title": "a"}, photo=bytes(range(256)) * 256), type=MULTIPART,
     per_block=5)(_upload)  # fmt: skip
view("upload of 1 MB", body=multipart({"title": "a"}, photo=bytes(range(256)) * 4096), type=MULTIPART,
     per_block=2)(_upload)  # fmt: skip
view("upload of 1 MB of lines", body=multipart({"title": "a"}, photo=b"a line of a text file\r\n" * 45_000),
     type=MULTIPART, per_block=1)(_upload)  # fmt: skip


@view("upload of 5 files", type=MULTIPART, body=multipart({"title": "a"}, **{f"f{n}": b"x" * 500 for n in range(5)}))
def _() -> Any:
    return str([file.filename for file in f.request.files.values()])


@view("JSON of 3 members", body='{"name": "ada", "age": 36, "active": true}', type="application/json")
def _() -> Any:
    return f.request.get_json()["name"]


@view("request.json, answered with JSON", body='{"name": "ada", "age": 36}', type="application/json")
def _() -> Any:
    return {"hello": f.request.json["name"]}


@view("JSON of 50 objects", body=json.dumps([{"id": n, "name": f"name {n}"} for n in range(50)]),
      type="application/json")  # fmt: skip
def _() -> Any:
    return str(len(f.request.get_json()))


@view("JSON that is wrong, silent", body="{wrong", type="application/json")
def _() -> Any:
    return str(f.request.get_json(silent=True))


@view("JSON that is wrong, 400", body="{wrong", type="application/json")
def _() -> Any:
    return f.request.get_json()


@view("JSON of another type, 415", body="{}", type="text/plain")
def _() -> Any:
    return f.request.get_json()


@view("JSON forced", body='{"a": 1}', type="text/plain")
def _() -> Any:
    return f.request.get_json(force=True)


@view("missing form field, 400", body="a=1", type=FORM)
def _() -> Any:
    return f.request.form["missing"]


@view("data of 10 KB", body=b"x" * 10_000, type="application/octet-stream")
def _() -> Any:
    return str(len(f.request.data))


@view("get_data as text", body="some text", type="text/plain")
def _() -> Any:
    return f.request.get_data(as_text=True)


@view("stream read", body=b"x" * 10_000, type="application/octet-stream")
def _() -> Any:
    return str(len(f.request.stream.read()))


view("form with MAX_CONTENT_LENGTH", body=urlencode(_fields(3)), type=FORM, MAX_CONTENT_LENGTH=16_000_000)(
    lambda: f.request.form["field1"]
)
view("form too large, 413", body=urlencode(_fields(50)), type=FORM, MAX_CONTENT_LENGTH=100)(
    lambda: f.request.form["field1"]
)
