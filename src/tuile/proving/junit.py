"""Read the JUnit XML that a test command wrote: which tests ran, how each ended, and how long it took."""

from __future__ import annotations

import os
import re
import typing as t
import xml.etree.ElementTree as ET  # the file was written by the user's own tests

from .sides import CannotCompare

#: The largest file that is read, in octets.
MOST_OCTETS = 500_000_000
_LONGEST_MESSAGE = 4000


class Case(t.NamedTuple):
    """One test of one run.

    Attributes:
        outcome: passed, failed, error, skipped, or xfailed.
        message: Why, as the runner says it; empty if it passed.
        time_s: How long it took.
    """

    outcome: str
    message: str
    time_s: float


def read_junit(path: str) -> dict[str, Case]:
    """Return the tests of a file by their ids.

    Raises:
        CannotCompare: If there is no such file, or it is not JUnit XML.
    """
    try:
        size = os.path.getsize(path)
    except OSError:
        raise CannotCompare("the command wrote no JUnit XML") from None
    if size > MOST_OCTETS:
        raise CannotCompare(f"the JUnit XML is larger than {MOST_OCTETS // 1_000_000} MB")
    cases: dict[str, Case] = {}
    try:
        for _, element in ET.iterparse(path):  # noqa: S314 - as above; expat limits the growth of entities
            if element.tag.rpartition("}")[2] == "testcase":
                _add(cases, element)
                element.clear()
    except (ET.ParseError, OSError) as error:
        raise CannotCompare(f"the JUnit XML cannot be read: {error}") from None
    return cases


def _add(cases: dict[str, Case], element: ET.Element) -> None:
    name = "::".join(filter(None, (element.get("classname"), element.get("name")))) or "(without a name)"
    case = _case(element)
    before = cases.get(name)
    if before is not None and case.outcome == "error" != before.outcome:
        # pytest writes a second element for an error of a fixture's end.
        name = f"{name} (teardown)"
    number, unique = 1, name
    while unique in cases:
        number += 1
        unique = f"{name} #{number}"
    cases[unique] = case


def _case(element: ET.Element) -> Case:
    outcome, texts = "passed", []
    for child in element:
        tag = child.tag.rpartition("}")[2]
        if tag in {"failure", "error", "skipped"}:
            outcome = {"failure": "failed"}.get(tag, tag)
            if tag == "skipped" and child.get("type") == "pytest.xfail":
                outcome = "xfailed"
            texts.append(child.get("message") or (child.text or "").strip())
    return Case(outcome, "\n".join(texts)[:_LONGEST_MESSAGE], _seconds(element.get("time")))


def _seconds(text: str | None) -> float:
    try:
        seconds = float((text or "0").replace(",", ""))
    except ValueError:
        return 0.0
    return seconds if 0 <= seconds < 1e9 else 0.0


_VARIES = (
    (re.compile(r"0x[0-9a-fA-F]{6,}"), "0x..."),
    (re.compile(r"pytest-of-[^/\s]+/pytest-\d+"), "pytest-of-USER/pytest-N"),
    (re.compile(r"/tmp/[\w.-]+"), "/tmp/..."),  # noqa: S108 - a pattern
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?"), "<time>"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<uuid>"),
)


def comparable(message: str) -> str:
    """Return a message without what differs from run to run: addresses, temporary folders, times, ids."""
    for pattern, instead in _VARIES:
        message = pattern.sub(instead, message)
    return message
