"""Request a URL once, without following redirects, for the cookies of its response."""

from __future__ import annotations

import http.client
import ssl
import threading
from datetime import datetime, timezone
from queue import Empty, Queue
from urllib.parse import quote, urlsplit

from tuile.user_agent.sites import canonicalize_host

from .responses import Exchange, Unreadable

_TIMEOUT_S = 20
#: For all of it: a server that sends an octet now and then never runs into the other one.
_LONGEST_S = 40


def request_url(url: str, *, insecure: bool = False) -> Exchange:
    """Return the exchange of a GET request.

    Args:
        url: An http or https URL.
        insecure: Whether to accept any certificate.

    Raises:
        Unreadable: If there is no usable response.
    """
    try:
        parts = urlsplit(url)
        host, port = canonicalize_host(parts.hostname or ""), parts.port
    except ValueError as error:
        raise Unreadable(f"{url!r} is not a URL: {error}.") from None
    if host is None:
        raise Unreadable(f"{url!r} has no valid host.")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~") + (
        f"?{quote(parts.query, safe='/%:@!$&()*+,;=~?')}" if parts.query else ""
    )
    connection: http.client.HTTPConnection
    if parts.scheme.lower() == "https":
        context = ssl.create_default_context()
        if insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    answers: Queue[tuple[int, tuple[str, ...]] | Exception] = Queue()
    threading.Thread(target=_ask, args=(connection, path, answers), daemon=True).start()
    try:
        answer = answers.get(timeout=_LONGEST_S)
    except Empty:
        raise Unreadable(f"{url} gives no response within {_LONGEST_S} seconds.") from None
    try:
        if isinstance(answer, Exception):
            raise answer
    except ssl.SSLCertVerificationError as error:
        raise Unreadable(f"{url}: {error.verify_message}. To accept any certificate, add --insecure.") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreadable(f"{url} gives no response: {str(error) or type(error).__name__}") from None
    status, lines = answer
    return Exchange(url, "GET", status, lines, "", date=datetime.now(timezone.utc))


def _ask(
    connection: http.client.HTTPConnection, path: str, answers: Queue[tuple[int, tuple[str, ...]] | Exception]
) -> None:
    """Send the request, and put the status and the Set-Cookie lines, or the error, into the queue."""
    try:
        connection.request("GET", path, headers={"User-Agent": "tuile-explain", "Accept": "text/html,*/*"})
        response = connection.getresponse()
        answers.put((response.status, tuple(response.headers.get_all("Set-Cookie") or ())))
    except Exception as error:  # noqa: BLE001 - raised where it is waited for
        answers.put(error)
    finally:
        connection.close()
