"""The identity of a session on the server."""

from __future__ import annotations

import pytest

from tuile.sessions.identity import Identity, is_same_verifier, new_identity, new_secret, parse, verifier_of


def test_a_token_is_a_handle_and_a_secret() -> None:
    made = new_identity()
    assert len(made.token) == 55
    assert parse(made.token) == made
    assert made.token == f"{made.handle}.{made.secret}"
    assert (len(made.handle), len(made.secret)) == (22, 32)


def test_no_two_are_alike() -> None:
    made = [new_identity() for _ in range(1000)]
    assert len({one.handle for one in made} | {one.secret for one in made} | {new_secret()}) == 2001
    assert not any(one.handle.startswith("-") for one in made)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "a.b",
        "a" * 22 + "." + "b" * 31,
        "a" * 22 + "." + "b" * 33,
        "a" * 22 + "." + "b" * 32 + "\n",
        "a" * 21 + "é." + "b" * 32,
        "a" * 22 + "." + "b" * 31 + "/",
        "a" * 22 + ":" + "b" * 32,
        "eyJhIjoxfQ.aRyE1g.kqYw7NfVnYlDq0HkI1pA0oJ8Q4c",
    ],
)
def test_anything_else_is_none(token: str) -> None:
    assert parse(token) is None


def test_only_its_secret_is_verified() -> None:
    made, other = new_identity(), new_identity()
    assert is_same_verifier(made.verifier, made.verifier)
    assert not is_same_verifier(other.verifier, made.verifier)
    assert not is_same_verifier(made.verifier, None)
    assert not is_same_verifier("", None)
    assert made.verifier == verifier_of(made.secret)
    assert made.secret not in made.verifier


def test_a_repr_shows_no_secret() -> None:
    assert repr(Identity("handle", "secret")) == "Identity('handle', ...)"
