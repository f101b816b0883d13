"""Make tables of a recorded request: its steps, and the variables before and after each of them."""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone

from ..user_agent.devtools import said_when_not_sent
from .hidden import LONGEST, Shown, cut, is_secret_name
from .records import KINDS, Event
from .set_cookie_lines import CALLED, LONGEST_CELL, LineReport, report_of, word_of

if t.TYPE_CHECKING:
    from .conversations import Chapter, Fate
    from .records import Recording, Snapshot


class Row(t.NamedTuple):
    """One step of a request.

    Attributes:
        number: Its number, from 1 on.
        kind: ``client``, ``read``, ``write``, ``store``, ``answer``, ``browser``, ``back``, ``lost`` or ``error``.
        action: What happened, in a few words.
        detail: The values.
        where: The line of the user's code; empty if there is none.
        at_ms: When, in milliseconds after the start; None for what the browser does.
    """

    number: int
    kind: str
    action: str
    detail: str
    where: str
    at_ms: float | None


class Tracker(t.NamedTuple):
    """The variables of a request: a row for each, with its value after each step."""

    steps: list[str]
    rows: list[tuple[str, list[str]]]


class Sheet(t.NamedTuple):
    """One request, ready to be shown."""

    id: int
    title: str
    facts: list[tuple[str, str]]
    rows: list[Row]
    lost: int
    tracker: Tracker
    lines: list[LineReport]
    missing: list[tuple[str, str, str, str]]
    times: list[tuple[str, float, float]]
    slow_reasons: list[str]
    form: list[tuple[str, str]]
    previous: int | None
    following: int | None
    left_out: int


def sheet_of(chapter: Chapter) -> Sheet:
    """Return a request as it is shown."""
    found = chapter.found
    total = sum(found.times_ns.values()) or 1
    return Sheet(
        id=found.id,
        title=f"{found.method} {found.path}{'?' + found.query if found.query else ''}",
        facts=_facts(chapter),
        rows=_rows(chapter),
        lost=sum(not one.reason_name for one in chapter.missing),
        tracker=_tracker(found),
        lines=[report_of(fate, chapter.profile) for fate in chapter.fates],
        missing=[
            (one.name, one.text, one.cure, said_when_not_sent(one.reason_name))
            for one in sorted(chapter.missing, key=lambda one: bool(one.reason_name))
        ],
        times=[(kind, found.times_ns[kind] / 1e6, 100 * found.times_ns[kind] / total) for kind in KINDS],
        slow_reasons=found.slow_reasons,
        form=_form(found),
        previous=chapter.previous,
        following=chapter.following,
        left_out=found.left_out,
    )


def as_data(value: object) -> object:
    """Return a sheet, or a part of one, as JSON data."""
    if not isinstance(value, (list, tuple)):
        return value
    names: tuple[str, ...] | None = getattr(value, "_fields", None)
    parts = [as_data(part) for part in value]
    return parts if names is None else dict(zip(names, parts, strict=True))


def summary_of(found: Recording) -> str:
    """Return the answer of a request in a few words."""
    if found.protocol == "WebSocket":
        counts = f"{found.messages_received} received, {found.messages_sent} sent"
        return f"{found.status or '(open)'} WebSocket, {counts}"
    parts = [str(found.status or "(no answer)")]
    if found.location:
        parts.append(f"to {found.location}")
    elif found.response_type:
        parts.append(found.response_type.partition(";")[0])
    if found.body_length is not None:
        parts.append(f"{found.body_length:,} bytes")
    return ", ".join(parts)


def _facts(chapter: Chapter) -> list[tuple[str, str]]:
    found = chapter.found
    when = datetime.fromtimestamp(found.started, timezone.utc).astimezone()
    facts = [
        ("Answer", summary_of(found)),
        ("At", f"{when:%H:%M:%S}, {found.took_us / 1000:.1f} ms"),
        ("Endpoint", f"{found.endpoint} ({found.rule})" if found.endpoint else "none: no rule matched"),
        ("View", found.view),
        ("Protocol", found.protocol),
        (
            "Client",
            f"{chapter.client}, its request {chapter.number}: {_client(found, chapter.profile)}, {found.address}",
        ),
        ("Host", f"{found.scheme}://{found.host}"),
    ]
    names = {"HTTP_ORIGIN": "Origin", "HTTP_SEC_FETCH_SITE": "Comes from", "HTTP_X_REQUESTED_WITH": "Requested with"}
    facts += [(name, found.origin_headers[key]) for key, name in names.items() if key in found.origin_headers]
    if found.cookie_header_length > 4096:
        facts.append(("Cookie header", f"{found.cookie_header_length:,} characters: servers refuse about 8,000"))
    return [(name, text) for name, text in facts if text]


