"""Disk and services as metrics, measured when Prometheus asks."""

from collections.abc import Callable, Iterator, Sequence

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from infra.contracts.names import DISK_FREE_BYTES, DISK_SIZE_BYTES, WORKLOAD_LABEL, WORKLOAD_RESTARTS, WORKLOAD_UP
from infra.operations.exporter.disk import Disk
from infra.operations.exporter.workloads import Workload


class SubstrateCollector(Collector):
    def __init__(self, disk: Disk, services: Callable[[], Sequence[Workload]]) -> None:
        self._disk = disk
        self._services = services

    def collect(self) -> Iterator[Metric]:
        space = self._disk.space()
        yield GaugeMetricFamily(DISK_SIZE_BYTES, "What the highway's data and logs may fill.", space.size_bytes)
        yield GaugeMetricFamily(DISK_FREE_BYTES, "What is left of it.", space.free_bytes)
        up = GaugeMetricFamily(WORKLOAD_UP, "1 when the supervisor says that it runs.", labels=[WORKLOAD_LABEL])
        restarts = CounterMetricFamily(WORKLOAD_RESTARTS, "Starts beyond the first.", labels=[WORKLOAD_LABEL])
        for workload in self._services():
            up.add_metric([workload.name], float(workload.is_up))
            restarts.add_metric([workload.name], workload.restarts)
        yield up
        yield restarts
