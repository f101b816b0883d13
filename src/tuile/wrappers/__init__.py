"""The request and response objects."""
