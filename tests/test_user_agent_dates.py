"""Parsing the dates of Set-Cookie lines as the standard and Chromium do."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.costs import assert_time_is_linear
from tuile.http.dates import http_date
from tuile.user_agent.dates import EARLIEST, read_chromium_date, read_cookie_date

READERS = [read_cookie_date, read_chromium_date]
both_readings = pytest.mark.parametrize("read", READERS, ids=["standard", "chromium"])


def utc(*fields: int) -> datetime:
    return datetime(*fields, tzinfo=timezone.utc)  # type: ignore[arg-type, misc]  # as many fields as a test needs


@both_readings
@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", utc(1994, 11, 6, 8, 49, 37)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", utc(1994, 11, 6, 8, 49, 37)),
        ("Sun Nov  6 08:49:37 1994", utc(1994, 11, 6, 8, 49, 37)),
        ("6 nov 1994 8:49:7", utc(1994, 11, 6, 8, 49, 7)),
        ("Mon, 10-Dec-2007 17:02:24 GMT+2", utc(2007, 12, 10, 17, 2, 24)),
        ("Wed, 09 Nov 1999 23:12:40", utc(1999, 11, 9, 23, 12, 40)),
        ("10/Dec/2007,17:02:24", utc(2007, 12, 10, 17, 2, 24)),
        ("2007 Dec 10 17:02:24", utc(2007, 12, 10, 17, 2, 24)),
        ("17:02:24 2007 10 december", utc(2007, 12, 10, 17, 2, 24)),
        ("\t10\tDec\t07\t17:02:24\t", utc(2007, 12, 10, 17, 2, 24)),
        ("1 Jan 00 00:00:00", utc(2000, 1, 1)),
        ("1 Jan 69 00:00:00", utc(2069, 1, 1)),
        ("1 Jan 70 00:00:00", utc(1970, 1, 1)),
        ("1 Jan 99 00:00:00", utc(1999, 1, 1)),
        ("1 Jan 1601 00:00:00", utc(1601, 1, 1)),
        ("31 Dec 9999 23:59:59", utc(9999, 12, 31, 23, 59, 59)),
        ("29 Feb 2000 00:00:00", utc(2000, 2, 29)),
    ],
)
def test_a_date_is_read(read: object, text: str, moment: datetime) -> None:
    assert callable(read)
    assert read(text) == moment


@both_readings
@pytest.mark.parametrize(
    "text",
    [
        "",
        "never",
        "0",
        "Sun, 06 Nov 1994",
        "06 1994 08:49:37",
        "Nov 1994 08:49:37",
        "06 Nov 08:49:37",
        "06 Nov 1994 08:49",
        "06 Nov 1994 24:00:00",
        "06 Nov 1994 00:60:00",
        "06 Nov 1994 00:00:60",
        "00 Nov 1994 00:00:00",
        "32 Nov 1994 00:00:00",
        "31 Apr 1994 00:00:00",
        "29 Feb 1900 00:00:00",
        "06Nov1994 08:49:37",
        "06 Nov 123456 08:49:37",
        "\u0660\u0666 Nov 1994 08:49:37",
    ],
)
def test_what_is_no_date_reads_as_none(read: object, text: str) -> None:
    assert callable(read)
    assert read(text) is None


@pytest.mark.parametrize(
    ("text", "standard", "chromium"),
    [
        ("6th Nov 1994 08:49:37", utc(1994, 11, 6, 8, 49, 37), None),
        ("06 Nov 1994 08:49:37Z", utc(1994, 11, 6, 8, 49, 37), None),
        ("06 Nov 1994AD 08:49:37", utc(1994, 11, 6, 8, 49, 37), None),
        ("06 Nov 1994 08:49:37:00", utc(1994, 11, 6, 8, 49, 37), None),
        ("06 Nov 1994 008:49:37", None, utc(1994, 11, 6, 8, 49, 37)),
        ("06 Nov 7 08:49:37", None, utc(2007, 11, 6, 8, 49, 37)),
        ("06 Nov 1600 08:49:37", None, EARLIEST),
        ("1 Jan 12007 00:00:00", None, utc(9999, 1, 1)),
    ],
)
def test_where_the_two_readings_differ(text: str, standard: datetime | None, chromium: datetime | None) -> None:
    assert read_cookie_date(text) == standard
    assert read_chromium_date(text) == chromium


@given(moment=st.datetimes(min_value=datetime(1601, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001  naive: UTC
def test_what_we_write_is_read(moment: datetime) -> None:
    whole = moment.replace(microsecond=0, tzinfo=timezone.utc)
    assert [read(http_date(moment)) for read in READERS] == [whole, whole]


fields = st.sampled_from(
    ["06", "6", "Nov", "november", "1994", "94", "08:49:37", "1:2:3", "GMT", "\x7f", "é", "99999", ":"]
)


@given(text=st.lists(fields | st.text(max_size=6)).map(" ".join) | st.text())
def test_no_text_raises(text: str) -> None:
    for read in READERS:
        moment = read(text)
        assert moment is None or moment.tzinfo is timezone.utc


@pytest.mark.parametrize("piece", ["1", "1:", "jan", "-", "a", "1 ", "::", "Jan 1 "])
def test_the_time_grows_with_the_length_and_not_faster(piece: str) -> None:
    assert_time_is_linear(lambda n: [read(piece * n) for read in READERS])
