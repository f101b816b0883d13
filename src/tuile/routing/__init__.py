"""Find the rule for a path, and build the URL of an endpoint."""
