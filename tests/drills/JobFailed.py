"""The registry is gone while a training run wants to register its model."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from infra.local.supervisor import Supervisor
from tests.support.drill import Drill
from tests.support.live import Highway

PIPELINE, STEP, REGISTRY = "train", "register", "mlflow"


@contextmanager
def registry_gone(highway: Highway) -> Iterator[Mapping[str, str]]:
    _forget(highway)
    supervisor = Supervisor(highway.home)
    supervisor.stop(REGISTRY)
    highway.run("train", expect=1)
    try:
        yield {}
    finally:
        status = supervisor.status(REGISTRY)
        if status is None or not status.is_running:
            highway.run("up", "--platform-only")
            highway.run("train")


def _forget(highway: Highway) -> None:
    """Without its record the step runs again, though nothing changed; all before it stays done."""
    records = list((highway.home.data / "storage" / "pipelines" / PIPELINE / "steps").glob("*.json"))
    mine = [record for record in records if json.loads(record.read_text())["step"] == STEP]
    assert mine, f"no step {STEP} was recorded"
    for record in mine:
        record.unlink()


DRILL = Drill(
    fault=registry_gone, labels={"pipeline": PIPELINE, "step": STEP}, mitigation=("mend", "again"), refusal="failed"
)
