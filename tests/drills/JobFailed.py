"""The registry is gone while a training run asks it for the champion, as every run does."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from infra.local.supervisor import Supervisor
from tests.support.drill import Drill
from tests.support.live import Highway

PIPELINE, STEP, REGISTRY = "train", "champion", "mlflow"


@contextmanager
def registry_gone(highway: Highway) -> Iterator[Mapping[str, str]]:
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


DRILL = Drill(
    fault=registry_gone, labels={"pipeline": PIPELINE, "step": STEP}, mitigation=("mend", "again"), refusal="failed"
)
