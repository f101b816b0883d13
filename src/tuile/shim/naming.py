"""Give Tuile's classes and functions the `__module__` and `__qualname__` that they have in Flask.

Monitoring agents name transactions by them, registries of hooks name functions, and pickles name classes. This is done
when a module of Flask is first imported through the shim; otherwise they have Tuile's own names.
"""

from __future__ import annotations

import inspect
import typing as t
from types import FunctionType

if t.TYPE_CHECKING:
    from collections.abc import Callable

#: What Flask's modules define: {module: {class: its methods}}; the functions of the module are under "".
DEFINED: dict[str, dict[str, str]] = {
    "flask.app": {
        "": "_make_timedelta",
        "Flask": (
            "__init__ get_send_file_max_age send_static_file open_resource open_instance_resource "
            "create_jinja_environment create_url_adapter raise_routing_exception update_template_context "
            "make_shell_context run test_client test_cli_runner handle_http_exception handle_user_exception "
            "handle_exception log_exception dispatch_request full_dispatch_request finalize_request "
            "make_default_options_response ensure_sync async_to_sync url_for make_response preprocess_request "
            "process_response do_teardown_request do_teardown_appcontext app_context request_context "
            "test_request_context wsgi_app __call__"
        ),
    },
    "flask.blueprints": {
        "Blueprint": "__init__ get_send_file_max_age send_static_file open_resource",
    },
    "flask.cli": {
        "": (
            "find_best_app _called_with_wrong_args find_app_by_string prepare_import locate_app get_version "
            "with_appcontext _set_app _set_debug _env_file_callback _path_is_ancestor load_dotenv "
            "show_server_banner _validate_key main"
        ),
        "NoAppException": "",
        "ScriptInfo": "__init__ load_app",
        "AppGroup": "command group",
        "FlaskGroup": "__init__ _load_plugin_commands get_command list_commands make_context parse_args",
        "CertParamType": "__init__ convert",
        "SeparatedPathType": "convert",
    },
    "flask.config": {
        "ConfigAttribute": "__init__ __get__ __set__",
        "Config": (
            "__init__ from_envvar from_prefixed_env from_pyfile from_object from_file from_mapping get_namespace "
            "__repr__"
        ),
    },
    "flask.ctx": {
        "": "after_this_request copy_current_request_context has_request_context has_app_context",
        "_AppCtxGlobals": "__getattr__ __setattr__ __delattr__ get pop setdefault __contains__ __iter__ __repr__",
        "AppContext": "__init__ push pop __enter__ __exit__",
        "RequestContext": "__init__ copy match_request push pop __enter__ __exit__ __repr__",
    },
    "flask.debughelpers": {
        "": "attach_enctype_error_multidict _dump_loader_info explain_template_loading_attempts",
        "UnexpectedUnicodeError": "",
        "DebugFilesKeyError": "__init__ __str__",
        "FormDataRoutingRedirect": "__init__",
    },
    "flask.helpers": {
        "": (
            "get_debug_flag get_load_dotenv stream_with_context make_response url_for redirect abort "
            "get_template_attribute flash get_flashed_messages _prepare_send_file_kwargs send_file "
            "send_from_directory get_root_path"
        ),
    },
    "flask.json": {
        "": "dumps dump loads load jsonify",
    },
    "flask.json.provider": {
        "": "_default",
        "JSONProvider": "__init__ dumps dump loads load _prepare_response_obj response",
        "DefaultJSONProvider": "default dumps loads response",
    },
    "flask.json.tag": {
        "JSONTag": "__init__ check to_json to_python tag",
        "TagDict": "check to_json to_python",
        "PassDict": "check to_json tag",
        "TagTuple": "check to_json to_python",
        "PassList": "check to_json tag",
        "TagBytes": "check to_json to_python",
        "TagMarkup": "check to_json to_python",
        "TagUUID": "check to_json to_python",
        "TagDateTime": "check to_json to_python",
        "TaggedJSONSerializer": "__init__ register tag untag _untag_scan dumps loads",
    },
    "flask.logging": {
        "": "has_level_handler create_logger",
    },
    "flask.sansio.app": {
        "": "_make_timedelta",
        "App": (
            "__init__ _check_setup_finished create_jinja_environment make_config make_aborter "
            "auto_find_instance_path create_global_jinja_loader select_jinja_autoescape register_blueprint "
            "iter_blueprints add_url_rule template_filter add_template_filter template_test add_template_test "
            "template_global add_template_global teardown_appcontext shell_context_processor _find_error_handler "
            "trap_http_exception should_ignore_error redirect inject_url_defaults handle_url_build_error"
        ),
    },
    "flask.sansio.blueprints": {
        "BlueprintSetupState": "__init__ add_url_rule",
        "Blueprint": (
            "__init__ _check_setup_finished record record_once make_setup_state register_blueprint register "
            "_merge_blueprint_funcs add_url_rule app_template_filter add_app_template_filter app_template_test "
            "add_app_template_test app_template_global add_app_template_global before_app_request "
            "after_app_request teardown_app_request app_context_processor app_errorhandler "
            "app_url_value_preprocessor app_url_defaults"
        ),
    },
    "flask.sansio.scaffold": {
        "": "setupmethod _endpoint_from_view_func _find_package_path find_package",
        "Scaffold": (
            "__init__ __repr__ _check_setup_finished _method_route get post put delete patch route add_url_rule "
            "endpoint before_request after_request teardown_request context_processor url_value_preprocessor "
            "url_defaults errorhandler register_error_handler _get_exc_class_and_code"
        ),
    },
    "flask.sessions": {
        "": "_lazy_sha1",
        "SessionMixin": "",
        "SecureCookieSession": "__init__",
        "NullSession": "__setitem__ __delitem__ clear pop popitem update setdefault",
        "SessionInterface": (
            "make_null_session is_null_session get_cookie_name get_cookie_domain get_cookie_path "
            "get_cookie_httponly get_cookie_secure get_cookie_samesite get_cookie_partitioned get_expiration_time "
            "should_set_cookie open_session save_session"
        ),
        "SecureCookieSessionInterface": "digest_method get_signing_serializer open_session save_session",
    },
    "flask.templating": {
        "": (
            "_default_template_ctx_processor _render render_template render_template_string _stream "
            "stream_template stream_template_string"
        ),
        "Environment": "__init__",
        "DispatchingJinjaLoader": (
            "__init__ get_source _get_source_explained _get_source_fast _iter_loaders list_templates"
        ),
    },
    "flask.testing": {
        "": "_get_werkzeug_version",
        "EnvironBuilder": "__init__ json_dumps",
        "FlaskClient": (
            "__init__ session_transaction _copy_environ _request_from_builder_args open __enter__ __exit__"
        ),
        "FlaskCliRunner": "__init__ invoke",
    },
    "flask.views": {
        "View": "dispatch_request as_view",
        "MethodView": "__init_subclass__ dispatch_request",
    },
    "flask.wrappers": {
        "Request": "_load_form_data on_json_loading_failed",
        "Response": "",
    },
}


