"""Compare what the two sides answered to one request."""

from __future__ import annotations

import typing as t

from .normalizing import normalize
from .reports import Difference, cut

if t.TYPE_CHECKING:
    from collections.abc import Iterator

_CONTEXT = 60


class Answer(t.NamedTuple):
    """One response, or what happened instead.

    Attributes:
        status: The status line, such as ``200 OK``.
        headers: The fields, with names in lower case.
        body: The body.
        failure: Why there is no response; empty if there is one.
        detail: More about a failure, which is shown and not compared.
    """

    status: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    failure: str = ""
    detail: str = ""


class Compared(t.NamedTuple):
    """What differs between two answers, and what was left out of the comparison.

    Attributes:
        differences: The parts that differ: their name, and what each side has.
        without: What was normalized.
    """

    differences: list[Difference]
    without: frozenset[str]


def parts(answer: Answer) -> dict[str, str]:
    """Return what is compared of an answer, by name. Several fields of one name are one part, in their order."""
    if answer.failure:
        return {"failure": answer.failure}
    found: dict[str, str] = {"status": answer.status}
    for name, value in answer.headers:
        key = f"header {name}"
        found[key] = f"{found[key]}\n{value}" if key in found else value
    found["body"] = _text(answer.body)
    return found


def compare(subject: str, one: Answer, other: Answer) -> Compared:
    """Return what differs between the answers of Flask and Tuile.

    Args:
        subject: How the request is called.
        one: Flask's answer.
        other: Tuile's.
    """
    differences, without = [], frozenset[str]()
    first, second = parts(one), parts(other)
    for name in dict.fromkeys((*first, *second)):
        mine, theirs = first.get(name), second.get(name)
        if mine == theirs:
            continue
        if mine is None or theirs is None:
            details = (one.detail, other.detail) if name == "failure" else ("", "")
            texts = (f"{text}\n{detail}".strip() for text, detail in zip(_shown(mine, theirs), details, strict=True))
            differences.append(Difference(subject, name, *texts))
            continue
        left, right = normalize(mine), normalize(theirs)
        if name == "header etag" and first.get("body") == second.get("body"):
            # The validator of one body is one, although it looks like an id.
            differences.append(Difference(subject, name, *_shown(mine, theirs)))
        elif left.text == right.text:
            without |= left.without
        elif not _is_length(name, first, second):
            differences.append(Difference(subject, name, *_around(left.text, right.text)))
    return Compared(differences, without)


def _is_length(name: str, first: dict[str, str], second: dict[str, str]) -> bool:
    """Return whether a part is the length of a body that only differs in what is normalized."""
    if name != "header content-length" or "body" not in first or "body" not in second:
        return False
    return first["body"] != second["body"] and normalize(first["body"]).text == normalize(second["body"]).text


def varying(answers: t.Sequence[Answer]) -> frozenset[str]:
    """Return the parts in which the answers of one side differ among themselves."""
    found: set[str] = set()
    first = _normal_parts(answers[0]) if answers else {}
    for answer in answers[1:]:
        other = _normal_parts(answer)
        found.update(name for name in first.keys() | other.keys() if first.get(name) != other.get(name))
    if "body" in found:
        found.add("header content-length")
    return frozenset(found)


def _normal_parts(answer: Answer) -> dict[str, str]:
    found = parts(answer).items()
    return {name: text if name == "header etag" else normalize(text).text for name, text in found}


def _text(body: bytes) -> str:
    """Return a body as text, one to one."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _shown(mine: str | None, theirs: str | None) -> Iterator[str]:
    return ("(none)" if text is None else cut(text) or "(empty)" for text in (mine, theirs))


def _around(mine: str, theirs: str) -> Iterator[str]:
    """Return two texts from shortly before where they differ to shortly after."""
    start = next((i for i, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b), min(len(mine), len(theirs)))
    end = 0
    while end < min(len(mine), len(theirs)) - start and mine[-1 - end] == theirs[-1 - end]:
        end += 1
    for text in (mine, theirs):
        first, last = max(0, start - _CONTEXT), min(len(text), len(text) - end + _CONTEXT)
        yield f"{'...' if first else ''}{cut(text[first:last])}{'...' if last < len(text) else ''}"