def _client(found: Recording, profile: str) -> str:
    """Return how a client is called: browsers by their names, others as what they say they are."""
    if "Mozilla/" in found.agent:
        return CALLED[profile]
    return f"{found.agent.partition(' ')[0] or 'unknown'}, compared with {CALLED[profile]}"


def _form(found: Recording) -> list[tuple[str, str]]:
    fields = [(name, "(hidden)" if is_secret_name(name) else cut(value, LONGEST)) for name, value in found.form or ()]
    return fields + [(name, f"(file {filename})") for name, filename in found.files]


# --- the steps --------------------------------------------------------------------------------------------------------


class _Rows:
    """Numbers rows."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, kind: str, action: str, detail: str = "", where: str = "", at_us: int | None = None) -> None:
        last = self.rows[-1] if self.rows else None
        if last is not None and (last.kind, last.action, last.detail, last.where) == (kind, action, detail, where):
            # Jinja asks for an attribute, and then for an item.
            return
        at_ms = None if at_us is None else at_us / 1000
        self.rows.append(Row(len(self.rows) + 1, kind, action, detail, where, at_ms))


def _rows(chapter: Chapter) -> list[Row]:
    found, rows = chapter.found, _Rows()
    names = ", ".join(f"{one.name}={one.value}" for one in chapter.received) or "no cookies"
    rows.add("client", f"The client sends {found.method} {found.path}", names, at_us=0)
    for one in chapter.received:
        if "counts" in one.note:
            rows.add("client", f"Cookie {one.name}={one.value}", one.note)
    for missing in chapter.missing:
        kind = "client" if missing.reason_name else "lost"
        rows.add(kind, f"Cookie {missing.name} did not come", missing.text)
    shown = _EventsAndSnapshots(found)
    for event in shown.in_order():
        _add_event(rows, event)
    body = f": {found.body_start}" if found.body_start else ""
    rows.add("answer", "The answer is sent", f"{summary_of(found)}{body}", at_us=found.took_us)
    for fate in chapter.fates:
        _add_fate(rows, fate, chapter.profile)
    for name in found.undeclared:
        rows.add(
            "browser", f"Cookie {name} is not declared", f"No list has it. Write: app.cookie({name!r}, purpose='...')."
        )
    for name, category in found.withheld.items():
        told = f"Its category is {category!r}, and the visitor has not agreed to it (app.consent)."
        rows.add("lost", f"Cookie {name} was not set", told)
    return rows.rows


class _EventsAndSnapshots:
    """The events of a request, with one more for each key of the session that changed without one."""

    def __init__(self, found: Recording) -> None:
        self.found = found

    def in_order(self) -> list[Event]:
        events = list(self.found.events)
        noted = {event.name for event in events if event.where == "session" and event.what in {"write", "delete"}}
        before: Snapshot | None = None
        for snapshot in self.found.snapshots:
            if before is not None and snapshot.session is not before.session:
                events += self._changes(before.session or {}, snapshot, noted)
            before = snapshot
        return sorted(events, key=lambda event: event.at_us)

    def _changes(self, old: dict[str, Shown], snapshot: Snapshot, noted: set[str]) -> list[Event]:
        new = snapshot.session or {}
        return [
            Event(
                "write" if key in new else "delete",
                "session",
                key,
                old.get(key),
                new.get(key),
                None,
                snapshot.at_us,
                f"inside its value, or by Tuile or an extension, during {_STEPS.get(snapshot.step, snapshot.step)}",
            )
            for key in {**old, **new}
            if old.get(key) != new.get(key) and key not in noted
        ]


def _add_event(rows: _Rows, event: Event) -> None:
    where = f"{event.place} in {event.place.function}" if event.place is not None else ""
    note = f" ({event.note})" if event.note else ""
    if event.what == "read":
        value = "" if event.after is None else f"{event.after}"
        rows.add("read", f"Reads {_target(event)}", value + note, where, event.at_us)
    elif event.what in {"write", "delete"}:
        verb = "Deletes" if event.what == "delete" else "Sets"
        old = "(none)" if event.before is None else f"{event.before}"
        new = "(none)" if event.after is None else f"{event.after}"
        rows.add("write", f"{verb} {_target(event)}", f"{old} → {new}{note}", where, event.at_us)
    elif event.what == "store":
        took = "" if event.took_us is None else f" in {event.took_us:,} µs"
        kind = "error" if "CONFLICT" in event.note or "failed" in event.note else "store"
        rows.add(kind, f"{event.where}: {event.name}{took}", event.note, where, event.at_us)
    elif event.what == "error":
        kind = "store" if event.where == "http" else "error"
        rows.add(kind, f"Raises {event.name}", event.note, where, event.at_us)
    elif event.what == "template":
        rows.add("store", f"Renders the template {event.name}", "", where, event.at_us)
    else:
        kind = "error" if event.name in {"conflict", "gone", "replayed"} else "store"
        action = "Opens the session" if event.name == "opened" else "The session"
        rows.add(kind, action, event.note, where, event.at_us)


def _target(event: Event) -> str:
    if event.name == "(all)":
        return f"all of {event.where}"
    if event.where == "response":
        return f"cookie {event.name!r}"
    return f"{event.where}[{event.name!r}]"


def _add_fate(rows: _Rows, fate: Fate, profile: str) -> None:
    verdict = fate.verdicts.get(profile)
    if verdict is None:
        return
    kind = "browser" if verdict.kept or fate.deletes(profile) else "lost"
    others = [CALLED[name] for name, other in fate.verdicts.items() if other.kept is not verdict.kept]
    different = f" Otherwise in {', '.join(others)}." if others else ""
    rows.add(kind, f"{CALLED[profile]} {word_of(verdict)} {fate.line.name}", f"{verdict.reason}.{different}")
    if fate.came_back is not None:
        is_well = fate.came_back is not fate.deletes(profile)
        rows.add("back" if is_well else "lost", f"Afterwards: {fate.line.name}", fate.outcome)


# --- the variables ----------------------------------------------------------------------------------------------------

_STEPS = {
    "before_request": "before_request",
    "view": "the view",
    "response": "make_response",
    "after_request": "after_request",
    "saved": "saving the session",
}


def _tracker(found: Recording) -> Tracker:
    """Return the variables at the start and after each step that changed one of them, and at the end."""
    snapshots: list[Snapshot] = []
    for snapshot in found.snapshots:
        if not snapshots or _values(snapshot) != _values(snapshots[-1]) or snapshot.step == "view":
            snapshots.append(snapshot)
    steps = ["start", *(f"after {_STEPS.get(one.step, one.step)}" for one in snapshots)]
    received = "{" + ", ".join(f"{one.name!r}: {str(one.value)!r}" for one in found.cookies[:20]) + "}"
    rows: list[tuple[str, list[str]]] = [("request.cookies", [received] * len(steps))]
    keys = list(dict.fromkeys(key for one in snapshots for key in one.session or ()))
    for key in keys:
        values = ["-", *(_value_of(one.session, key) for one in snapshots)]
        rows.append((f"session[{key!r}]", values))
    if not keys:
        rows.append(("session", ["not opened", *("not opened" if one.session is None else "{}" for one in snapshots)]))
    for name in dict.fromkeys(name for one in snapshots for name in one.response_cookies):
        values = [_cookie_of(one.response_cookies, name) for one in snapshots]
        rows.append((f"response cookie {name!r}", ["None", *values]))
    return Tracker(steps, rows)


def _values(snapshot: Snapshot) -> object:
    return snapshot.session, snapshot.response_cookies


def _value_of(session: dict[str, Shown] | None, key: str) -> str:
    if session is None:
        return "not opened"
    return cut(str(session[key]), LONGEST_CELL) if key in session else "-"


def _cookie_of(cookies: dict[str, Shown | None], name: str) -> str:
    if name not in cookies:
        return "None"
    value = cookies[name]
    return "(deleted)" if value is None else cut(str(value), LONGEST_CELL)
