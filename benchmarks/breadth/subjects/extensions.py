"""Flask-Login, Flask-WTF and Flask-SQLAlchemy, which import `flask`."""

from __future__ import annotations

from typing import Any

import flask_login
import flask_sqlalchemy
import flask_wtf
import wtforms
from sqlalchemy.pool import StaticPool

from benchmarks.breadth.registry import Subject, ask, f
from benchmarks.content import SECRET_KEY


class _User(flask_login.UserMixin):  # type: ignore[misc]
    id = "1"
    name = "ada"


class _Form(flask_wtf.FlaskForm):  # type: ignore[misc]
    name = wtforms.StringField("Name", [wtforms.validators.DataRequired()])
    password = wtforms.PasswordField("Password")


_USER = _User()
# A cookie begins with a dot where its content was worth compressing, which random content is or is not.
_TOKEN = r"\.?[\w-]{20,}\.[\w-]{6}\.[\w-]{27}"  # noqa: S105 - what signed tokens look like


def _with_login(app: Any) -> None:
    manager = flask_login.LoginManager(app)
    manager.user_loader(lambda user_id: _USER)
    manager.login_view = "login"

    @app.get("/login")  # type: ignore[untyped-decorator]
    def login() -> Any:
        flask_login.login_user(_USER)
        return "welcome"

    @app.get("/private")  # type: ignore[untyped-decorator]
    @flask_login.login_required
    def private() -> Any:
        return str(flask_login.current_user.name)

    app.add_url_rule("/public", "public", lambda: str(flask_login.current_user.is_authenticated))


def _with_form(app: Any) -> None:
    app.add_url_rule("/index", "index", lambda: "")
    app.add_url_rule("/items/<int:number>", "item", lambda number: "")

    @app.route("/form", methods=["GET", "POST"])  # type: ignore[untyped-decorator]
    def form() -> Any:
        form = _Form()
        if form.validate_on_submit():
            return f.redirect("/done")
        return f.render_template("breadth/login.html", form=form, current_user=None)


def _with_database(app: Any) -> None:
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "poolclass": StaticPool,
        "connect_args": {"check_same_thread": False},
    }
    db = flask_sqlalchemy.SQLAlchemy(app)

    class Note(db.Model):  # type: ignore[misc, name-defined]
        id = db.Column(db.Integer, primary_key=True)
        title = db.Column(db.String)
        text = db.Column(db.String)

    with app.app_context():
        db.create_all()
        db.session.add_all([Note(title=f"Note {n}", text="text") for n in range(10)])
        db.session.commit()
    app.add_url_rule("/notes", "notes", lambda: str(len(db.session.execute(db.select(Note)).scalars().all())))
    app.add_url_rule("/note/<int:number>", "note", lambda number: db.get_or_404(Note, number).title)
    app.add_url_rule(
        "/page", "page",
        lambda: f.render_template("breadth/notes.html", notes=db.session.execute(db.select(Note)).scalars().all()),
    )  # fmt: skip


SUBJECT = Subject("extensions", SECRET_KEY=SECRET_KEY)
application = SUBJECT.app
_IN = ask("/login")

application("Flask-Login: private page", "/private", login=_IN, varies=_TOKEN)(_with_login)
application("Flask-Login: private page, not logged in", "/private")(_with_login)
application("Flask-Login: public page, logged in", "/public", login=_IN, varies=_TOKEN)(_with_login)
application("Flask-WTF: form shown", "/form", varies=_TOKEN)(_with_form)
application("Flask-WTF: form without a token posted", "/form", body="name=ada", varies=_TOKEN,
            type="application/x-www-form-urlencoded")(_with_form)  # fmt: skip
application("Flask-WTF: form posted, no CSRF", "/form", body="name=ada", WTF_CSRF_ENABLED=False,
            type="application/x-www-form-urlencoded")(_with_form)  # fmt: skip
application("Flask-SQLAlchemy: 10 rows", "/notes")(_with_database)
application("Flask-SQLAlchemy: one row or 404", "/note/3")(_with_database)


@application("a page with login, CSRF token and SQLAlchemy", "/page", login=_IN, varies=_TOKEN)
def _(app: Any) -> None:
    _with_login(app)
    _with_form(app)
    _with_database(app)
    flask_wtf.CSRFProtect(app)
    shown = app.view_functions["page"]
    app.view_functions["page"] = flask_login.login_required(lambda: shown() + flask_wtf.csrf.generate_csrf())


@application("Flask-Login: logging out", "/logout", login=_IN)
def _(app: Any) -> None:
    _with_login(app)
    app.add_url_rule("/logout", "logout", flask_login.login_required(lambda: str(flask_login.logout_user())))


@application("Flask-Login: user of a key in a header", "/private", X_Key="abc")
def _(app: Any) -> None:
    _with_login(app)
    app.login_manager.request_loader(lambda request: _USER if request.headers.get("X-Key") == "abc" else None)


@application("Flask-SQLAlchemy: 404", "/note/99")
def _(app: Any) -> None:
    _with_database(app)


@application("Flask-WTF: errors as JSON", "/errors", body="name=", type="application/x-www-form-urlencoded",
             WTF_CSRF_ENABLED=False)  # fmt: skip
def _(app: Any) -> None:
    def errors() -> Any:
        form = _Form()
        return f.redirect("/done") if form.validate_on_submit() else (f.jsonify(form.errors), 400)

    app.add_url_rule("/errors", "errors", errors, methods=["POST"])
