"""Revisions of a released service as processes: `<service>-<revision>` under the supervisor, side by side."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from infra.contracts.bundle import BundleError
from infra.contracts.files import write_atomically
from infra.contracts.names import OWNER_LABEL, SERVICE_LABEL
from infra.contracts.release import Release
from infra.contracts.workload import Service
from infra.local.home import Home
from infra.local.ports import PortTakenError
from infra.local.readiness import answers
from infra.local.supervisor import Supervisor, WorkloadFailedError
from infra.local.supervisor_rpc import SupervisorUnavailableError
from infra.operations.releases.controller import RevisionFailedError


def revision_name(release: Release) -> str:
    return f"{release.service.name}-{release.revision}"


@dataclass
class SupervisedRevisions:
    """`Revisions` of the release controller on one machine. Prometheus is told of each while it runs."""

    home: Home
    _restarts: dict[str, int] = field(default_factory=dict, init=False)

    def start(self, release: Release) -> str:
        """Raises `RevisionFailedError`."""
        try:
            service = Service.model_validate({**release.service.model_dump(), "name": revision_name(release)})
            running = Supervisor(self.home).apply(service)
        except ValidationError as error:
            raise RevisionFailedError(f"{release.service.name}: no revision can be named: {error}") from error
        except (WorkloadFailedError, BundleError, PortTakenError, SupervisorUnavailableError, OSError) as error:
            raise RevisionFailedError(str(error)) from error
        if running.address is None:
            raise RevisionFailedError(f"{service.name} has no port, so no request can reach it; give the service one")
        self._restarts[service.name] = self._restarts_so_far(service.name)
        self._show(release, running.address)
        return running.address

    def stop(self, release: Release) -> None:
        """What is stopped on purpose is not scraped any longer, so that no alert tells of it."""
        name = revision_name(release)
        self._targets(name).unlink(missing_ok=True)
        Supervisor(self.home).remove(name)
        self._restarts.pop(name, None)

    def problem(self, release: Release, address: str) -> str | None:
        name = revision_name(release)
        try:
            status = Supervisor(self.home).status(name)
        except SupervisorUnavailableError:
            # Processes outlive a supervisor that was killed: the revision itself is asked, below.
            pass
        else:
            if status is None:
                return f"{name} is not known to the supervisor"
            if status.restarts > self._restarts.setdefault(name, status.restarts):
                return f"{name} ended and was started again; see `highway logs {name}`"
            if not status.is_running:
                return f"{name} is {status.state}; see `highway logs {name}`"
        probe = release.service.readiness
        if probe is not None and not answers(address, probe):
            return f"{name} does not pass its probe {probe.path or 'of its port'}; see `highway logs {name}`"
        return None

    def _restarts_so_far(self, name: str) -> int:
        status = Supervisor(self.home).status(name)
        return status.restarts if status else 0

    def _targets(self, name: str) -> Path:
        return self.home.scrape_targets / f"{name}.json"

    def _show(self, release: Release, address: str) -> None:
        service = release.service
        if service.metrics_path is None:
            return
        labels = {
            SERVICE_LABEL: service.name,
            OWNER_LABEL: service.owner,
            "revision": release.revision,
            "version": release.version,
            "__metrics_path__": service.metrics_path,
        }
        content = json.dumps([{"targets": [address], "labels": labels}])
        write_atomically(self._targets(revision_name(release)), content)
