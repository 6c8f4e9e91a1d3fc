"""What the release controller remembers of one service, in `<service>.state.json` beside the intent."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pydantic import AwareDatetime, Field, ValidationError

from infra.contracts.errors import HighwayError
from infra.contracts.files import write_atomically
from infra.contracts.release import Release
from infra.contracts.workload import Name, Strict

STATE_SUFFIX = ".state.json"
INTENT_SUFFIX = ".json"


class Phase(StrEnum):
    """IDLE, PROMOTED and ROLLED_BACK are at rest: no candidate. In the others there is one."""

    IDLE = "idle"
    ANNOUNCED = "announced"
    STARTING = "starting"
    SHIFTING = "shifting"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"


class Revision(Strict):
    """A release and where its processes listen (host:port; none before it was started)."""

    release: Release
    address: str | None = None

    @property
    def digest(self) -> str:
        return self.release.revision


class Retiring(Strict):
    """A revision that gets no requests since `since` and is stopped soon after."""

    revision: Revision
    since: AwareDatetime


class ReleaseState(Strict):
    """Written before what it says is done; doing it again changes nothing, so any state can be resumed."""

    service: Name
    phase: Phase = Phase.IDLE
    changed_at: AwareDatetime = Field(description="when this phase, or this step of it, began")
    release_id: str | None = Field(default=None, description="one try of one release")
    announced_at: AwareDatetime | None = None
    release: Release | None = Field(default=None, description="what was tried, whatever became of it")
    stable: Revision | None = None
    candidate: Revision | None = None
    step: int = Field(default=0, ge=0, description="index into the candidate's steps, while shifting")
    retiring: tuple[Retiring, ...] = ()
    reason: str | None = Field(default=None, description="why the last release was rolled back")
    refused: str | None = Field(default=None, description="digest of the intent that failed, not tried again")

    @property
    def weight_percent(self) -> int:
        """The candidate's share of requests in this state."""
        if self.phase is not Phase.SHIFTING or self.candidate is None:
            return 0
        return self.candidate.release.steps[self.step].weight_percent

    @property
    def the_candidate(self) -> Revision:
        """Raises `ValueError` at rest."""
        if self.candidate is None:
            raise ValueError(f"{self.service} is {self.phase} without a candidate")
        return self.candidate


class StateError(HighwayError):
    """A state file that this version cannot read; the message says what to do."""


@dataclass(frozen=True)
class StateFile:
    path: Path

    @classmethod
    def of(cls, folder: Path, service: str) -> "StateFile":
        return cls(folder / f"{service}{STATE_SUFFIX}")

    def load(self) -> ReleaseState | None:
        """None when the controller knows nothing of the service. Raises `StateError`."""
        try:
            return ReleaseState.model_validate_json(self.path.read_text())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise StateError(
                f"{self.path} is not a state of this version; remove it to release anew without a canary: {error}"
            ) from error

    def save(self, state: ReleaseState) -> None:
        write_atomically(self.path, state.model_dump_json(indent=1))


class IntentError(HighwayError):
    """An intent that cannot be acted on; the message says why."""


def read_intent(folder: Path, service: str) -> Release | None:
    """What Pulumi declared; None when nothing is wanted. Raises `IntentError`."""
    path = folder / f"{service}{INTENT_SUFFIX}"
    try:
        release = Release.model_validate_json(path.read_text())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise IntentError(f"{path} is not a release: {error}") from error
    if release.service.name != service:
        raise IntentError(f"{path} is for service {release.service.name}; it belongs into another file")
    return release


def known_services(folder: Path) -> list[str]:
    """Those with an intent or a state."""
    names = {path.name for path in folder.glob(f"*{INTENT_SUFFIX}") if not path.name.startswith(".")}
    return sorted({name.removesuffix(INTENT_SUFFIX).removesuffix(STATE_SUFFIX.removesuffix(".json")) for name in names})


def intent_digest(release: Release) -> str:
    """Unlike `Release.revision`, of everything the intent says."""
    return hashlib.sha256(release.model_dump_json().encode()).hexdigest()


def fresh(service: str, now: datetime) -> ReleaseState:
    return ReleaseState(service=service, changed_at=now)
