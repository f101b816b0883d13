"""The dates of Firefox. More of them are compared with the browser itself by tests/browser."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.costs import assert_time_is_linear
from tuile.user_agent.dates import EARLIEST, LATEST
from tuile.user_agent.firefox_dates import read_firefox_date

# As Firefox ESR 153 stored them on 2026-11-28; None: until the browser is closed.
READ: dict[str, tuple[int, ...] | None] = {
    "Sun, 06 Nov 1994 08:49:37 GMT": (1994, 11, 6, 8, 49, 37),
    "Sunday, 06-Nov-94 08:49:37 GMT": (1994, 11, 6, 8, 49, 37),
    "Sun Nov  6 08:49:37 1994": (1994, 11, 6, 8, 49, 37),
    "1 Jan 2090": (2090, 1, 1),
    "Jan-1-2090": None,
    "1-Jan-2090": (2090, 1, 1),
    "1/1/70": (1970, 1, 1),
    "13/1/2090": (2090, 1, 13),
    "12-31-2090": (2090, 12, 31),
    "90-12-31": (1990, 12, 31),
    "30 Feb 2090 00:00:00": (2090, 3, 2),
    "0 Jan 2090": (2089, 12, 31),
    "1 Jan 2090 24:00:00": (2090, 1, 2),
    "1 Jan 2090 23:59:60": (2090, 1, 2),
    "21 Nov 2027 12:00:00 +0500": (2027, 11, 21, 7),
    "21 Nov 2027 12:00:00 EST": (2027, 11, 21, 17),
    "21 Nov 2027 12:00:00 GMT+0200": (2027, 11, 21, 10),
    "21 Nov 2027 12:00:00 GMT+2": (2027, 11, 21, 10),
    "21 Nov 2027 12:00:00 pdt": (2027, 11, 21, 19),
    "21 Nov 2027 1:00:00 PM": (2027, 11, 21, 13),
    "21 Nov 2027 12:30:00 am": (2027, 11, 21, 0, 30),
    # The character after a time without seconds is taken for them: a space is -16, the end of the text -48.
    "21 Nov 2027 10:00": (2027, 11, 21, 9, 59, 12),
    "21 Nov 2027 12:30 AM": (2027, 11, 21, 0, 29, 44),
    "tomorrow": None,
    "Jan 2090": None,
    "1 Jan": None,
    "2090-01-01T00:00:00Z": None,
    "20900101": None,
    "1 Jan 9": None,
    "1 Jan 123456": None,
    "1 Jan 40000 0:0:0": None,
    "": None,
}


@pytest.mark.parametrize("text", READ)
def test_a_date_is_read_as_firefox_reads_it(text: str) -> None:
    expected = READ[text]
    assert read_firefox_date(text) == (None if expected is None else datetime(*expected, tzinfo=timezone.utc))  # type: ignore[misc, arg-type]


def test_years_beyond_the_calendar_are_its_ends() -> None:
    assert read_firefox_date("1 Jan 0000") == EARLIEST
    assert read_firefox_date("1 Jan 12345") == LATEST


@settings(derandomize=True, deadline=None, database=None, max_examples=1000)
@given(
    st.lists(st.sampled_from([*"0123456789 ,;:/+-()[]", "Jan", "GMT", "EST", "PM", "ut", "x", "\xe9", "99", "2090"]))
)
def test_no_text_raises(parts: list[str]) -> None:
    moment = read_firefox_date("".join(parts))
    assert moment is None or EARLIEST <= moment <= LATEST


@pytest.mark.parametrize("piece", ["1", "1:", "+1 ", "Jan ", "-", "1/", "/", "x", "1 "])
def test_the_time_grows_with_the_length_and_not_faster(piece: str) -> None:
    assert_time_is_linear(lambda size: read_firefox_date(piece * size), 2_000)
