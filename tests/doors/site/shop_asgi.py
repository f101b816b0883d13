"""The shop behind a2wsgi, as it is served by an ASGI server."""

from a2wsgi import WSGIMiddleware
from shop import app as shop

app = WSGIMiddleware(shop)  # type: ignore[arg-type] # its own idea of what a WSGI application is
