"""Keys: the key ring, signed and encrypted tokens, and the keys of an application."""
