"""Answers to requests that do not get to the application, or not back from it."""

from __future__ import annotations

import typing as t
from html import escape

if t.TYPE_CHECKING:
    from .protocol import Send


async def refuse(status: int, title: str, text: str, method: str, send: Send) -> None:
    """Answer a request that does not get to the application."""
    page = (
        f"<!doctype html>\n<html lang=en>\n<title>{status} {title}</title>\n<h1>{title}</h1>\n<p>{escape(text)}</p>\n"
    )
    body = page.encode()
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    if status == 503:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body, "more_body": False})
