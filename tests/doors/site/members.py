"""An application that uses four extensions, none of which knows ASGI."""

# The extensions have no types.
# mypy: ignore-errors

from __future__ import annotations

import tempfile
from typing import Any

from cachelib import SimpleCache
from flask import Flask, flash, get_flashed_messages, redirect, render_template_string, session, url_for
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user, logout_user
from flask_session import Session
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import DataRequired

app = Flask(__name__, static_folder=None)
folder = tempfile.TemporaryDirectory()
app.config.update(
    SECRET_KEY="6a1f0c9e5b7d4e2f8a3b05d7c1e94b26",
    SQLALCHEMY_DATABASE_URI=f"sqlite:///{folder.name}/members.sqlite",
    SESSION_TYPE="cachelib",
    SESSION_CACHELIB=SimpleCache(),
)
Session(app)
db: Any = SQLAlchemy(app)
manager = LoginManager(app)
manager.login_view = "enter"


class Member(UserMixin, db.Model):
    """A member."""

    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String, unique=True)


class Entry(FlaskForm):
    """Who enters."""

    name = StringField(validators=[DataRequired()])


@manager.user_loader
def load(number: str) -> Any:
    return db.session.get(Member, int(number))


@app.route("/enter", methods=["GET", "POST"])
def enter() -> Any:
    form = Entry()
    if form.validate_on_submit():
        member = db.session.execute(db.select(Member).filter_by(name=form.name.data)).scalar_one_or_none()
        if member is None:
            member = Member(name=form.name.data)
            db.session.add(member)
            db.session.commit()
        login_user(member)
        flash(f"Welcome, {member.name}")
        return redirect(url_for("me"))
    page = "<form>{{ form.csrf_token }}{{ form.name }}</form>{{ form.errors }}{{ get_flashed_messages() }}"
    return render_template_string(page, form=form)


@app.get("/me")
@login_required
def me() -> Any:
    session["visits"] = session.get("visits", 0) + 1
    return {"name": current_user.name, "visits": session["visits"], "told": get_flashed_messages()}


@app.get("/me/async")
@login_required
async def me_async() -> Any:
    return {"name": current_user.name, "members": db.session.query(Member).count()}


@app.post("/leave")
@login_required
def leave() -> Any:
    logout_user()
    return redirect(url_for("enter"))


with app.app_context():
    db.create_all()
