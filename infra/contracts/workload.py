"""The workload contract: what may run on the highway, in a strict subset of Kubernetes semantics.

A spec is a pure value. Renderers turn it into supervised processes (`infra.local.plan`) or Kubernetes
manifests (`infra.kubernetes.manifests`), and one conformance suite (`tests/conformance`) holds both to the
meaning that the fields below state.

`$(NAME)` in `command` is replaced from the environment, as the kubelet does (`infra.contracts.expansion`).
A service with a port listens on `$(HOST)` (loopback locally, all addresses in a pod) and `$(PORT)`, which the
substrate gives and nobody else may set. A secret is a file:
`secrets` maps an environment variable to a secret's name, and the variable holds the *path* at which the
substrate put it, so no secret is ever in an environment or a command.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from infra.contracts.expansion import references

# RFC 1123 label: the strictest place a name goes to is a Kubernetes Service.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$")]
VARIABLE_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
VariableName = Annotated[str, StringConstraints(pattern=rf"^{VARIABLE_NAME.pattern}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
MEBIBYTE = 1024 * 1024
GIBIBYTE = 1024 * MEBIBYTE
GIVEN = ("HOST", "PORT")
# A CronJob or CronWorkflow appends 11 characters for each run, and a run's name is a label: 63 at most.
SCHEDULED_NAME_LENGTH = 52


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataClassification(StrEnum):
    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"


class Resources(Strict):
    """Limits. Above `memory_bytes` an allocation fails or the process is killed: it ends with a non-zero code."""

    cpus: float = Field(default=1.0, gt=0, description="cores; locally the number of threads numeric libraries use")
    memory_bytes: int = Field(default=512 * MEBIBYTE, ge=16 * MEBIBYTE)
    open_files: int = Field(default=4096, ge=64)


class Probe(Strict):
    """An HTTP GET that answers 200-399, or, without a path, a TCP connection that is accepted. A service is
    ready once its probe has passed within the budget `period_seconds * failure_threshold`, which is how long a
    slow start may take."""

    path: str | None = Field(default=None, pattern=r"^/")
    period_seconds: float = Field(default=1.0, gt=0)
    timeout_seconds: float = Field(default=2.0, gt=0)
    failure_threshold: int = Field(default=60, ge=1)

    @property
    def budget_seconds(self) -> float:
        return self.period_seconds * self.failure_threshold


class Workload(Strict):
    """What services, jobs and pipelines all say about themselves."""

    name: Name
    owner: str = Field(min_length=1, description="the team that answers for it")
    data_classification: DataClassification
    slos: tuple[str, ...] = Field(default=(), description="names of the OpenSLO documents it is held to")
    runbook: str | None = Field(default=None, description="path below runbooks/")


class Runnable(Workload):
    """Something with a command."""

    command: tuple[str, ...] = Field(min_length=1)
    bundle: Digest | None = Field(default=None, description="the code it runs; none means the platform's own")
    environment: dict[VariableName, str] = Field(default_factory=dict)
    secrets: dict[VariableName, Name] = Field(default_factory=dict)
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _variables_are_known(self) -> Self:
        known = {*self.environment, *self.secrets, *self._given_variables()}
        for argument in self.command:
            for variable in references(argument):
                # What is no variable's name, such as a shell's $(date), is left to the command.
                if variable not in known and VARIABLE_NAME.fullmatch(variable):
                    raise ValueError(
                        f"command uses $({variable}), which is neither in environment nor in secrets; "
                        + ("give the service a port" if variable in GIVEN else f"write $$({variable}) for the text")
                    )
        if taken := set(GIVEN) & {*self.environment, *self.secrets}:
            raise ValueError(f"{', '.join(sorted(taken))}: given by the substrate to a service with a port; rename it")
        if both := set(self.environment) & set(self.secrets):
            raise ValueError(f"{', '.join(sorted(both))}: in environment and in secrets; choose one")
        return self

    def _given_variables(self) -> tuple[str, ...]:
        """What the substrate adds to the environment for the command to use."""
        return ()


class Service(Runnable):
    """Runs until told to stop; whatever ends it, it is started again, ever more slowly if it keeps failing.

    On SIGTERM it has `drain_seconds` to finish what it has; then it is killed."""

    kind: Literal["Service"] = "Service"
    port: int | None = Field(default=None, ge=1, le=65535, description="listens here on clusters; locally $(PORT)")
    readiness: Probe | None = None
    metrics_path: str | None = Field(default=None, pattern=r"^/")
    drain_seconds: int = Field(default=10, ge=1)
    replicas: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _probes_need_a_port(self) -> Self:
        if self.port is None and (self.readiness or self.metrics_path):
            raise ValueError("readiness and metrics_path need a port")
        return self

    def _given_variables(self) -> tuple[str, ...]:
        return GIVEN if self.port is not None else ()


def _check_name_of_runs(name: str, schedule: str | None) -> None:
    if schedule is not None and len(name) > SCHEDULED_NAME_LENGTH:
        raise ValueError(f"name {name!r}: use at most {SCHEDULED_NAME_LENGTH} characters with a schedule")


class Job(Runnable):
    """Runs to its end. Exit code 0 is success; anything else is tried again `retries` times, and after
    `timeout_seconds` (of one attempt) the attempt is killed and counts as failed."""

    kind: Literal["Job"] = "Job"
    retries: int = Field(default=0, ge=0)
    timeout_seconds: int = Field(default=3600, ge=1)
    schedule: str | None = Field(default=None, description="cron, UTC")

    @model_validator(mode="after")
    def _runs_have_names(self) -> Self:
        _check_name_of_runs(self.name, self.schedule)
        return self


class Step(Job):
    """A job of a pipeline. `inputs` and `outputs` are names of artifacts; a step that reads an artifact needs
    the step that writes it.

    A step with `map_over` runs once for each partition (top-level folder) of that input: it sees of it the one
    folder alone, and what it writes becomes the folder of that name in its outputs."""

    needs: tuple[Name, ...] = ()
    inputs: tuple[Name, ...] = ()
    outputs: tuple[Name, ...] = ()
    map_over: Name | None = Field(default=None, description="one of inputs")
    is_volatile: bool = Field(
        default=False,
        description="reads what no input stands for, so it runs every time; what follows runs if it made something new",
    )

    @model_validator(mode="after")
    def _maps_over_an_input(self) -> Self:
        if self.map_over is not None and self.map_over not in self.inputs:
            raise ValueError(f"map_over {self.map_over!r} is none of the inputs {list(self.inputs)}; add it to them")
        return self


class Pipeline(Workload):
    """A directed acyclic graph of jobs."""

    kind: Literal["Pipeline"] = "Pipeline"
    steps: tuple[Step, ...] = Field(min_length=1)
    parameters: dict[VariableName, str] = Field(default_factory=dict)
    schedule: str | None = Field(default=None, description="cron, UTC")

    @model_validator(mode="after")
    def _runs_have_names(self) -> Self:
        _check_name_of_runs(self.name, self.schedule)
        return self

    @model_validator(mode="after")
    def _is_a_graph(self) -> Self:
        names = [step.name for step in self.steps]
        if len(set(names)) != len(names):
            raise ValueError(f"step names repeat: {names}")
        for step in self.steps:
            if unknown := set(step.needs) - set(names):
                raise ValueError(f"step {step.name} needs {sorted(unknown)}, which are not steps of {self.name}")
        if sum(1 for _ in self.in_order()) != len(names):
            raise ValueError(f"the steps of {self.name} need each other in a circle")
        return self

    def in_order(self) -> Iterator[Step]:
        """The steps, each after all that it needs; ties in declared order. Stops early at a circle."""
        done: set[str] = set()
        waiting = list(self.steps)
        while ready := [step for step in waiting if set(step.needs) <= done]:
            yield ready[0]
            done.add(ready[0].name)
            waiting.remove(ready[0])


WorkloadSpec = Annotated[Service | Job | Pipeline, Field(discriminator="kind")]
