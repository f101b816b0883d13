"""WebSockets of ASGI servers: the handshake, the hooks and the view, the messages, and the end."""
