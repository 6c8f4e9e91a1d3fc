"""The intent of a release: which version of a service is wanted, and how it gets its traffic.

Pulumi declares it; the release controller (Argo Rollouts on a cluster) keeps the revisions and moves the
weights. `service` is the template of one revision; its digest names the revision.
"""

import hashlib

from pydantic import Field

from infra.contracts.workload import Name, Service, Strict


class CanaryStep(Strict):
    weight_percent: int = Field(ge=1, le=100, description="share of traffic for the candidate")
    hold_seconds: float = Field(default=2.0, ge=0, description="how long the candidate must stay healthy at it")


class Release(Strict):
    """`service.name` is the name that the gateway routes to; the steps end at 100 % whatever they say."""

    name: Name
    service: Service
    version: str = Field(description="what a person calls it, such as the model's version")
    path_prefix: str = Field(default="/", pattern=r"^/")
    steps: tuple[CanaryStep, ...] = (
        CanaryStep(weight_percent=10),
        CanaryStep(weight_percent=50),
    )
    commit: str | None = None
    attempt: int = Field(default=1, ge=1, description="a refused release is tried again when this changes")

    @property
    def revision(self) -> str:
        """Ten hex digits that name the template: the same template is the same revision."""
        return hashlib.sha256(self.service.model_dump_json().encode()).hexdigest()[:10]
