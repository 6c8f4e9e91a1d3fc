"""A file server on loopback that understands ranges, remembers what it was asked, and can break off."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """`files` by path. `break_off_after` bytes of a body, connections are closed; None: never."""

    files: dict[str, bytes] = field(default_factory=dict)
    url: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)  # path, Range header
    break_off_after: int | None = None
    chunk_pause: threading.Event | None = None  # when set: wait for it in the middle of each body

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


def _handler(server: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked_range = self.headers.get("Range", "")
            server.asked.append((self.path, asked_range))
            content = server.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            start = int(asked_range.removeprefix("bytes=").rstrip("-")) if asked_range else 0
            if start >= len(content) > 0:
                self.send_error(416)
                return
            body = content[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            limit = len(body) if server.break_off_after is None else server.break_off_after
            half = len(body) // 2
            if server.chunk_pause is not None and len(body) > 1000:
                self.wfile.write(body[:half])
                self.wfile.flush()
                server.chunk_pause.wait(20)
                body, limit = body[half:], limit - half
            self.wfile.write(body[:limit])
            if limit < len(body):
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Quiet: the test asks `asked`."""

    return Handler


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[FileServer]:
    state = FileServer(files)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(state)) as server:
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
