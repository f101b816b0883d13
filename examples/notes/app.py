"""Notes: accounts, forms and a database, with Flask-Login, Flask-WTF and Flask-SQLAlchemy.

An ordinary Flask application, which does not mention Tuile: `tuile prove` runs it on both.
"""

import os
from datetime import timedelta

from flask import Blueprint, Flask, abort, flash, jsonify, redirect, render_template, url_for
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user, logout_user
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect, FlaskForm
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.security import check_password_hash, generate_password_hash
from wtforms import BooleanField, PasswordField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

db = SQLAlchemy()
login_manager = LoginManager()
login_manager.login_view = "notes.login"
csrf = CSRFProtect()
pages = Blueprint("notes", __name__)


class User(UserMixin, db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str]


class Note(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int]
    title: Mapped[str]
    text: Mapped[str]


class LoginForm(FlaskForm):
    name = StringField("Name", validators=[DataRequired(), Length(max=40)])
    password = PasswordField("Password", validators=[DataRequired()])
    remember = BooleanField("Stay logged in")


class NoteForm(FlaskForm):
    title = StringField("Title", validators=[DataRequired(), Length(max=80)])
    text = TextAreaField("Text", validators=[Length(max=2000)])


@login_manager.user_loader
def load_user(user_id):
    return db.session.get(User, int(user_id))


@pages.get("/")
@login_required
def index():
    notes = db.session.scalars(db.select(Note).filter_by(user_id=current_user.id).order_by(Note.id)).all()
    return render_template("index.html", notes=notes)


@pages.get("/notes.json")
@login_required
def as_json():
    notes = db.session.scalars(db.select(Note).filter_by(user_id=current_user.id).order_by(Note.id)).all()
    return jsonify([{"id": note.id, "title": note.title, "text": note.text} for note in notes])


@pages.route("/new", methods=["GET", "POST"])
@login_required
def new():
    form = NoteForm()
    if form.validate_on_submit():
        db.session.add(Note(user_id=current_user.id, title=form.title.data, text=form.text.data))
        db.session.commit()
        flash("Saved.")
        return redirect(url_for(".index"))
    return render_template("new.html", form=form)


@pages.get("/notes/<int:note_id>")
@login_required
def show(note_id):
    note = db.session.get(Note, note_id)
    if note is None or note.user_id != current_user.id:
        abort(404)
    return render_template("show.html", note=note)


@pages.route("/login", methods=["GET", "POST"])
def login():
    form = LoginForm()
    if form.validate_on_submit():
        user = db.session.scalar(db.select(User).filter_by(name=form.name.data))
        if user is not None and check_password_hash(user.password, form.password.data):
            login_user(user, remember=form.remember.data)
            return redirect(url_for(".index"))
        flash("Wrong name or password.")
    return render_template("login.html", form=form)


@pages.post("/logout")
def logout():
    logout_user()
    return redirect(url_for(".login"))


@pages.get("/about")
def about():
    return render_template("about.html")


@pages.get("/health")
def health():
    return {"status": "ok"}


def create_app(config=None):
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY="e25c646c11de327c0a0f211eefaf5941f7f5a2674346aa2fa95b2bb03eaea349",
        SQLALCHEMY_DATABASE_URI=os.environ.get("NOTES_DATABASE", "sqlite:///notes.sqlite"),
        REMEMBER_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_DURATION=timedelta(days=30),
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.config.update(config or {})
    for extension in (db, login_manager, csrf):
        extension.init_app(app)
    app.register_blueprint(pages)

    @app.cli.command("reset")
    def reset():
        """Make the database anew, with one account: ada, whose password is "engine"."""
        fill()

    return app


def fill():
    db.drop_all()
    db.create_all()
    # Few rounds, so that the tests measure more than this.
    db.session.add(User(name="ada", password=generate_password_hash("engine", "pbkdf2:sha256:1000")))
    db.session.commit()
