"""The fuzzer: programs of fixed seeds come out the same on both frameworks, and it finds faults that are planted."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

import tuile
from tests.fuzz.accepted import Accepted, read_accepted, read_faults
from tests.fuzz.compare import Difference, compare, first_difference
from tests.fuzz.generate import generate
from tests.fuzz.minimise import minimise
from tests.fuzz.run import Run, render
from tests.fuzz.world import SIGNALS
from tests.test_differences import HEADINGS
from tuile.ctx import functions as ctx_functions
from tuile.sessions import SecureCookieSessionInterface
from tuile.signals import request_finished

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fuzz.world import Program

# Large enough to have every kind of step, small enough for a few seconds.
PROGRAMS = 24
REQUESTS = 6
APP = {"step": "app"}
RULE = {"step": "rule", "rule": "/x", "endpoint": "x", "view": {"name": "x", "answer": {"is": "value"}}}
REQUEST = {"step": "request", "path": "/x"}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", range(4))
def test_programs_of_fixed_seeds_come_out_the_same(part: int) -> None:
    run = Run([*read_accepted(), *read_faults()])
    for number in range(part, PROGRAMS, 4):
        run.look_at(f"test:{number}", generate(f"test:{number}", REQUESTS))
    assert run.requests == PROGRAMS * REQUESTS / 4
    assert not run.found, "\n\n".join(f"{render(program)}\n{shown}" for _, program, shown in run.found.values())


def test_a_seed_always_makes_the_same_program() -> None:
    assert generate("a:1", 5) == generate("a:1", 5) != generate("a:2", 5)
    assert json.loads(json.dumps(generate("a:1", 5), default=str))


def test_programs_have_steps_and_answers_of_every_kind() -> None:
    text = repr([generate(f"all:{number}", 10) for number in range(300)])
    words = (
        "hook patch config signal assign registry middleware client inside derive generator wsgi redirect abort async"
    )
    words += " session url_for render after_request errorhandler unpatch file json blueprint register"
    assert [word for word in (*words.split(), *SIGNALS) if f"'{word}'" not in text] == []


# Each is a fault as one could be made, in one place of Tuile, and what programs it must be found by.
def _status(original: Any) -> Any:
    def make_response(self: Any, rv: Any) -> Any:
        response = original(self, rv)
        if response.status_code == 404:
            response.status_code = 410
        return response

    return make_response


def _no_hooks(original: Any) -> Any:
    return lambda self: None


def _no_teardown(original: Any) -> Any:
    return lambda self, *args: None


def _not_logged(original: Any) -> Any:
    return lambda self, exc_info: None


def _url(original: Any) -> Any:
    return lambda self, *args, **kwargs: original(self, *args, **kwargs).replace("+", "%20")


def _not_saved(original: Any) -> Any:
    return lambda self, app, session, response: original(self, app, session, response) if session.permanent else None


PLANTED: dict[str, tuple[Any, str, Callable[[Any], Any]]] = {
    "status": (tuile.Flask, "make_response", _status),
    "hooks left out": (tuile.Flask, "preprocess_request", _no_hooks),
    "teardown left out": (tuile.Flask, "do_teardown_request", _no_teardown),
    "error not logged": (tuile.Flask, "log_exception", _not_logged),
    "URL": (tuile.Flask, "url_for", _url),
    "session not saved": (SecureCookieSessionInterface, "save_session", _not_saved),
}


@cache
def clean_program(number: int) -> Program | None:
    """Return a program that comes out the same as long as no fault is planted."""
    program = generate(f"planted:{number}", 4)
    return program if compare(program) is None else None


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found_and_its_program_is_small(fault: str) -> None:
    owner, name, plant = PLANTED[fault]
    run = Run([])
    for program in filter(None, map(clean_program, range(60))):
        with mock.patch.object(owner, name, plant(getattr(owner, name))):
            run.look_at("planted", program)
        if run.found:
            break
    assert run.found
    _, program, difference = next(iter(run.found.values()))
    assert len(program) <= 6, render(program)
    # It is the planted fault's program, and nobody else's.
    assert compare(program) is None, difference


def test_a_signal_that_is_not_sent_is_found() -> None:
    program: Program = [APP, RULE, {"step": "signal", "name": "request_finished"}, REQUEST]
    assert compare(program) is None
    with mock.patch.object(request_finished, "send", return_value=[]):
        difference = compare(program)
    assert difference is not None
    assert difference.theirs[0] == "signal request_finished"


def test_a_context_that_is_left_behind_is_found() -> None:
    one = [{"outcome": ["returned", None], "events": [], "context": (False, False)}]
    other = [{"outcome": ["returned", None], "events": [], "context": (True, True)}]
    difference = first_difference(one, other)
    assert difference is not None
    assert difference.field == "context"


def test_what_a_program_patches_is_taken_back() -> None:
    program: Program = [
        APP,
        RULE,
        {"step": "patch", "owner": "class flask", "name": "make_response", "how": "raise"},
        REQUEST,
    ]
    before = vars(tuile.Flask).get("make_response")
    assert compare(program) is None
    assert vars(tuile.Flask).get("make_response") is before
    assert ctx_functions.has_request_context() is False


def test_minimising_keeps_what_is_needed_and_nothing_else() -> None:
    program: Program = [{"step": str(number), "does": [{"do": "a"}, {"do": "b"}], "x": 1} for number in range(30)]

    def still(candidate: Program) -> bool:
        found = {step["step"]: step for step in candidate}
        return "7" in found and "21" in found and {"do": "b"} in found["21"].get("does", [])

    assert minimise(program, still) == [{"step": "7"}, {"step": "21", "does": [{"do": "b"}]}]
    assert len(program) == 30


def test_minimising_ends_after_so_many_runs() -> None:
    runs = []
    program: Program = [{"step": str(number)} for number in range(100)]

    def never(candidate: Program) -> bool:
        runs.append(candidate)
        return False

    minimise(program, never, most_runs=20)
    assert len(runs) == 20


def test_a_rendered_program_shows_the_difference_again(capsys: pytest.CaptureFixture[str]) -> None:
    text = render([APP, RULE, REQUEST])
    exec(text, {})  # noqa: S102 - what somebody does who copies it
    assert "no difference" in capsys.readouterr().out


def test_an_accepted_difference_is_matched_by_all_it_says() -> None:
    entry = Accepted("heading", "reason", where="events", theirs=r"\('a', \d\)", ours="None", program=['"step": "app"'])
    assert entry.matches(Difference(0, "events", ("a", 1), None), [APP])
    assert not entry.matches(Difference(0, "events", ("a", 12), None), [APP])
    assert not entry.matches(Difference(0, "events", ("a", 1), ("b", 1)), [APP])
    assert not entry.matches(Difference(0, "headers", ("a", 1), None), [APP])
    assert not entry.matches(Difference(0, "events", ("a", 1), None), [REQUEST])


def test_every_accepted_difference_is_told_on_the_page() -> None:
    for entry in read_accepted():
        assert entry.heading in HEADINGS
        assert entry.program, "one that is not bound to what a program does hides everything"
        for pattern in (entry.where, entry.theirs, entry.ours, *entry.program):
            re.compile(pattern)
