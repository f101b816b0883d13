"""The parser of multipart bodies answers as Werkzeug's does, or not at all."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser
from werkzeug.http import parse_options_header
from werkzeug.test import encode_multipart

from tests.costs import assert_time_is_linear
from tuile.http.multipart import boundary_of, header_pairs, parse_multipart, plain_boundary

BOUNDARY = b"b-1"
# Pieces of bodies: whole ones, and what the parser must not take for one.
PIECES = (
    b"--b-1\r\n",
    b"\r\n--b-1\r\n",
    b"\r\n--b-1--",
    b"\r\n--b-1--\r\n",
    b"--b-1",
    b"\n--b-1\n",
    b"\r--b-1\r",
    b"--b-1 \r\n",
    b"\r\n--b-1 --\r\n",
    b'Content-Disposition: form-data; name="a"',
    b'content-disposition:form-data;name="b"; filename="f.txt"',
    b'Content-Disposition: form-data; filename="f"; name="c"',
    b'Content-Disposition: form-data; name="%22\\""',
    b'Content-Disposition: form-data; name="\xc3\xa9\xff"',
    b"Content-Disposition: form-data; name=a",
    b'Content-Disposition: form-data; name="d"; filename=""',
    b"Content-Disposition: form-data; name*=utf-8''x; name=\"e\"",
    b"\r\nContent-Type: text/plain; charset=iso-8859-1",
    b"\r\nContent-Type: image/png ",
    b"\r\nContent-Length: 3",
    b"\r\n folded",
    b"\r\n\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"-",
    b"value",
    b"\xff\xc3\xa9",
    b"",
)


def spoilt(body: bytes, at: int, put: bytes) -> bytes:
    """Put something in the place of one octet."""
    at %= len(body)
    return body[:at] + put + body[at + 1 :]


def parts_of(names: list[bytes], files: list[bytes]) -> st.SearchStrategy[bytes]:
    """Return parts with one of these names and one of these files."""
    return st.builds(
        lambda name, file, kind, content: (
            b"--b-1\r\nContent-Disposition: form-data; name=" + name + file + kind + b"\r\n\r\n" + content + b"\r\n"
        ),
        st.sampled_from(names),
        st.sampled_from(files),
        st.sampled_from(
            [b"", b"", b"\r\nContent-Type: text/plain", b"\r\nX-Other:  a \r\ncontent-type: a/b; charset=ascii"]
        ),
        st.binary(max_size=12) | st.sampled_from([b"\r\n", b"\r", b"\n--b-", b"--b-", b"\r\n\r\n", b"\r\n--b-2"]),
    )


NAMES = [b'"a"', b'"b"', b'""', b'"%22x"', b'"\xc3\xa9"', b'"a;b"', b'"a\0b"', rb'"\"\\%22\x"', b"a"]
FILES = [
    *(b"", b"", b'; filename="x.txt"', b'; filename=""', b'; filename="C:/x%22y"', rb'; filename="a\"b\\c\d"'),
    *(b"; filename=x.txt", b"; filename*=utf-8''%C3%A9.txt", b"; filename=\"e.txt\"; filename*=UTF-8''%e9", b";"),
    *(b'; FileName = "a"', b'; filename="a', b"; filename*0=a; filename*1=b", b'; size=3; filename="z"; x'),
]
WHOLE_PARTS = parts_of(NAMES, FILES)
ODD_PARTS = parts_of([*NAMES, b"", b"*=utf-8''x", b'"', b'"\\"', b"\xff"], [*FILES, b"\xff", b"; filename=\xe9"])
BODIES = st.one_of(
    st.lists(ODD_PARTS, max_size=4).map(lambda parts: b"".join(parts) + b"--b-1--\r\n"),
    st.builds(
        lambda start, parts: start + b"".join(parts) + b"--b-1--\r\n",
        st.sampled_from([b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"\r\n ", b"text\r\n"]),
        st.lists(WHOLE_PARTS, max_size=3),
    ),
    st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=14).map(b"".join),
    st.builds(
        lambda parts, at, put: spoilt(b"".join(parts) + b"--b-1--", at, put),
        st.lists(WHOLE_PARTS, min_size=1, max_size=3),
        st.integers(0, 1000),
        st.sampled_from([b"", b"\r", b"\n", b"-", b'"', b"\\", b"%", b" "]),
    ),
)


def in_memory(*_: Any, **__: Any) -> io.BytesIO:
    return io.BytesIO()


def by_werkzeug(body: bytes, memory: int | None = None, parts: int | None = None) -> Any:
    """Return the fields and files that Werkzeug's parser finds, or the class of its error."""
    parser = MultiPartParser(in_memory, memory, max_form_parts=parts)
    try:
        form, files = parser.parse(io.BytesIO(body), BOUNDARY, len(body))
    except (ValueError, RequestEntityTooLarge) as error:
        return type(error)
    return (
        list(form.items(multi=True)),
        [(name, file.filename, list(file.headers), file.read()) for name, file in files.items(multi=True)],
    )


