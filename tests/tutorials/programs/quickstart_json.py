"""The quickstart on JSON: a dictionary is an answer, and so is a list that went through jsonify."""

from __future__ import annotations

from dataclasses import dataclass

from tuile import Flask, Response, jsonify, url_for

app = Flask(__name__)


@dataclass
class User:
    username: str
    theme: str

    def to_json(self) -> dict[str, str]:
        return {"username": self.username, "theme": self.theme}


USERS = [User("ada", "dark"), User("grace", "light")]


@app.route("/me")
def me() -> dict[str, str]:
    user = USERS[0]
    return {"username": user.username, "theme": user.theme, "image": url_for("picture", filename=user.username)}


@app.route("/users")
def users() -> Response:
    return jsonify([user.to_json() for user in USERS])


@app.route("/pictures/<filename>.png")
def picture(filename: str) -> str:
    return f"the picture of {filename}"
