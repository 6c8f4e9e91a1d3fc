"""A workload as one machine runs it: everything resolved, ready to exec. The process renderer of the contract.

`infra.local.launch` executes a plan; the supervisor's configuration names only the plan's path, so neither
`ps` nor the supervisor ever sees an environment or a secret.
"""

import hashlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.contracts import bundle
from infra.contracts.expansion import expand
from infra.contracts.jobs import SYSTEM_PATH, inherited
from infra.contracts.names import THREAD_VARIABLES
from infra.contracts.workload import Job, Runnable, Service
from infra.local.home import HOME_VARIABLE, WORKLOAD_VARIABLE, Home


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`spec_digest` is that of the spec it was made from; `starts` counts starts, one byte each."""

    name: str
    argv: list[str]
    environment: dict[str, str]
    directory: str
    memory_bytes: int
    open_files: int
    starts: str
    spec: str
    spec_digest: str

    @classmethod
    def read(cls, path: Path) -> "Plan":
        return cls(**json.loads(path.read_text()))

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, sort_keys=True)

    def is_same_work(self, other: "Plan") -> bool:
        """Whether both run the same thing in the same place; what is inherited from a caller does not count."""
        return self._identity() == other._identity()

    def _identity(self) -> tuple[object, ...]:
        return self.spec_digest, self.argv, self.directory, self.environment.get("PORT"), self.memory_bytes


def spec_digest(spec: Runnable) -> str:
    return "sha256:" + hashlib.sha256(spec.model_dump_json().encode()).hexdigest()


def plan(spec: Service | Job, home: Home, port: int | None, extra: dict[str, str] | None = None) -> Plan:
    """Resolve `spec` on this machine: port, secret paths, the unpacked bundle, `$(NAME)`.

    `extra` is added to the environment and is not part of the spec's identity (a run's own values).
    Raises `bundle.BundleError` when the code it names is absent or altered.
    """
    directory = home.repo
    environment = inherited(os.environ)
    own_tools = (Path(sys.executable).parent, home.root / "tools" / "bin")
    environment |= {
        "PATH": os.pathsep.join([*map(str, own_tools), *SYSTEM_PATH]),
        "PYTHONPYCACHEPREFIX": str(home.root / "cache" / "pycache"),
        "PYTHONUNBUFFERED": "1",
        "TZ": "UTC",
        HOME_VARIABLE: str(home.root),
        WORKLOAD_VARIABLE: spec.name,
    }
    environment |= dict.fromkeys(THREAD_VARIABLES, str(max(1, int(spec.resources.cpus))))
    if spec.bundle:
        directory = bundle.unpack(home.bundles, spec.bundle, home.run / "bundles")
        environment["PYTHONPATH"] = str(directory)
    if port is not None:
        environment |= {"HOST": "127.0.0.1", "PORT": str(port)}
    environment |= spec.environment
    environment |= {variable: str(home.secret(name)) for variable, name in spec.secrets.items()}
    environment |= extra or {}
    return Plan(
        name=spec.name,
        argv=[expand(argument, environment) for argument in spec.command],
        environment=environment,
        directory=str(directory),
        memory_bytes=spec.resources.memory_bytes,
        open_files=spec.resources.open_files,
        starts=str(home.run / "workloads" / f"{spec.name}.starts"),
        spec=spec.model_dump_json(),
        spec_digest=spec_digest(spec),
    )
