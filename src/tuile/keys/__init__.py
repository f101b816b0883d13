"""Keys and what is made with them: the key ring, signed and encrypted tokens, the keys of an application."""
