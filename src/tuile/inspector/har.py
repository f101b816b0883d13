"""Write recorded requests as a HAR 1.2 file, which `tuile prove --requests` and other tools read."""

from __future__ import annotations

import json
import typing as t
from datetime import datetime, timezone

from ..packages import installed_version
from .conversations import whole_url

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from .records import Recording

_HEADERS = {
    "HTTP_ORIGIN": "Origin",
    "HTTP_REFERER": "Referer",
    "HTTP_SEC_FETCH_SITE": "Sec-Fetch-Site",
    "HTTP_SEC_FETCH_MODE": "Sec-Fetch-Mode",
    "HTTP_SEC_FETCH_DEST": "Sec-Fetch-Dest",
    "HTTP_X_REQUESTED_WITH": "X-Requested-With",
}


def write_har(recordings: Iterable[Recording]) -> str:
    """Return a HAR file of requests, without the cookies whose values were not recorded and without files."""
    entries = [_entry(found) for found in recordings if found.protocol != "WebSocket"]
    creator = {"name": "Tuile inspector", "version": installed_version("tuile") or ""}
    return json.dumps({"log": {"version": "1.2", "creator": creator, "entries": entries}}, indent=1)


def _entry(found: Recording) -> dict[str, object]:
    started = datetime.fromtimestamp(found.started, timezone.utc)
    milliseconds = found.took_us / 1000
    return {
        "startedDateTime": started.isoformat(),
        "time": milliseconds,
        "request": _request(found),
        "response": {
            "status": found.status,
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _pairs(_given([("Content-Type", found.response_type), ("Location", found.location)])),
            "redirectURL": found.location,
            "content": {"size": found.body_length or 0, "mimeType": found.response_type},
            "headersSize": -1,
            "bodySize": -1 if found.body_length is None else found.body_length,
        },
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
    }


def _request(found: Recording) -> dict[str, object]:
    headers = [("Host", found.host), ("User-Agent", found.agent), ("Content-Type", found.content_type)]
    headers += [(name, found.origin_headers[key]) for key, name in _HEADERS.items() if key in found.origin_headers]
    cookies = [(one.name, one.value.text) for one in found.cookies if one.value.is_whole]
    request: dict[str, object] = {
        "method": found.method,
        "url": whole_url(found),
        "httpVersion": "HTTP/1.1",
        "cookies": _pairs(cookies),
        "headers": _pairs(_given(headers)),
        "queryString": [],
        "headersSize": -1,
        "bodySize": -1,
    }
    if found.json is not None:
        request["postData"] = {"mimeType": found.content_type, "text": found.json}
    elif found.form:
        request["postData"] = {"mimeType": found.content_type, "params": _pairs(found.form)}
    return request


def _given(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in pairs if value]


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]
