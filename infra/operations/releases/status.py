"""What the release controller shows of itself: /health and /metrics on loopback."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from infra.contracts.names import RELEASE_ERRORS_TOTAL, RELEASE_INFO, RELEASE_WEIGHT_PERCENT, SERVICE_LABEL
from infra.operations.releases.state import StateError, StateFile, known_services


class ReleaseMetrics(Collector):
    """Read from the state files at every scrape, so that they are what a restarted controller would go by."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self.errors = Counter(
            RELEASE_ERRORS_TOTAL, "Turns of the controller that failed", [SERVICE_LABEL], registry=self.registry
        )

    def collect(self) -> Iterator[Metric]:
        info = GaugeMetricFamily(
            RELEASE_INFO, "The stable revision", labels=[SERVICE_LABEL, "version", "revision", "phase"]
        )
        weight = GaugeMetricFamily(RELEASE_WEIGHT_PERCENT, "The candidate's share of requests", labels=[SERVICE_LABEL])
        for service in known_services(self._folder):
            try:
                state = StateFile.of(self._folder, service).load()
            except StateError:
                continue  # counted as an error of each turn
            if state is None:
                continue
            version, revision = (state.stable.release.version, state.stable.digest) if state.stable else ("", "")
            info.add_metric([service, version, revision, state.phase], 1)
            weight.add_metric([service], state.weight_percent)
        yield info
        yield weight


def serve(port: int, metrics: ReleaseMetrics) -> ThreadingHTTPServer:
    """Answer in the background; the caller keeps the server as long as it lives."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            match self.path:
                case "/health":
                    self._answer(200, "text/plain", b"ok\n")
                case "/metrics":
                    self._answer(200, CONTENT_TYPE_LATEST, generate_latest(metrics.registry))
                case _:
                    self._answer(404, "text/plain", b"only /health and /metrics are here\n")

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Probes and scrapes are not worth a line."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="status", daemon=True).start()
    return server
