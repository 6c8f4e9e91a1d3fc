"""What an experiment tries."""

import itertools
import random
from collections.abc import Iterator
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from pipelines.conf import FileConf
from pipelines.flights.conf import LearnerConf

PARAMETER = "EXPERIMENT_CONF"

Settings = dict[str, float]


class ExperimentConf(FileConf):
    """`space` maps settings of the learner (`LearnerConf`) to the values that are tried."""

    FILE: ClassVar[str] = "experiment.yaml"
    PARAMETER: ClassVar[str] = PARAMETER

    trials: int = Field(ge=1, description="settings that are tried beside those of flights.yaml")
    search: Literal["random", "grid"] = Field(description="random: drawn with seed, none twice; grid: in order")
    seed: int = Field(ge=0)
    space: dict[str, list[float]] = Field(min_length=1)

    @model_validator(mode="after")
    def _knows_the_learner(self) -> Self:
        if unknown := sorted(set(self.space) - set(LearnerConf.model_fields)):
            raise ValueError(
                f"space has {unknown}, which the learner has not; it has {sorted(LearnerConf.model_fields)}"
            )
        if empty := sorted(name for name, values in self.space.items() if not values):
            raise ValueError(f"space gives no value for {empty}; give one or leave it out")
        return self

    def chosen(self, current: LearnerConf, trials: int | None = None) -> list[LearnerConf]:
        """The current settings, then `trials` others (this conf's own number unless told), each valid and none twice.

        More trials begin with the same ones, so that only the new ones run. A space that holds fewer gives all."""
        found = [current]
        for settings in self._settings():
            if len(found) > (trials or self.trials):
                break
            candidate = LearnerConf.model_validate({**current.model_dump(), **settings})
            if candidate not in found:
                found.append(candidate)
        return found

    def _settings(self) -> Iterator[Settings]:
        names = sorted(self.space)
        values = (self.space[name] for name in names)
        grid = [dict(zip(names, each, strict=True)) for each in itertools.product(*values)]
        if self.search == "random":
            random.Random(self.seed).shuffle(grid)  # noqa: S311 - no secret
        yield from grid
