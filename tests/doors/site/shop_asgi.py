"""The shop behind a2wsgi, as it is served by an ASGI server."""

from a2wsgi import WSGIMiddleware
from shop import app as shop  # type: ignore[import-not-found] # in the folder it is served from

app = WSGIMiddleware(shop)
