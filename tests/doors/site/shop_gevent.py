"""The shop in gevent's own server."""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402 - gevent wants to be first

from gevent.pywsgi import WSGIServer  # noqa: E402 - as above
from shop import app  # noqa: E402 - as above

if __name__ == "__main__":
    WSGIServer(("127.0.0.1", int(sys.argv[1])), app, log=None).serve_forever()
