"""Where each name of Flask's modules is in Tuile, as plain data.

A module of Flask has the names that it defines and the names that it imports. Defined names are in the modules of
`TUILE_MODULES` under the same name, or in `RENAMED` if Tuile has another name for them. Imported names are in
`IMPORTS`, written like Flask's import statements: from which module, which names. A name that was imported from another
module of Flask is looked up in that module's row.
"""

from __future__ import annotations

#: The release of Flask whose modules these are.
INTERFACE = "3.1.3"

#: Flask's modules, and Tuile's modules that have what they define; the first that has a name wins.
TUILE_MODULES: dict[str, tuple[str, ...]] = {
    "flask": ("tuile",),
    "flask.__main__": ("tuile.__main__",),
    "flask.app": ("tuile.app", "tuile.dispatch.steps", "tuile.dispatch.planner", "tuile.dispatch.errors"),
    "flask.blueprints": ("tuile.blueprints",),
    "flask.cli": ("tuile.cli",),
    "flask.config": ("tuile.config",),
    "flask.ctx": ("tuile.ctx.app_context", "tuile.ctx.request_context", "tuile.ctx.functions", "tuile.ctx.namespace"),
    "flask.debughelpers": ("tuile.debughelpers",),
    "flask.globals": ("tuile.globals",),
    "flask.helpers": ("tuile.helpers",),
    "flask.json": ("tuile.json",),
    "flask.json.provider": ("tuile.json.provider",),
    "flask.json.tag": ("tuile.json.tag",),
    "flask.logging": ("tuile.logging",),
    "flask.sansio": (),
    "flask.sansio.app": ("tuile.sansio.app", "tuile.sansio.type_vars"),
    "flask.sansio.blueprints": ("tuile.sansio.blueprints", "tuile.sansio.type_vars"),
    "flask.sansio.scaffold": ("tuile.sansio.scaffold", "tuile.packages", "tuile.sansio.type_vars"),
    "flask.sessions": ("tuile.sessions", "tuile.sessions.interface", "tuile.sessions.signed"),
    "flask.signals": ("tuile.signals",),
    "flask.templating": ("tuile.templating",),
    "flask.testing": ("tuile.testing", "tuile.testing.client"),
    "flask.typing": ("tuile.typing",),
    "flask.views": ("tuile.views",),
    "flask.wrappers": ("tuile.wrappers.request", "tuile.wrappers.response"),
}

#: Names that differ in Tuile: Flask's name, then Tuile's module and its name there.
RENAMED: dict[str, dict[str, tuple[str, str]]] = {
    "flask.cli": {
        "_env_file_callback": ("tuile.cli.options", "_load_env_file"),
        "_set_app": ("tuile.cli.options", "_remember_app"),
        "_set_debug": ("tuile.cli.options", "_export_debug"),
    },
    "flask.debughelpers": {"_dump_loader_info": ("tuile.debughelpers", "_loader_lines")},
    "flask.globals": {
        "_no_app_msg": ("tuile.ctx.values", "NO_APP_MESSAGE"),
        "_no_req_msg": ("tuile.ctx.app_context", "NO_REQUEST_MESSAGE"),
    },
    "flask.helpers": {"_split_blueprint_path": ("tuile.wrappers.request", "split_blueprint_path")},
    "flask.sessions": {"_lazy_sha1": ("tuile.sessions.interface", "lazy_sha1")},
}

