"""What programs are made of: names, values and texts to draw from."""

from __future__ import annotations

from typing import Any

# name of the endpoint's rule: (rule, paths that are worth a try)
RULES: dict[str, tuple[str, list[str]]] = {
    "index": ("/", ["/", "", "//"]),
    "plain": ("/plain", ["/plain", "/plain/", "/Plain", "//plain", "/plain//", "/plain/x"]),
    "slash": ("/slash/", ["/slash/", "/slash", "/slash//", "//slash/"]),
    "deep": ("/a/b/c", ["/a/b/c", "/a//b/c", "/a/b", "/a/b/c/", "/a/./b/c", "/a/../b"]),
    "name": ("/n/<name>", ["/n/x", "/n/\xc3\xa9", "/n/a b", "/n/", "/n/a/b", "/n/%41", "/n/\xff", "/n/a;b", "/n/<b>"]),
    "sized": ("/len/<string(length=2):name>", ["/len/ab", "/len/abc", "/len/a", "/len/\xc3\xa9\xc3\xa9"]),
    "bounded": ("/bound/<string(minlength=2,maxlength=3):name>", ["/bound/ab", "/bound/a", "/bound/abcd"]),
    "int": ("/i/<int:n>", ["/i/7", "/i/007", "/i/-7", "/i/x", "/i/7.0", "/i/99999999999999999999", "/i/\xd9\xa1"]),
    "signed": ("/s/<int(signed=True):n>", ["/s/-7", "/s/7", "/s/+7", "/s/--7", "/s/-0"]),
    "ranged": ("/r/<int(min=2,max=5):n>", ["/r/2", "/r/1", "/r/5", "/r/6"]),
    "fixed": ("/f/<int(fixed_digits=3):n>", ["/f/007", "/f/7", "/f/0007"]),
    "float": ("/fl/<float:x>", ["/fl/1.5", "/fl/1", "/fl/-1.5", "/fl/1e5", "/fl/1.50"]),
    "path": ("/p/<path:rest>", ["/p/a/b", "/p/a", "/p/", "/p//a", "/p/a//b", "/p/a/", "/p/\xe2\x98\x83/x"]),
    "path_slash": ("/ps/<path:rest>/", ["/ps/a/b/", "/ps/a/b", "/ps/a"]),
    "any": ('/any/<any(one,two,"th,ree"):word>', ["/any/one", "/any/two", "/any/three", "/any/th,ree"]),
    "uuid": ("/u/<uuid:id>", ["/u/12345678-1234-5678-1234-567812345678", "/u/12345678", "/u/" + "A" * 36]),
    "two": ("/t/<int:n>/<name>", ["/t/1/x", "/t/x/1", "/t/1/", "/t/1"]),
    "mixed": ("/m/<name>.<ext>", ["/m/a.b", "/m/a.b.c", "/m/.b", "/m/a."]),
    "part": ("/part-<int:n>-end", ["/part-1-end", "/part-x-end", "/part--end"]),
    "listed": ("/l/<list:items>", ["/l/a+b", "/l/a", "/l/+", "/l/bad"]),
    "regex": ('/<regex("[a-c]{2}"):word>', ["/ab", "/ad", "/abc"]),
    "everything": ('/<regex(".*"):rest>', ["/anything/at/all", "/", "/any%2Fthing"]),
    "catch": ("/<path:rest>", ["/whatever", "/what/ever/"]),
    "page": ("/page/<int:page>", ["/page/1", "/page/2", "/page/01"]),
    "escaped": ("/sp ace/\xe9", ["/sp ace/\xc3\xa9", "/sp ace/\xe9", "/sp%20ace"]),
    "long": ("/" + "x" * 60, ["/" + "x" * 60]),
    "dot": ("/dot.txt", ["/dot.txt", "/dotatxt"]),
    "merge": ("/me//rge", ["/me//rge", "/me/rge"]),
    "bar": ("/a|b", ["/a|b", "/a"]),
}
ODD_PATHS = [
    "/missing", "/static/a.txt", "/static/", "/static/../world.py", "/static/none.txt", "/static/b.json", "*", "nothing",
    "/\xff\xfe", "/\x00", "/%", "/a?b", "/#x", "/\n", "/..", "/.", "///", "/blue/", "/inner/x", "/" + "y" * 3000,
]  # fmt: skip
METHODS = ["GET"] * 8 + [
    "POST",
    "POST",
    "HEAD",
    "OPTIONS",
    "PUT",
    "DELETE",
    "PATCH",
    "get",
    "PROPFIND",
    "",
    "TRACE",
    "G T",
]
RULE_METHODS: list[Any] = [None] * 5 + [["GET"], ["POST"], ["GET", "POST"], ["get", "put"], ["OPTIONS"], ["HEAD"], []]
QUERIES = [
    "",
    "",
    "",
    "a=1",
    "a=1&a=2&b=",
    "a",
    "=",
    "&&",
    "a=%ff",
    "q=%C3%A9",
    "n=x",
    "a=1;b=2",
    "a+b=c+d",
    "\xc3\xa9=1",
]
HOSTS = [
    "localhost", "localhost", "localhost", "localhost", "example.com", "sub.example.com", "example.com:80", "api.example.com:8080",
    "EXAMPLE.com", "other.org", "bad host", "", "[::1]", "x.y.example.com", "example.com.", "127.0.0.1:5000", "\xe9.com", "a_b.com",
]  # fmt: skip
HEADERS: dict[str, list[str]] = {
    "Accept": ["*/*", "application/json", "text/html;q=0.5", "q"],
    "Accept-Encoding": ["gzip", "*;q=0"],
    "Accept-Language": ["de, en;q=0.8"],
    "Authorization": ["Basic YTpi", "Bearer x", "Basic !!", "Digest a=b", ""],
    "If-Modified-Since": ["Sat, 01 Jan 2050 00:00:00 GMT", "nonsense"],
    "If-None-Match": ['"x"', "*", 'W/"x"', ""],
    "Range": ["bytes=0-2", "bytes=5-", "bytes=-2", "bytes=99-", "x", "bytes=0-1,3-4"],
    "Referer": ["http://localhost/x"],
    "User-Agent": ["fuzz", "\xff"],
    "X-Forwarded-For": ["1.2.3.4, 5.6.7.8"],
    "X-Forwarded-Host": ["fwd.example.com"],
    "X-Forwarded-Proto": ["https"],
    "X-HTTP-Method-Override": ["DELETE"],
    "X-Own": ["", "1", "\xff", "a, b"],
    "Date": ["x"],
    "Cache-Control": ["no-cache"],
    "Content-Encoding": ["gzip"],
    "Origin": ["null"],
    "Access-Control-Request-Method": ["PUT"],
    "Transfer-Encoding": ["chunked"],
}
COOKIES = [
    "a=1", "a=1; b=2", "session=forged", "session=", 'q="x y"', "a", "=1", "a=1;a=2", "session=eyJhIjoxfQ.x.y; a=1", "\xc3\xa9=1",
    "a=" + "z" * 500, ";;;", "a=1,b=2", "__Host-x=1", "session =1",
]  # fmt: skip
BODIES: list[tuple[str | None, str]] = [
    (None, ""), (None, "raw"), ("application/json", '{"a": 1, "b": [true, null]}'), ("application/json", "{bad"),
    ("application/json", ""), ("application/problem+json", "[1]"), ("text/json", "1"),
    ("application/x-www-form-urlencoded", "a=1&b=2&a=3"), ("application/x-www-form-urlencoded", "a=%ff&\xc3\xa9=x"),
    ("application/x-www-form-urlencoded; charset=latin-1", "a=1"),
    ("multipart/form-data; boundary=B", '--B\r\nContent-Disposition: form-data; name="f"; filename="x.txt"\r\n\r\nhi\r\n--B--\r\n'),
    ("multipart/form-data; boundary=B", '--B\r\nContent-Disposition: form-data; name="a"\r\n\r\nv\r\n--B--\r\n'),
    ("multipart/form-data; boundary=B", "--B\r\nbroken"), ("multipart/form-data", "x"), ("text/plain", "h\xc3\xa9"),
    ("application/json; charset=utf-16", '{"a": 1}'), ("nonsense", "x"), ("application/json", '"' + "x" * 200 + '"'),
]  # fmt: skip
ENVIRON: list[dict[str, Any]] = [
    {"wsgi.url_scheme": "https"}, {"SCRIPT_NAME": "/mounted"}, {"SCRIPT_NAME": "/mou nted/\xc3\xa9"}, {"SERVER_PORT": "8000"}, {"REMOTE_ADDR": None},
    {"HTTP_HOST": None}, {"HTTP_HOST": None, "SERVER_NAME": "example.com", "SERVER_PORT": "8080"}, {"CONTENT_LENGTH": "-1"},
    {"CONTENT_LENGTH": "x"}, {"CONTENT_LENGTH": "99999"}, {"CONTENT_LENGTH": "1"}, {"wsgi.input_terminated": True},
    {"REMOTE_USER": "me"}, {"SERVER_PROTOCOL": "HTTP/1.0"}, {"wsgi.url_scheme": "ws"}, {"REQUEST_URI": "/raw%2Fpath?x"},
    {"RAW_URI": "/raw"}, {"HTTPS": "on"}, {"wsgi.multithread": True}, {"QUERY_STRING": None}, {"SERVER_PORT": ""}, {"CONTENT_TYPE": ""},
]  # fmt: skip
# Long enough for nobody to warn of them.
KEYS = ["5ZfQm0n2s8yXvT3kLr7wB1cD4eG6hJ9a", "p9Ww3Rr5Tt7Yy1Uu2Ii4Oo6Aa8Ss0DdF"]
SETTINGS: list[tuple[str, list[Any]]] = [
    ("DEBUG", [True, False, 1]), ("TESTING", [True, False]), ("PROPAGATE_EXCEPTIONS", [True, False, None]),
    ("TRAP_HTTP_EXCEPTIONS", [True, False]), ("TRAP_BAD_REQUEST_ERRORS", [True, False, None]), ("SECRET_KEY", [KEYS[0], KEYS[0], KEYS[1].encode(), None, ""]),
    ("SECRET_KEY_FALLBACKS", [[KEYS[0]], [KEYS[1], KEYS[0]], [], None]), ("SESSION_COOKIE_NAME", ["session", "s", "own"]),
    ("SESSION_COOKIE_DOMAIN", [None, "example.com", False]), ("SESSION_COOKIE_PATH", [None, "/mounted", "/"]),
    ("SESSION_COOKIE_HTTPONLY", [True, False]), ("SESSION_COOKIE_SECURE", [True, False]), ("SESSION_COOKIE_SAMESITE", [None, "Lax", "Strict"]),
    ("SESSION_COOKIE_PARTITIONED", [True, False]), ("SESSION_REFRESH_EACH_REQUEST", [True, False]), ("PERMANENT_SESSION_LIFETIME", [60, 3600]),
    ("MAX_CONTENT_LENGTH", [None, 3, 100]), ("MAX_FORM_MEMORY_SIZE", [1, 500_000, None]), ("MAX_FORM_PARTS", [0, 1, 1000]),
    ("SEND_FILE_MAX_AGE_DEFAULT", [None, 60]), ("TRUSTED_HOSTS", [None, ["localhost"], [".example.com"], []]),
    ("SERVER_NAME", [None, "example.com", "localhost", "example.com:8080", "sub.example.com"]), ("APPLICATION_ROOT", ["/", "/root"]),
    ("PREFERRED_URL_SCHEME", ["http", "https"]), ("MAX_COOKIE_SIZE", [4093, 0, 50]), ("TEMPLATES_AUTO_RELOAD", [None, True]),
    ("EXPLAIN_TEMPLATE_LOADING", [False]), ("PROVIDE_AUTOMATIC_OPTIONS", [True, False]), ("OWN", [1, "x", None]), ("JSON_AS_ASCII", [True]),
]  # fmt: skip
# Taken out by pop, del or clear: what every request reads by [] fails on both, in the same words.
VALUES: list[Any] = [
    "text", "", "h\xe9 \u2603", 0, 1, -5, 1.5, True, None, [], [1, "a"], {"a": 1, "b": None}, {}, "a b&c=d/e?f#g", "<b>", "x" * 300,
]  # fmt: skip
WORDS = ["a", "b", "c", "name", "n", "word", "\xe9", "a b"]
CODES = [200, 201, 204, 301, 302, 304, 400, 401, 403, 404, 405, 410, 413, 418, 422, 429, 500, 503]
STATUSES: list[Any] = [
    200,
    201,
    204,
    206,
    304,
    404,
    500,
    299,
    600,
    99,
    0,
    "200 OK",
    "201",
    "404 GONE",
    "418 tea",
    "",
    "nonsense",
    -1,
    True,
]
RESPONSE_HEADERS: list[Any] = [
    {"X-A": "1"}, [["X-A", "1"], ["X-A", "2"]], {"Content-Type": "text/plain"}, {"Content-Length": "3"}, {"Location": "/rel"},
    {"Location": "//other/x"}, {"Location": "http://x/\xe9"}, {}, [], {"Set-Cookie": "raw=1"}, {"X-N": 5}, {"X-B": "a\nb"}, {"x-a": "\xe9"},
    {"Date": "y", "X-L": "1"}, {"ETag": '"x"'}, {"Content-Type": "application/json; charset=x"}, {"X-List": ["1", "2"]},
]  # fmt: skip
FLASK_METHODS = [
    "wsgi_app", "request_context", "app_context", "create_url_adapter", "full_dispatch_request", "preprocess_request", "dispatch_request",
    "make_default_options_response", "finalize_request", "make_response", "process_response", "handle_user_exception",
    "handle_http_exception", "handle_exception", "log_exception", "raise_routing_exception", "should_ignore_error", "ensure_sync",
    "do_teardown_request", "do_teardown_appcontext", "inject_url_defaults", "handle_url_build_error", "url_for", "redirect",
    "update_template_context", "create_jinja_environment", "select_jinja_autoescape", "trap_http_exception", "get_send_file_max_age",
    "send_static_file", "_find_error_handler", "add_url_rule", "register_blueprint", "test_client", "test_request_context", "register_error_handler",
    "make_shell_context", "create_global_jinja_loader", "auto_find_instance_path",
]  # fmt: skip
FLASK_EARLY = ["make_config", "make_aborter", "__call__"]
REQUEST_METHODS = [
    "on_json_loading_failure", "get_json", "_load_form_data", "make_form_data_parser", "want_form_data_parsed", "close", "get_data",
    "endpoint", "blueprint", "blueprints", "max_content_length",  "url", "args", "form", "cookies", "is_json", "json", "stream",
    "access_route", "mimetype", "content_length", "url_root", "full_path", "script_root",
]  # fmt: skip
RESPONSE_METHODS = [
    "__call__", "get_wsgi_headers", "get_app_iter", "get_wsgi_response", "set_data", "get_data", "close", "set_cookie", "delete_cookie",
    "iter_encoded", "make_conditional", "calculate_content_length", "call_on_close", "force_type", "make_sequence", "freeze",
    "_ensure_sequence", "max_cookie_size", "get_json", "is_sequence", "_clean_status",
]  # fmt: skip
SESSION_METHODS = [
    "open_session", "save_session", "is_null_session", "make_null_session", "should_set_cookie", "get_cookie_name", "get_cookie_domain",
    "get_cookie_path", "get_cookie_httponly", "get_cookie_secure", "get_cookie_samesite", "get_cookie_partitioned", "get_expiration_time",
    "get_signing_serializer",
]  # fmt: skip
JSON_METHODS = ["dumps", "loads", "response", "_prepare_response_obj", "dump", "load"]
G_METHODS = ["get", "pop", "setdefault", "__contains__", "__getattr__", "__setattr__", "__delattr__", "__iter__"]
CONFIG_METHODS = ["get_namespace", "from_mapping", "get", "__getitem__", "__setitem__", "update"]
CONTEXT_METHODS = ["push", "pop", "match_request"]
CLASS_ATTRIBUTES: dict[str, list[tuple[str, Any]]] = {
    "response": [
        ("default_status", 203), ("default_mimetype", "text/plain"), ("implicit_sequence_conversion", False), ("max_cookie_size", 20),
        ("automatically_set_content_length", False), ("autocorrect_location_header", True), ("default_mimetype", None), ("json_module", None),
    ],
    "request": [
        ("max_content_length", 5), ("max_form_parts", 1), ("trusted_hosts", ["localhost"]), ("user_agent_class", None),
        ("routing_exception", None), ("want_form_data_parsed", False), ("is_multithread", True), ("extra", "x"),
    ],
    "session": [("salt", "other"), ("key_derivation", "none"), ("pickle_based", True)],
    "json": [
        ("sort_keys", False), ("ensure_ascii", False), ("compact", True), ("compact", False), ("mimetype", "application/x-own+json"),
        ("mimetype", "text/html"),
    ],
    "flask": [
        ("session_cookie_name", "x"), ("testing", True), ("debug", True), ("secret_key", KEYS[1]), ("extra", 1), ("subdomain_matching", True),
        ("url_build_error_handlers", []),
    ],
}  # fmt: skip
REQUEST_READS = [
    "method", "path", "full_path", "url", "base_url", "url_root", "root_url", "host", "host_url", "scheme", "query_string", "args", "form", "files",
    "values", "headers", "cookies", "data", "is_json", "mimetype", "mimetype_params", "content_type", "content_length", "endpoint", "url_rule",
    "view_args", "blueprint", "blueprints", "routing_exception", "remote_addr", "access_route", "user_agent", "authorization", "accept_mimetypes",
    "if_none_match", "range", "root_path", "script_root", "server", "is_secure", "date", "referrer", "max_content_length", "trusted_hosts", "json",
    "max_forwards", "pragma", "cache_control", "origin", "remote_user", "is_multithread", "want_form_data_parsed", "no_such_name", "max_form_parts",
    "accept_languages", "if_modified_since", "content_encoding", "shallow", "extra", "max_form_memory_size", "access_control_request_method",
]  # fmt: skip
ERRORS = ["ValueError", "KeyError", "ZeroDivisionError", "RuntimeError", "LookupError", "Exception", "HTTPException", "NotFound", "BadRequestKeyError",
          "OwnHTTP", "Elsewhere", "BadRequest", "MethodNotAllowed", "InternalServerError", "RequestRedirect"]  # fmt: skip
TEMPLATES = ["page.html", "child.html", "plain.txt", "broken.html", "filters.html", "blue.html", "none.html"]
STRINGS = ["<i>{{ name }}</i>", "{{ request.path }}", "{{ g.x }}{{ session.a }}", "{{ url_for('plain') }}", "{{ 1/0 }}", "{{ config['OWN'] }}", "{% bad",
           "{{ name|twice }}", "{{ extra }}{{ get_flashed_messages(with_categories=true) }}", "{{ {'a': '<'}|tojson }}", "{{ current_app }}"]  # fmt: skip
FILES = ["static/a.txt", "static/b.json", "static/none", "templates/page.html"]
