"""The shop in gevent's own server."""

from gevent import monkey  # type: ignore[import-untyped] # it has no types

monkey.patch_all()

import sys  # noqa: E402 - gevent wants to be first

from gevent.pywsgi import WSGIServer  # type: ignore[import-untyped] # noqa: E402 - as above
from shop import app  # type: ignore[import-not-found] # noqa: E402 - in the folder it is served from

if __name__ == "__main__":
    WSGIServer(("127.0.0.1", int(sys.argv[1])), app, log=None).serve_forever()
