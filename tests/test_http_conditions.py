"""Conditions are compared as Werkzeug compares them."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.http import is_resource_modified

from tests.beside_flask import outcome
from tuile.http.conditions import is_unmodified

DATES = (
    *("Tue, 14 Nov 2023 22:13:20 GMT", "Tue, 14 Nov 2023 22:13:21 GMT", "Tue, 14 Nov 2023 22:13:20 +0100"),
    *(
        "Tuesday, 14-Nov-23 22:13:20 GMT",
        "Tue Nov 14 22:13:20 2023",
        "14 Nov 2023",
        "now",
        "",
        "0",
        "Tue, 99 Nov 2023 0:0:0 GMT",
    ),
    "Mon, 01 Jan 9999999999 00:00:00 GMT",
)
TAGS = (
    '"a"',
    '"b"',
    'W/"a"',
    'w/"a"',
    '"a", "b"',
    '"',
    '""',
    'W/""',
    "a",
    "*",
    "",
    ' "a"',
    '"a" ',
    '"a"b',
    '"é"',
    '"a,b"',
    ",",
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "HTTP_IF_NONE_MATCH": st.sampled_from(TAGS) | st.text(max_size=4),
            "HTTP_IF_MATCH": st.sampled_from(TAGS),
            "HTTP_IF_MODIFIED_SINCE": st.sampled_from(DATES),
        },
    ),
    st.none() | st.sampled_from(TAGS) | st.text(max_size=3),
    # An application does not send a date beyond all calendars.
    st.none() | st.sampled_from(DATES[:-1]),
)
@settings(max_examples=800)
def test_any_conditions_are_compared_as_by_werkzeug(
    environ: dict[str, Any], etag: str | None, date: str | None
) -> None:
    expected = outcome(lambda: not is_resource_modified(environ, etag, last_modified=date))
    assert outcome(is_unmodified, environ, etag, date) == expected