#: The names that Flask's modules define besides the classes and functions of `naming.DEFINED`: objects, type variables
#: and types.
VALUES: dict[str, str] = {
    "flask.cli": (
        "_app_option, _debug_option, _env_file_option, cli, pass_script_info, routes_command, run_command,"
        " shell_command, version_option"
    ),
    "flask.config": "T",
    "flask.ctx": "F, _sentinel",
    "flask.globals": "_cv_app, _cv_request, app_ctx, current_app, g, request, request_ctx, session",
    "flask.logging": "default_handler, wsgi_errors_stream",
    "flask.sansio.blueprints": (
        "DeferredSetupFunction, T_after_request, T_before_request, T_error_handler, T_teardown,"
        " T_template_context_processor, T_template_filter, T_template_global, T_template_test, T_url_defaults,"
        " T_url_value_preprocessor"
    ),
    "flask.sansio.scaffold": (
        "F, T_after_request, T_before_request, T_error_handler, T_route, T_teardown, T_template_context_processor,"
        " T_url_defaults, T_url_value_preprocessor, _sentinel"
    ),
    "flask.sessions": "session_json_serializer",
    "flask.signals": (
        "_signals, appcontext_popped, appcontext_pushed, appcontext_tearing_down, before_render_template,"
        " got_request_exception, message_flashed, request_finished, request_started, request_tearing_down,"
        " template_rendered"
    ),
    "flask.typing": (
        "AfterRequestCallable, AppOrBlueprintKey, BeforeFirstRequestCallable, BeforeRequestCallable,"
        " ErrorHandlerCallable, HeaderValue, HeadersValue, ResponseClass, ResponseReturnValue, ResponseValue,"
        " RouteCallable, ShellContextProcessorCallable, TeardownCallable, TemplateContextProcessorCallable,"
        " TemplateFilterCallable, TemplateGlobalCallable, TemplateTestCallable, URLDefaultCallable,"
        " URLValuePreprocessorCallable"
    ),
    "flask.views": "http_method_funcs",
}

