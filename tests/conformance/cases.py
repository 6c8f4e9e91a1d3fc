"""What a spec means, as data: the same cases are run as processes and read off the Kubernetes manifests.

Behaviour is what the program does when it is left alone; the rest of a case is what the substrate makes of it.
`{notes}` in a command is a file that the process side gives the program to write to.
"""

from dataclasses import dataclass
from pathlib import Path

from infra.contracts.workload import MEBIBYTE, DataClassification, Job, Probe, Resources, Service

PROGRAM = ("python", str(Path(__file__).with_name("program.py")))
SAID = {"owner": "platform team", "data_classification": DataClassification.INTERNAL}
MEMORY = 128 * MEBIBYTE
PASSED, FAILED, TIMED_OUT = "passed", "failed", "timed out"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """How an attempt would go by itself: it ends with `exit_code` after `seconds`, holding `allocates` bytes."""

    exit_code: int = 0
    seconds: float = 0
    allocates: int = 0


@dataclass(frozen=True, kw_only=True)
class JobCase:
    """`behaviour`: attempt by attempt, the last one repeating. `attempts`: how each of them ends."""

    name: str
    job: Job
    behaviour: tuple[Attempt, ...]
    attempts: tuple[str, ...]


def _job(*arguments: str, **fields: object) -> Job:
    limits = Resources(memory_bytes=MEMORY)
    return Job.model_validate(
        {"name": "case", **SAID, "command": (*PROGRAM, *arguments), "resources": limits, **fields}
    )


JOBS = (
    JobCase(
        name="exit code 0 is success",
        job=_job("end", "{notes}", "0", retries=2),
        behaviour=(Attempt(),),
        attempts=(PASSED,),
    ),
    JobCase(
        name="any other exit code is a failure",
        job=_job("end", "{notes}", "3"),
        behaviour=(Attempt(exit_code=3),),
        attempts=(FAILED,),
    ),
    JobCase(
        name="a failed attempt is tried again until one passes",
        job=_job("end", "{notes}", "1", "1", "0", retries=5),
        behaviour=(Attempt(exit_code=1), Attempt(exit_code=1), Attempt()),
        attempts=(FAILED, FAILED, PASSED),
    ),
    JobCase(
        name="retries are the attempts beyond the first",
        job=_job("end", "{notes}", "1", retries=2),
        behaviour=(Attempt(exit_code=1),),
        attempts=(FAILED, FAILED, FAILED),
    ),
    JobCase(
        name="the timeout is that of one attempt",
        job=_job("sleep", "{notes}", "60", "obey", retries=1, timeout_seconds=4),
        behaviour=(Attempt(seconds=60),),
        attempts=(TIMED_OUT, TIMED_OUT),
    ),
    JobCase(
        name="an attempt that ignores SIGTERM is killed",
        job=_job("sleep", "{notes}", "60", "ignore", timeout_seconds=4),
        behaviour=(Attempt(seconds=60),),
        attempts=(TIMED_OUT,),
    ),
    JobCase(
        name="an attempt within its timeout is left alone",
        job=_job("sleep", "{notes}", "1", "obey", timeout_seconds=20),
        behaviour=(Attempt(seconds=1),),
        attempts=(PASSED,),
    ),
    JobCase(
        name="what fits into the memory passes",
        job=_job("allocate", "{notes}", str(MEMORY // 2)),
        behaviour=(Attempt(allocates=MEMORY // 2),),
        attempts=(PASSED,),
    ),
    JobCase(
        name="what does not fit into the memory fails, and is tried again",
        job=_job("allocate", "{notes}", str(MEMORY * 4), retries=1),
        behaviour=(Attempt(allocates=MEMORY * 4),),
        attempts=(FAILED, FAILED),
    ),
)


@dataclass(frozen=True, kw_only=True)
class ServiceCase:
    """A server that listens `start_seconds` after its start and is asked, just before it is told to end,
    something that takes `answer_seconds`. `is_ready`: it was within its budget; `is_answered`: so was the answer
    within the drain. `ends_within_seconds`: of being told."""

    name: str
    service: Service
    start_seconds: float = 0
    answer_seconds: float = 0
    is_ready: bool = True
    is_answered: bool = True
    ends_within_seconds: float = 0


def _server(
    start_seconds: float, sigterm: str = "drain", budget_seconds: float = 10, drain_seconds: int = 5
) -> Service:
    return Service(
        name="case",
        **SAID,
        command=(*PROGRAM, "serve", "$(HOST)", "$(PORT)", str(start_seconds), sigterm),
        port=8080,
        readiness=Probe(path="/", period_seconds=0.5, failure_threshold=int(budget_seconds * 2)),
        drain_seconds=drain_seconds,
    )


SERVERS = (
    ServiceCase(
        name="a slow start within the budget is waited for", service=_server(3), start_seconds=3, ends_within_seconds=5
    ),
    ServiceCase(
        name="a start beyond the budget is a failure",
        service=_server(60, budget_seconds=2),
        start_seconds=60,
        is_ready=False,
    ),
    ServiceCase(
        name="what is under way at SIGTERM is finished",
        service=_server(0),
        answer_seconds=2,
        ends_within_seconds=5,
    ),
    ServiceCase(
        name="after the drain it is killed",
        service=_server(0, drain_seconds=1),
        answer_seconds=30,
        is_answered=False,
        ends_within_seconds=1,
    ),
    ServiceCase(
        name="a server that ignores SIGTERM is killed after the drain",
        service=_server(0, sigterm="ignore", drain_seconds=2),
        answer_seconds=30,
        is_answered=False,
        ends_within_seconds=2,
    ),
)

# What ends is started again, whatever its exit code, each time after a longer wait.
RESTARTED = tuple(Service(name="case", **SAID, command=(*PROGRAM, "end", "{notes}", code)) for code in ("0", "1"))

# What a process is told of its spec.
TOLD = Service(
    name="case",
    **SAID,
    command=(
        *PROGRAM,
        "tell",
        "{notes}",
        "$(HOST):$(PORT)",
        "$(GREETING)!",
        "$$(GREETING)",
        "$(date)",
        "$(A_SECRET_FILE)",
    ),
    environment={"GREETING": "$(PORT) for $$ 5", "EMPTY": ""},
    secrets={"A_SECRET_FILE": "conformance-secret"},
    resources=Resources(cpus=2),
    port=8080,
)
SECRET = "correct horse battery staple"
TOLD_ARGUMENTS = ("{host}:{port}", "$(PORT) for $$ 5!", "$(GREETING)", "$(date)", "{secret}")
