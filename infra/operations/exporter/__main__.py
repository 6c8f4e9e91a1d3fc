"""`python -m infra.operations.exporter`: metrics of the substrate on 127.0.0.1:$PORT."""

import os
import signal

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server

from infra.local.home import Home
from infra.local.supervisor import Supervisor
from infra.operations.exporter.collector import SubstrateCollector
from infra.operations.exporter.disk import BUDGET_VARIABLE, Disk
from infra.operations.exporter.workloads import services
from infra.operations.server import LOOPBACK, PORT_VARIABLE


def main() -> None:
    """Serve until SIGTERM. Raises `KeyError` without PORT."""
    home = Home.from_environment()
    budget = os.environ.get(BUDGET_VARIABLE)
    disk = Disk((home.data, home.logs), int(budget) if budget else None)
    registry = CollectorRegistry()
    registry.register(SubstrateCollector(disk, lambda: services(home, Supervisor(home))))
    ProcessCollector(registry=registry)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    server, thread = start_http_server(int(os.environ[PORT_VARIABLE]), addr=LOOPBACK, registry=registry)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.shutdown()
    thread.join()


if __name__ == "__main__":
    main()
