"""Record what the store of an application is asked: which operation, how long it took, and what came of it."""

from __future__ import annotations

import typing as t
from time import perf_counter_ns

from ..sessions.changes import Add, Append, Change, Drop, Put, Several
from ..sessions.operations import Applied, Apply, Create, Loaded
from ..sessions.settings import store_and_policy
from .hidden import cut

if t.TYPE_CHECKING:
    from contextvars import ContextVar

    from ..app import Flask
    from ..sessions.operations import Operation
    from ..sessions.stores import Answer
    from .records import Recording

_MARK = "_is_inspected"
_CALLED = {Put: "set", Drop: "removed", Add: "added to", Append: "appended to", Change: "changed by a function"}


def observe_store(app: Flask, recording: ContextVar[Recording | None]) -> None:
    """Let the store of an application record its operations, if there is one."""
    if app.config.get("SESSION_STORE") is None:
        return
    store = store_and_policy(app).store
    if _MARK in vars(store):
        return
    ask = store.ask

    def observed(operation: Operation) -> Answer:
        found = recording.get()
        if found is None:
            return ask(operation)
        begun, previous = perf_counter_ns(), found.switch("session")
        failure: BaseException | None = None
        answer: Answer = None
        try:
            answer = ask(operation)
            return answer
        except BaseException as error:
            failure = error
            raise
        finally:
            took_us = (perf_counter_ns() - begun) // 1000
            found.switch(previous)
            note = f"failed: {type(failure).__name__}" if failure is not None else describe(operation, answer)
            name = type(operation).__name__
            found.add("store", type(store).__name__, name, None, None, None, cut(note, 600), took_us)

    setattr(store, _MARK, True)
    vars(store)["ask"] = observed


def leave_store(app: Flask) -> None:
    """Let the store of an application be asked directly again."""
    kept = app._kept_store
    if kept is not None and _MARK in vars(kept.store):
        for name in (_MARK, "ask"):
            delattr(kept.store, name)


def describe(operation: object, answer: object) -> str:
    """Return what an operation did and what came of it."""
    if isinstance(operation, Apply):
        return _describe_apply(operation, answer)
    if isinstance(operation, Create):
        return "stored a new session" if isinstance(answer, Loaded) else "there is a session of this name already"
    if isinstance(answer, Loaded):
        keys = len(answer.record.data)
        return f"found a session with {keys} {'key' if keys == 1 else 'keys'}"
    if answer is None or answer is False:
        return "found no session: it has ended, or never was"
    return "done"


def _describe_apply(operation: Apply, answer: object) -> str:
    done = [f"{name!r} was {_called(change)}" for name, change in operation.changes.by_key.items()]
    if operation.changes.cleared:
        done.insert(0, "everything was removed first")
    if answer is None:
        return f"the session had ended meanwhile, so this is lost: {'; '.join(done)}"
    merged = [
        name
        for name, change in operation.changes.by_key.items()
        if isinstance(change, (Add, Append, Change, Several)) and name not in getattr(answer, "conflicts", ())
    ]
    text = "; ".join(done) or "no key was changed"
    if merged:
        text += f". Merged with what other requests stored meanwhile: {', '.join(map(repr, merged))}"
    if isinstance(answer, Applied) and answer.conflicts:
        outcome = (
            "this request's value is kept" if answer.is_saved else "nothing was saved (SESSION_CONFLICT is 'error')"
        )
        text += f". CONFLICT: another request changed {', '.join(map(repr, answer.conflicts))} meanwhile; {outcome}"
    return text


def _called(change: object) -> str:
    return _CALLED.get(type(change), "changed several times")
