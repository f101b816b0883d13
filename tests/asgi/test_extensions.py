"""Extensions that keep things by thread, by context or by request, unmodified through the worker threads."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from tests.fresh import observe


def test_users_and_database_sessions_do_not_mix() -> None:
    missing = [name for name in ("flask_login", "flask_sqlalchemy") if find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed; make venv installs it")
    program = """
        import asyncio, os, sys, tempfile, warnings
        sys.path.insert(0, ".")
        warnings.simplefilter("ignore")
        from flask import Flask, request
        from flask_login import LoginManager, UserMixin, current_user, login_required, login_user
        from flask_sqlalchemy import SQLAlchemy
        from sqlalchemy import text
        from tests.asgi.driver import ask

        app = Flask("shop", static_folder=None)
        folder = tempfile.TemporaryDirectory()
        app.config.update(SECRET_KEY="x", SQLALCHEMY_DATABASE_URI=f"sqlite:///{folder.name}/db", ASGI_WORKERS=8)
        db = SQLAlchemy(app)
        login = LoginManager(app)

        class User(UserMixin, db.Model):
            id = db.Column(db.Integer, primary_key=True)
            name = db.Column(db.String)

        @login.user_loader
        def load(user_id):
            return db.session.get(User, int(user_id))

        @app.get("/login/<int:number>")
        def enter(number):
            login_user(db.session.get(User, number))
            return "in"

        @app.get("/me")
        @login_required
        def me():
            name = current_user.name
            db.session.execute(text("select 1"))
            return name

        @app.get("/me/async")
        @login_required
        async def me_async():
            await asyncio.sleep(0)
            return current_user.name

        async def main():
            cookies = []
            for number in (1, 2):
                answer = await ask(app, f"/login/{number}")
                cookies.append(answer.header(b"set-cookie").partition(b";")[0])
            wrong = [0, 0]
            paths = ["/me", "/me/async"]
            asked = [(number % 2, paths[number % 3 == 0]) for number in range(200)]
            calls = [ask(app, path, headers=[(b"cookie", cookies[who])]) for who, path in asked]
            answers = await asyncio.gather(*calls)
            wrong = [answer.text for (who, _), answer in zip(asked, answers) if answer.text != f"user {who + 1}"]
            anonymous = await ask(app, "/me")
            return [wrong, anonymous.status, len(db.session.registry.registry)]

        with app.app_context():
            db.create_all()
            db.session.add_all([User(id=1, name="user 1"), User(id=2, name="user 2")])
            db.session.commit()
        found = asyncio.run(main())
        with app.app_context():
            seen = [*found, db.engine.pool.checkedout()]
    """
    assert observe(program) == [[], 401, 0, 0]


def test_sentry_reports_requests_of_asgi_servers_as_those_of_wsgi_servers() -> None:
    if find_spec("sentry_sdk") is None:
        pytest.skip("sentry_sdk is not installed; make test installs it")
    program = """
        import asyncio, sys, warnings
        sys.path.insert(0, ".")
        # Its own affair.
        warnings.simplefilter("ignore")
        import sentry_sdk
        from sentry_sdk.transport import Transport
        reports = []

        class Keep(Transport):
            def capture_envelope(self, envelope):
                reports.extend(item.payload.json for item in envelope.items if item.type in ("event", "transaction"))

        sentry_sdk.init("https://key@sentry.invalid/1", transport=Keep, traces_sample_rate=1.0)
        from flask import Flask
        from tests.asgi.driver import ask

        app = Flask("shop", static_folder=None)
        app.logger.disabled = True

        @app.get("/hello/<name>")
        def hello(name):
            return 1 / (name != "zero")

        def told():
            sentry_sdk.flush()
            found = [[report.get("type"), report.get("transaction"), report["request"]["url"]] for report in reports]
            reports.clear()
            return found

        async def main():
            for path in ("/hello/you", "/hello/zero", "/nothing"):
                await ask(app, path)

        for path in ("/hello/you", "/hello/zero", "/nothing"):
            app.test_client().get(path)
        by_wsgi = told()
        asyncio.run(main())
        seen = [by_wsgi, told()]
    """
    by_wsgi, by_asgi = observe(program)
    assert by_asgi == by_wsgi
    assert [None, "hello", "http://localhost/hello/zero"] in by_asgi
