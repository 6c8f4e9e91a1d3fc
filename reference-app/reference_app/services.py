"""What the routes share, handed to them by FastAPI instead of through globals."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from infra.contracts.clock import Clock
from reference_app.hot_swap import HotSwap
from reference_app.lifecycle import Lifecycle
from reference_app.metrics import Metrics
from reference_app.predictor import Predictor
from reference_app.settings import Settings


@dataclass(frozen=True)
class Services:
    """Made once by `create_app`."""

    settings: Settings
    clock: Clock
    lifecycle: Lifecycle
    metrics: Metrics
    predictor: Predictor
    hot_swap: HotSwap | None = None  # when operators may load another model
    # What a clean stop does last, in this order; each is given the seconds that it may take.
    finishers: tuple[Callable[[float], None], ...] = ()


def _services(request: Request) -> Services:
    return cast(Services, request.app.state.services)


Shared = Annotated[Services, Depends(_services)]
