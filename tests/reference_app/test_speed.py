"""How fast the app starts and answers, and what it holds in memory; run alone, the figures are printed (`-s`).

The bounds are those the app promises (slos/) or is given (its release), not what it can do.
"""

import statistics
import time
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from reference_app.settings import Settings
from release_config import ReleaseConfig
from release_spec import release_of

from infra.contracts.outputs import PlatformOutputs
from tests.support.app_process import running_app
from tests.support.platform_outputs import PLATFORM

pytestmark = pytest.mark.nightly

WARM_UP, REQUESTS = 100, 2000
LATENCY_OBJECTIVE_SECONDS = 0.1


def test_a_single_client_is_answered_within_the_objective(settings: Settings, flight: dict[str, Any], tmp_path: Path):
    platform = PlatformOutputs.parse(PLATFORM)
    registry = platform.registry.model_copy(update={"bundles_uri": settings.bundles.as_uri()})
    storage = platform.storage.model_copy(update={"data_uri": tmp_path.as_uri()})
    values = {"model_version": "7", "model_digest": settings.model_digest, "app_digest": settings.model_digest}
    service = release_of(ReleaseConfig.parse(values), registry, storage).service
    with running_app(service.environment, tmp_path) as app, httpx2.Client(base_url=app.url, trust_env=False) as client:
        seconds = []
        for _ in range(WARM_UP + REQUESTS):
            started = time.perf_counter()
            assert client.post("/predict", json=flight).status_code == 200
            seconds.append(time.perf_counter() - started)
        memory = psutil.Process(app.process.pid).memory_full_info()
        percentiles = statistics.quantiles(seconds[WARM_UP:], n=100)
        p50, p99 = percentiles[49], percentiles[98]
        pss = getattr(memory, "pss", memory.rss)  # Linux only
        print(
            f"\nready after {app.seconds_to_ready:.2f} s; p50 {p50 * 1000:.2f} ms, p99 {p99 * 1000:.2f} ms; "
            f"RSS {memory.rss >> 20} MiB, PSS {pss >> 20} MiB"
        )
        assert p99 <= LATENCY_OBJECTIVE_SECONDS
        assert pss <= service.resources.memory_bytes
