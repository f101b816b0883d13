"""Mistakes that both type checkers must report: each ignore below is an error if there is nothing to ignore."""

from __future__ import annotations

from tuile import Flask, cookies, make_response

app = Flask(__name__)
response = make_response("text")

response.set_cookie("a", "b", samesite="Laxx")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
response.set_cookie("a", "b", http_only=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
cookies.set("a", "b", samesite="lex")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
cookies.set("a", 1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
