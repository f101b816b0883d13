"""`make run`: serve examples/cookies on port 5000, or on the next free one, and say where."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

HOST = "127.0.0.1"
FIRST_PORT = 5000
PORTS_TRIED = 100
EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "cookies"


def is_free(port: int) -> bool:
    """Whether a server could listen on this port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the development server does, so that a port in TIME_WAIT after a restart counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def first_free_port() -> int:
    """The first port from 5000 on that nobody listens on."""
    for port in range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        if is_free(port):
            return port
    sys.exit(f"No free port from {FIRST_PORT} to {FIRST_PORT + PORTS_TRIED - 1}: stop another server and try again.")


def main() -> None:
    """Become the development server."""
    port = first_free_port()
    if port != FIRST_PORT:
        print(f"Port {FIRST_PORT} is taken; using {port}.")
    print(f"\n    The cookie example: http://{HOST}:{port}\n    Stop it with Ctrl+C.\n", flush=True)
    os.chdir(EXAMPLE)
    command = [sys.executable, "-m", "tuile", "run", "--host", HOST, "--port", str(port)]
    os.execv(sys.executable, command)  # the server takes this process's place


if __name__ == "__main__":
    main()
