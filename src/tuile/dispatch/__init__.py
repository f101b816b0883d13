"""Handle a request: the steps, the fast path, errors and return values."""
