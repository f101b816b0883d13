"""Read the cookies that the test client keeps when it does not imitate a browser."""

from __future__ import annotations

from werkzeug.test import Cookie

from tuile.http.cookies import parse_cookie


def read_set_cookie(server_name: str, path: str, line: str) -> Cookie | None:
    """Parse a Set-Cookie line into the cookie that Werkzeug's client keeps; return None if it has no name."""
    pair, separator, attributes = line.partition(";")
    pairs = parse_cookie(pair)
    if not pairs:
        return None
    name, _, value = pair.partition("=")
    # Werkzeug parses the attributes but not the name: its parser rejects names with a space.
    cookie = Cookie._from_response_header(server_name, path, f"name={value}{separator}{attributes}")
    cookie.key = name.strip(" \t")
    cookie.decoded_key, cookie.decoded_value = pairs[0]
    return cookie
