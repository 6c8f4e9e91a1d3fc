"""What was recorded beside what was made again, artifact by artifact and file by file."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path

from pydantic import computed_field

from infra.contracts import bundle
from infra.contracts.artifacts import digest_of_folder
from infra.contracts.workload import Strict
from infra.operations.pipelines.artifacts import ArtifactStore
from infra.operations.reproduction.differences import Difference, differences


class Kept(StrEnum):
    """In what state the recorded bytes are today."""

    WHOLE = "whole"
    ALTERED = "altered"
    GONE = "gone"


class Comparison(Strict):
    """One artifact, or one file of the published bundle. `reproduced` is None when its step did not get that far."""

    name: str
    recorded: str
    reproduced: str | None
    kept: Kept
    differences: tuple[Difference, ...] = ()

    @computed_field  # type: ignore[prop-decorator]  # as pydantic has it
    @property
    def is_equal(self) -> bool:
        """What was thrown away since is equal by its digest; what was altered is not."""
        return self.recorded == self.reproduced and self.kept is not Kept.ALTERED

    @property
    def verdict(self) -> str:
        if self.is_equal:
            return "equal"
        if self.reproduced is None:
            return "not made"
        return "altered since" if self.recorded == self.reproduced else "differs"


def state_of(store: ArtifactStore, digest: str) -> Kept:
    folder = store.path_of(digest)
    if not folder.is_dir():
        return Kept.GONE
    return Kept.WHOLE if digest_of_folder(folder) == digest else Kept.ALTERED


def compare_artifact(
    name: str, recorded: str, reproduced: str | None, stores: tuple[ArtifactStore, ArtifactStore]
) -> Comparison:
    """`stores` hold what was recorded and what was made again."""
    kept = state_of(stores[0], recorded)
    comparison = Comparison(name=name, recorded=recorded, reproduced=reproduced, kept=kept)
    if comparison.is_equal or reproduced is None or kept is Kept.GONE:
        return comparison
    found = differences(stores[0].path_of(recorded), stores[1].path_of(reproduced))
    return comparison.model_copy(update={"differences": tuple(found)})


def compare_bundle(files: Mapping[str, bytes], made: Iterable[Path]) -> list[Comparison]:
    """Those `files` of the published bundle that a step made as they are; `made` are the folders of the artifacts.

    The rest was put together by a step that is left out."""
    folders, found = list(made), []
    for name in sorted(files):
        copies = [bundle.digest_of((folder / name).read_bytes()) for folder in folders if (folder / name).is_file()]
        if copies:
            published = bundle.digest_of(files[name])
            again = published if published in copies else copies[0]
            found.append(Comparison(name=f"bundle/{name}", recorded=published, reproduced=again, kept=Kept.WHOLE))
    return found
