"""Hints on imports and on attributes of applications that earlier versions of Flask, or other frameworks, have."""

from __future__ import annotations

import re
import typing as t

if t.TYPE_CHECKING:
    from .mistake import Hint, Mistake

# What was removed, by the module from which it is imported.
_MOVED = {
    "flask": {
        "Markup": "from markupsafe import Markup",
        "escape": "from markupsafe import escape",
        "safe_join": "from werkzeug.utils import safe_join",
        "secure_filename": "from werkzeug.utils import secure_filename",
        "JSONEncoder": "from flask.json.provider import DefaultJSONProvider, and set app.json",
        "_app_ctx_stack": "from flask import g, current_app",
        "_request_ctx_stack": "from flask import request, session, has_request_context",
        "Blueprints": "from flask import Blueprint",
        "requests": "from flask import request; or the package of that name: import requests",
        "app": "from flask import Flask, and app = Flask(__name__); or current_app within views",
        "login_required": "from flask_login import login_required",
        "JSONResponse": "from flask import jsonify",
        "HTMLResponse": "from flask import Response",
        "websocket": "from tuile import websocket",
    },
    "flask.json": {"JSONEncoder": "from flask.json.provider import DefaultJSONProvider, and set app.json"},
    "werkzeug": {
        "secure_filename": "from werkzeug.utils import secure_filename",
        "generate_password_hash": "from werkzeug.security import generate_password_hash",
        "check_password_hash": "from werkzeug.security import check_password_hash",
        "FileStorage": "from werkzeug.datastructures import FileStorage",
        "cached_property": "from werkzeug.utils import cached_property",
    },
    "werkzeug.urls": {
        "url_quote": "from urllib.parse import quote",
        "url_quote_plus": "from urllib.parse import quote_plus",
        "url_unquote": "from urllib.parse import unquote",
        "url_parse": "from urllib.parse import urlsplit",
        "url_encode": "from urllib.parse import urlencode",
        "url_decode": "from urllib.parse import parse_qs",
        "url_join": "from urllib.parse import urljoin",
    },
    "werkzeug.security": {"safe_str_cmp": "from hmac import compare_digest"},
    "werkzeug.wsgi": {"DispatcherMiddleware": "from werkzeug.middleware.dispatcher import DispatcherMiddleware"},
    "jinja2": {
        "Markup": "from markupsafe import Markup",
        "escape": "from markupsafe import escape",
        "contextfilter": "from jinja2 import pass_context",
        "contextfunction": "from jinja2 import pass_context",
        "environmentfilter": "from jinja2 import pass_environment",
        "evalcontextfilter": "from jinja2 import pass_eval_context",
    },
    "itsdangerous": {
        "json": "import json",
        "TimedJSONWebSignatureSerializer": "from itsdangerous import URLSafeTimedSerializer, or the package PyJWT",
        "JSONWebSignatureSerializer": "from itsdangerous import URLSafeSerializer, or the package PyJWT",
    },
}
_MOVED["tuile"] = {
    name: line.replace("from flask import", "from tuile import") for name, line in _MOVED["flask"].items()
}
_OF_APPS = {
    "before_first_request": "call the function where the application is made; or @app.before_serving on ASGI servers",
    "before_app_first_request": "call the function where the application is made",
    "env": "app.debug",
    "json_encoder": "app.json = ..., a subclass of flask.json.provider.DefaultJSONProvider",
    "json_decoder": "app.json = ..., a subclass of flask.json.provider.DefaultJSONProvider",
    "session_cookie_name": "app.config['SESSION_COOKIE_NAME']",
    "send_file_max_age_default": "app.config['SEND_FILE_MAX_AGE_DEFAULT']",
    "use_x_sendfile": "app.config['USE_X_SENDFILE']",
    "propagate_exceptions": "app.config['PROPAGATE_EXCEPTIONS']",
    "templates_auto_reload": "app.config['TEMPLATES_AUTO_RELOAD']",
    "routes": "app.url_map.iter_rules()",
    "add_route": "app.add_url_rule('/path', view_func=function)",
    "include_router": "app.register_blueprint(blueprint)",
    "include_blueprint": "app.register_blueprint(blueprint)",
    "add_blueprint": "app.register_blueprint(blueprint)",
    "register": "app.register_blueprint(blueprint)",
    "mount": "werkzeug.middleware.dispatcher.DispatcherMiddleware(app, {'/path': other})",
    "add_middleware": "app.wsgi_app = Middleware(app.wsgi_app)",
    "middleware": "@app.before_request and @app.after_request, or app.wsgi_app = Middleware(app.wsgi_app)",
    "use": "app.wsgi_app = Middleware(app.wsgi_app)",
    "exception_handler": "@app.errorhandler(404)",
    "error_handler": "@app.errorhandler(404)",
    "on_event": "@app.before_serving and @app.after_serving",
    "before_start": "@app.before_serving",
    "startup": "@app.before_serving",
    "shutdown": "@app.after_serving",
    "listen": "app.run(port=5000)",
    "start": "app.run()",
    "serve": "`tuile serve app.py`",
    "secret": "app.config['SECRET_KEY'], or app.secret_key",
    "session": "session, which is imported: from tuile import session",
    "request": "request, which is imported: from tuile import request",
    "cookies": "cookies, which is imported: from tuile import cookies; app.cookie('name') declares one",
    "set_cookie": "cookies.set('name', 'value') within a view; app.cookie('name') declares one",
}


def _moved(mistake: Mistake) -> str | None:
    name, module = mistake.match.groups()
    instead = _MOVED.get(module, {}).get(name)
    return None if instead is None else f"Write: {instead}"


def _missing_module(mistake: Mistake) -> str | None:
    name = mistake.match[1]
    if name.startswith("flask.ext"):
        extension = re.search(r"\bflask\.ext(?:\.| import )(\w+)", mistake.line())
        return f"Write: import flask_{extension[1] if extension else 'name'}"
    if name.startswith("werkzeug.contrib"):
        return "It became a package: pip install cachelib; or is in werkzeug.middleware."
    if name.startswith("flask_"):
        return f"It is a package of its own. Run: pip install {name.partition('.')[0].replace('_', '-')}"
    return None


def _of_application(mistake: Mistake) -> str | None:
    instead = _OF_APPS.get(mistake.match[1])
    return None if instead is None else f"Write: {instead}"


def _awaited(mistake: Mistake) -> str | None:
    kind, line = mistake.match[1], mistake.line()
    if "await " not in line:
        return None
    return f"What is awaited is a {kind}, and there already: leave out `await`."


TABLE: tuple[tuple[str, Hint], ...] = (
    (r"^ImportError: cannot import name '(\w+)' from '([\w.]+)'", _moved),
    (r"^ModuleNotFoundError: No module named '([\w.]+)'", _missing_module),
    (r"^AttributeError: '(?:Flask|Blueprint)' object has no attribute '(\w+)'", _of_application),
    (r"^TypeError: object (\w+) can't be used in 'await' expression", _awaited),
    (r"^TypeError: '(\w+)' object can't be awaited", _awaited),
)
