"""From the server's call to the view and back: the steps of a request, the fast path, errors and return values."""
