"""The program that the conformance cases run: it does what its arguments say, and nothing else.

Standard library only, so that the same file runs in any image that has a Python.
"""

import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import ThreadingMixIn


def note(path: str) -> int:
    """Append the time to `path`; returns how often this was done."""
    with Path(path).open("a") as stream:
        stream.write(f"{time.time()}\n")
    return len(Path(path).read_text().splitlines())


def end(notes: str, *codes: str) -> None:
    """The n-th start ends with the n-th code, later ones with the last."""
    sys.exit(int(codes[min(note(notes), len(codes)) - 1]))


def sleep(notes: str, seconds: str, sigterm: str) -> None:
    """`sigterm` is "obey" or "ignore"."""
    if sigterm == "ignore":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note(notes)
    time.sleep(float(seconds))


def allocate(notes: str, size_bytes: str) -> None:
    note(notes)
    block = bytearray(int(size_bytes))
    block[::4096] = b"x" * len(block[::4096])  # touched, or a kernel would only promise it


def tell(notes: str, *arguments: str) -> None:
    """Write down what this process was given: arguments, environment and the files that it names."""
    lines = [f"argument {argument}" for argument in arguments]
    lines += [f"variable {name}={value}" for name, value in sorted(os.environ.items())]
    lines += [
        f"file {name}={Path(path).read_text()}" for name, path in os.environ.items() if name.endswith("_SECRET_FILE")
    ]
    Path(notes).write_text("\n".join(lines))


class Server(ThreadingMixIn, HTTPServer):
    daemon_threads = False  # closing waits for answers that are under way


class Answer(BaseHTTPRequestHandler):
    """GET /<seconds> answers after that time."""

    def do_GET(self) -> None:
        time.sleep(float(self.path.strip("/") or 0))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"done")

    def log_message(self, format: str, *args: object) -> None:
        pass


def serve(host: str, port: str, start_seconds: str, sigterm: str) -> None:
    """`sigterm` is "drain" or "ignore"."""
    time.sleep(float(start_seconds))
    with Server((host, int(port)), Answer) as server:
        drain = threading.Thread(target=server.shutdown)
        signal.signal(signal.SIGTERM, signal.SIG_IGN if sigterm == "ignore" else lambda *_: drain.start())
        server.serve_forever(poll_interval=0.05)


if __name__ == "__main__":
    verbs = {"end": end, "sleep": sleep, "allocate": allocate, "tell": tell, "serve": serve}
    verbs[sys.argv[1]](*sys.argv[2:])