#: What Flask's modules import: "name", or "name as another". The modules themselves come first, after "import".
#: Type variables that only a type checker sees in Tuile are typing.Any.
IMPORTS: dict[str, dict[str, str]] = {
    "flask": {
        "import": "flask.json as json, typing as t",
        "__future__": "annotations",
        "flask.app": "Flask",
        "flask.blueprints": "Blueprint",
        "flask.config": "Config",
        "flask.ctx": ("after_this_request, copy_current_request_context, has_app_context, has_request_context"),
        "flask.globals": "current_app, g, request, session",
        "flask.helpers": (
            "abort, flash, get_flashed_messages, get_template_attribute, make_response, redirect, send_file,"
            " send_from_directory, stream_with_context, url_for"
        ),
        "flask.json": "jsonify",
        "flask.signals": (
            "appcontext_popped, appcontext_pushed, appcontext_tearing_down, before_render_template,"
            " got_request_exception, message_flashed, request_finished, request_started, request_tearing_down,"
            " template_rendered"
        ),
        "flask.templating": "render_template, render_template_string, stream_template, stream_template_string",
        "flask.wrappers": "Request, Response",
    },
    "flask.app": {
        "import": (
            "click, collections.abc as cabc, flask.cli as cli, flask.typing as ft, os, sys, typing as t, weakref"
        ),
        "datetime": "timedelta",
        "flask.ctx": "AppContext, RequestContext",
        "flask.globals": "_cv_app, _cv_request, current_app, g, request, request_ctx, session",
        "flask.helpers": "get_debug_flag, get_flashed_messages, get_load_dotenv, send_from_directory",
        "flask.sansio.app": "App",
        "flask.sansio.scaffold": "_sentinel",
        "flask.sessions": "SecureCookieSessionInterface, SessionInterface",
        "flask.signals": (
            "appcontext_tearing_down, got_request_exception, request_finished, request_started, request_tearing_down"
        ),
        "flask.templating": "Environment",
        "flask.wrappers": "Request, Response",
        "inspect": "iscoroutinefunction",
        "itertools": "chain",
        "types": "TracebackType",
        "typing": (
            "Any as T_shell_context_processor, Any as T_teardown, Any as T_template_filter,"
            " Any as T_template_global, Any as T_template_test"
        ),
        "urllib.parse": "quote as _url_quote",
        "werkzeug.datastructures": "Headers, ImmutableDict",
        "werkzeug.exceptions": "BadRequestKeyError, HTTPException, InternalServerError",
        "werkzeug.routing": "BuildError, MapAdapter, RequestRedirect, RoutingException, Rule",
        "werkzeug.serving": "is_running_from_reloader",
        "werkzeug.wrappers": "Response as BaseResponse",
        "werkzeug.wsgi": "get_host",
    },
    "flask.blueprints": {
        "import": "os, typing as t",
        "datetime": "timedelta",
        "flask.cli": "AppGroup",
        "flask.globals": "current_app",
        "flask.helpers": "send_from_directory",
        "flask.sansio.blueprints": "Blueprint as SansioBlueprint, BlueprintSetupState",
        "flask.sansio.scaffold": "_sentinel",
    },
    "flask.cli": {
        "import": (
            "ast, click, collections.abc as cabc, importlib, inspect, os, platform, re, sys, traceback, typing as t"
        ),
        "click.core": "ParameterSource",
        "flask.globals": "current_app",
        "flask.helpers": "get_debug_flag, get_load_dotenv",
        "functools": "update_wrapper",
        "operator": "itemgetter",
        "types": "ModuleType",
        "typing": "Any as F",
        "werkzeug.serving": "is_running_from_reloader, run_simple",
        "werkzeug.utils": "import_string",
    },
    "flask.config": {"import": "errno, json, os, types, typing as t", "werkzeug.utils": "import_string"},
    "flask.ctx": {
        "import": "contextvars, flask.typing as ft, sys, typing as t",
        "flask.globals": "_cv_app, _cv_request",
        "flask.signals": "appcontext_popped, appcontext_pushed",
        "functools": "update_wrapper",
        "types": "TracebackType",
        "werkzeug.exceptions": "HTTPException",
    },
    "flask.debughelpers": {
        "import": "typing as t",
        "flask.blueprints": "Blueprint",
        "flask.globals": "request_ctx",
        "flask.sansio.app": "App",
        "jinja2.loaders": "BaseLoader",
        "werkzeug.routing": "RequestRedirect",
    },
    "flask.globals": {"import": "typing as t", "contextvars": "ContextVar", "werkzeug.local": "LocalProxy"},
    "flask.helpers": {
        "import": "importlib, os, sys, typing as t, werkzeug",
        "datetime": "datetime",
        "flask.globals": "_cv_app, _cv_request, current_app, request, request_ctx, session",
        "flask.signals": "message_flashed",
        "functools": "cache, update_wrapper",
        "werkzeug.exceptions": "abort as _wz_abort",
        "werkzeug.utils": "redirect as _wz_redirect",
        "werkzeug.wrappers": "Response as BaseResponse",
    },
    "flask.json": {
        "import": "json as _json, typing as t",
        "flask.globals": "current_app",
        "flask.json.provider": "_default",
    },
    "flask.json.provider": {
        "import": "dataclasses, decimal, json, typing as t, uuid, weakref",
        "datetime": "date",
        "werkzeug.http": "http_date",
    },
    "flask.json.tag": {
        "import": "typing as t",
        "base64": "b64decode, b64encode",
        "datetime": "datetime",
        "flask.json": "dumps, loads",
        "markupsafe": "Markup",
        "uuid": "UUID",
        "werkzeug.http": "http_date, parse_date",
    },
    "flask.logging": {
        "import": "logging, sys, typing as t",
        "flask.globals": "request",
        "werkzeug.local": "LocalProxy",
    },
    "flask.sansio.app": {
        "import": "flask.typing as ft, logging, os, sys, typing as t",
        "datetime": "timedelta",
        "flask.config": "Config, ConfigAttribute",
        "flask.ctx": "_AppCtxGlobals",
        "flask.helpers": "_split_blueprint_path, get_debug_flag",
        "flask.json.provider": "DefaultJSONProvider, JSONProvider",
        "flask.logging": "create_logger",
        "flask.sansio.scaffold": "Scaffold, _endpoint_from_view_func, find_package, setupmethod",
        "flask.templating": "DispatchingJinjaLoader, Environment",
        "itertools": "chain",
        "typing": (
            "Any as T_shell_context_processor, Any as T_teardown, Any as T_template_filter,"
            " Any as T_template_global, Any as T_template_test"
        ),
        "werkzeug.exceptions": "Aborter, BadRequest, BadRequestKeyError",
        "werkzeug.routing": "BuildError, Map, Rule",
        "werkzeug.sansio.response": "Response",
        "werkzeug.utils": "cached_property, redirect as _wz_redirect",
    },
    "flask.sansio.blueprints": {
        "import": "flask.typing as ft, os, typing as t",
        "collections": "defaultdict",
        "flask.sansio.scaffold": "Scaffold, _endpoint_from_view_func, _sentinel, setupmethod",
        "functools": "update_wrapper",
    },
    "flask.sansio.scaffold": {
        "import": "flask.typing as ft, importlib, os, pathlib, sys, typing as t",
        "collections": "defaultdict",
        "flask.helpers": "get_root_path",
        "flask.templating": "_default_template_ctx_processor",
        "functools": "update_wrapper",
        "jinja2": "BaseLoader, FileSystemLoader",
        "werkzeug.exceptions": "HTTPException, default_exceptions",
        "werkzeug.utils": "cached_property",
    },
    "flask.sessions": {
        "import": "collections.abc as c, hashlib, typing as t",
        "collections.abc": "MutableMapping",
        "datetime": "datetime, timezone",
        "flask.json.tag": "TaggedJSONSerializer",
        "itsdangerous": "BadSignature, URLSafeTimedSerializer",
        "werkzeug.datastructures": "CallbackDict",
    },
    "flask.signals": {"blinker": "Namespace"},
    "flask.templating": {
        "import": "typing as t",
        "flask.globals": "_cv_app, _cv_request, current_app, request",
        "flask.helpers": "stream_with_context",
        "flask.signals": "before_render_template, template_rendered",
        "jinja2": "BaseLoader, Environment as BaseEnvironment, Template, TemplateNotFound",
    },
    "flask.testing": {
        "import": "importlib, typing as t, werkzeug",
        "click.testing": "CliRunner, Result",
        "contextlib": "ExitStack, contextmanager",
        "copy": "copy",
        "flask.cli": "ScriptInfo",
        "flask.sessions": "SessionMixin",
        "types": "TracebackType",
        "urllib.parse": "urlsplit",
        "werkzeug.test": "Client",
        "werkzeug.wrappers": "Request as BaseRequest",
    },
    "flask.typing": {"import": "collections.abc as cabc, typing as t"},
    "flask.views": {
        "import": "flask.typing as ft, typing as t",
        "flask.globals": "current_app, request",
        "typing": "Any as F",
    },
    "flask.wrappers": {
        "import": "flask.json as json, typing as t",
        "flask.globals": "current_app",
        "flask.helpers": "_split_blueprint_path",
        "werkzeug.exceptions": "BadRequest, HTTPException",
        "werkzeug.wrappers": "Request as RequestBase, Response as ResponseBase",
    },
}

#: Modules that `import flask` does not load, as in Flask; it loads everything else in `TUILE_MODULES`.
LOADED_LATER = frozenset({"flask.__main__", "flask.debughelpers", "flask.testing", "flask.views"})

#: Modules of Flask whose classes are in several of Tuile's modules, and those modules.
SPLIT_MODULES: dict[str, tuple[str, ...]] = {
    "flask.cli": (
        "tuile.cli",
        "tuile.cli.finding",
        "tuile.cli.script",
        "tuile.cli.groups",
        "tuile.cli.option_types",
    ),
    "flask.ctx": ("tuile.ctx.app_context", "tuile.ctx.request_context", "tuile.ctx.functions", "tuile.ctx.namespace"),
    "flask.sessions": ("tuile.sessions.interface", "tuile.sessions.signed"),
    "flask.templating": ("tuile.templating", "tuile.templating.jinja"),
    "flask.testing": ("tuile.testing", "tuile.testing.client", "tuile.testing.runner"),
    "flask.wrappers": ("tuile.wrappers.request", "tuile.wrappers.response"),
}
