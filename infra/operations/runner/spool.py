"""Pushes that wait for the runner, one file each, written by the repo's hook.

The hook needs nobody alive. A push stays in the spool until its outcome is recorded, so a runner that is killed
takes it up again; what it finished but could not record is kept beside it.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.contracts.events import IntegrationRun
from infra.contracts.files import write_atomically

logger = logging.getLogger(__name__)


class Push(BaseModel):
    """One branch tip of one `git push`. `id` is unique, and the events of its run are named by it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[0-9]+-[0-9]+-[0-9]+$", description="<seconds since 1970>-<pid of the hook>-<number>")
    commit: str = Field(pattern=r"^[0-9a-f]{40,64}$")
    branch: str = Field(min_length=1)


@dataclass(frozen=True)
class Spool:
    folder: Path

    def waiting(self) -> Sequence[Push]:
        """Oldest first. What cannot be read is put aside, so that it blocks nobody."""
        pushes = []
        # Order of arrival: names break the ties of one push with several branches.
        for path in sorted(self.folder.glob("*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name)):
            try:
                pushes.append(Push.model_validate_json(path.read_bytes()))
            except ValidationError as error:
                logger.warning("put aside %s, which is no push: %s", path.name, error)
                path.rename(path.with_suffix(".unreadable"))
        return pushes

    def take(self, push: Push) -> int:
        """Count this attempt at the push, whatever happens to it; returns how many there were."""
        takes = self._takes(push)
        with takes.open("ab") as stream:
            stream.write(b".")
        return takes.stat().st_size

    def give_back(self, push: Push) -> None:
        """The attempt was ended by an orderly stop and is none."""
        self._takes(push).unlink(missing_ok=True)

    def finished(self, push: Push) -> IntegrationRun | None:
        """The outcome of a push whose runner was killed before it could record it."""
        path = self._outcome(push)
        return IntegrationRun.model_validate_json(path.read_bytes()) if path.exists() else None

    def finish(self, push: Push, outcome: IntegrationRun) -> None:
        write_atomically(self._outcome(push), outcome.model_dump_json())

    def remove(self, push: Push) -> None:
        """Forget the push: its outcome is recorded. The push itself goes first, or it would run again."""
        for path in (self.folder / f"{push.id}.json", self._outcome(push), self._takes(push)):
            path.unlink(missing_ok=True)

    def _outcome(self, push: Push) -> Path:
        return self.folder / f"{push.id}.outcome"

    def _takes(self, push: Push) -> Path:
        return self.folder / f"{push.id}.takes"
