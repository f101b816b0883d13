"""Which rule answers a path, and which URL belongs to an endpoint."""