def rename_as_in_flask(module: str, find: Callable[[str], object], line_offsets: dict[str, int]) -> None:
    """Set the module and qualified name of everything that one of Flask's modules defines.

    Args:
        module: The name of Flask's module.
        find: Returns the object that a name of the module stands for.
        line_offsets: The line offset of each of Tuile's modules in the source of Flask's.
    """
    for owner, names in DEFINED.get(module, {}).items():
        if not owner:
            for name in names.split():
                _rename(find(name), module, name)
            continue
        cls = find(owner)
        if not isinstance(cls, type):
            continue
        for name in names.split():
            _rename(inspect.getattr_static(cls, name, None), module, f"{owner}.{name}")
        if cls.__name__ == owner and cls.__module__.partition(".")[0] == "tuile":
            offset = line_offsets.get(cls.__module__, 0)
            line = vars(cls).get("__firstlineno__")
            # Not through the metaclass, which would treat it as a change of what the class does.
            type.__setattr__(cls, "__module__", module)
            if line is not None:
                # CPython 3.13 deletes it when the module is set.
                type.__setattr__(cls, "__firstlineno__", line + offset)


def _rename(found: object, module: str, qualified_name: str) -> None:
    function = found.__func__ if isinstance(found, (classmethod, staticmethod)) else found
    if isinstance(function, FunctionType) and (function.__module__ or "").partition(".")[0] == "tuile":
        function.__module__ = module
        function.__qualname__ = qualified_name