def by_tuile(body: bytes, memory: int | None = None, parts: int | None = None) -> Any:
    found = parse_multipart(body, BOUNDARY, memory, parts)
    if found is None:
        return None
    fields: dict[str, list[str]] = {}
    files: dict[str, list[Any]] = {}
    for name, filename, headers, start, end in found:
        content = body[start:end]
        if filename is None:
            fields.setdefault(name, []).append(content.decode("utf-8", "replace"))
        else:
            files.setdefault(name, []).append((name, filename, header_pairs(headers), content))
    return [(n, v) for n, vs in fields.items() for v in vs], [file for each in files.values() for file in each]


@given(BODIES)
@settings(max_examples=600)
def test_any_body_is_read_as_werkzeug_reads_it_or_left_to_it(body: bytes) -> None:
    found = by_tuile(body)
    assert found is None or found == by_werkzeug(body)


@given(st.lists(WHOLE_PARTS, max_size=4))
def test_what_clients_write_is_read(parts: list[bytes]) -> None:
    body = b"".join(parts) + b"--b-1--\r\n"
    if b"charset" not in body and body.count(b"--b-1") == len(parts) + 1:
        assert by_tuile(body) == by_werkzeug(body)


@pytest.mark.parametrize("fields", [{"a": "1"}, {"a": "1", "b": (io.BytesIO(b"x\r\n--"), "b.txt", "text/plain")}, {}])
def test_what_werkzeugs_client_writes_is_read(fields: dict[str, Any]) -> None:
    body = encode_multipart(fields, BOUNDARY.decode())[1]
    assert body.startswith(b"\r\n")
    found = by_tuile(body)
    assert found is not None
    assert found == by_werkzeug(body)


@given(BODIES, st.integers(0, 300), st.integers(0, 3))
@settings(max_examples=200)
def test_limits_hold_as_with_werkzeug(body: bytes, memory: int, parts: int) -> None:
    found = by_tuile(body, memory, parts)
    assert found is None or found == by_werkzeug(body, memory, parts)


@pytest.mark.parametrize("size", [64 * 1024 - 40, 64 * 1024, 3 * 64 * 1024, 499_000, 500_001])
@pytest.mark.parametrize("filename", [b"", b'; filename="x"'])
@pytest.mark.parametrize("memory", [1000, 64 * 1024, 130_000, 140_000, 500_000])
def test_large_parts_meet_the_limit_of_memory_as_with_werkzeug(size: int, filename: bytes, memory: int) -> None:
    part = b'--b-1\r\nContent-Disposition: form-data; name="a"' + filename + b"\r\n\r\n" + b"x\r\n" * (size // 3)
    body = part + b"\r\n--b-1--\r\n"
    found = by_tuile(body, memory)
    assert found is None or found == by_werkzeug(body, memory)
    assert found is not None or memory < 2 * 64 * 1024 or not filename


@given(st.text(st.sampled_from("ab-_.'+%=;\"\\ *A1é\r\n"), max_size=12), st.booleans())
@settings(max_examples=300)
def test_a_boundary_is_read_as_werkzeug_reads_it_or_left_to_it(text: str, quoted: bool) -> None:
    content_type = f'multipart/form-data; boundary="{text}"' if quoted else f"Multipart/Form-Data;boundary={text}"
    found = boundary_of(content_type)
    mimetype, options = parse_options_header(content_type)
    assert found is None or (mimetype.lower(), options["boundary"].encode()) == ("multipart/form-data", found)
    assert plain_boundary(options.get("boundary")) in {None, options.get("boundary", "").encode(errors="replace")}


@pytest.mark.parametrize(
    "piece",
    [
        b'--b-1\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n',
        b"--b-1\r\n",
        b"\r\n--b-1",
        b"\r\n",
        b'Content-Disposition: form-data; name="a"\r\n',
        b"X: y\r\n",
        b"-",
    ],
    ids=repr,
)
def test_floods_take_linear_time(piece: bytes) -> None:
    start = b'--b-1\r\nContent-Disposition: form-data; name="a"\r\n'
    for before in (b"", start, start + b"\r\n"):
        # Made before, because large bytes cost more to make than they cost here.
        bodies = {size: before + piece * size for size in (4000, 16_000)}

        def parse(size: int, bodies: dict[int, bytes] = bodies) -> Any:
            return parse_multipart(bodies[size], BOUNDARY, None, None)

        assert_time_is_linear(parse, 4000)
