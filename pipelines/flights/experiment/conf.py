"""What an experiment tries."""

import itertools
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import Field, model_validator

from pipelines.flights.conf import Frozen, LearnerConf

PARAMETER = "EXPERIMENT_CONF"
FILE = Path(__file__).resolve().parents[2] / "confs" / "experiment.yaml"

Settings = dict[str, float]


class ExperimentConf(Frozen):
    """`space` maps settings of the learner (`LearnerConf`) to the values that are tried."""

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

    @classmethod
    def from_file(cls, path: Path = FILE) -> Self:
        """Raises `pydantic.ValidationError` naming every wrong key."""
        return cls.model_validate(yaml.safe_load(path.read_text()))

    @classmethod
    def from_environment(cls) -> Self:
        given = os.environ.get(PARAMETER)
        return cls.model_validate_json(given) if given else cls.from_file()

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
