"""A probe says no to whatever is not a whole, good answer; it never raises."""

import socket
import threading

import pytest

from infra.contracts.workload import Probe
from infra.local.readiness import answers


@pytest.mark.parametrize(
    ("told", "is_ready"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", False),
        (b"220 mail.example ESMTP\r\n", False),
        (b"", False),
    ],
)
def test_only_a_good_http_answer_is_ready(told: bytes, is_ready: bool):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(told)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        assert answers(f"127.0.0.1:{port}", Probe(path="/", timeout_seconds=2)) is is_ready
        thread.join(5)
