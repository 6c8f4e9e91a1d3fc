"""Where the outputs of steps live: folders named by the digest of what they hold.

    <root>/objects/<hex>/...                       an artifact, read-only
    <root>/objects.lock                            held by whoever names artifacts, and alone by who removes some
    <root>/pipelines/<pipeline>/steps/<hex>.json   which artifacts the step with this cache key made
    <root>/pipelines/<pipeline>/runs/<run>.json    what a run that passed was of (`infra.operations.pipelines.records`)
    <root>/pipelines/<pipeline>/told/<step>.json   what the ledger last heard (`infra.operations.pipelines.told`)
    <root>/pipelines/<pipeline>/staging/<run>/...  what running steps write to; cleared by the next run

A step's record is written last and atomically, after its artifacts are on disk: whatever kills a run, a step is
either recorded with whole outputs or not at all. An artifact that no longer matches its digest counts as absent.
"""

import contextlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.contracts.artifacts import digest_of_folder
from infra.contracts.errors import HighwayError
from infra.contracts.files import write_atomically
from infra.operations.pipelines.lock import naming


class StorageError(HighwayError):
    """The storage root cannot be used, or a step left something that cannot be stored."""


class StepRecord(BaseModel):
    """What one successful step, or one partition of it, made: artifact name -> digest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: str
    run_id: str
    outputs: dict[str, str]
    partitions: dict[str, dict[str, str]] = Field(default_factory=dict, description="outputs by partition")


def local_root(uri: str) -> Path:
    """The folder that a `file://` URI names. Raises `StorageError` for any other scheme."""
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise StorageError(f"storage {uri!r}: this executor keeps artifacts in file:/// URIs; give one")
    return Path(unquote(parts.path))


class ArtifactStore:
    """The artifacts and step records of one pipeline below one storage root."""

    def __init__(self, uri: str, pipeline: str) -> None:
        self.root = local_root(uri)
        self.objects = self.root / "objects"
        self.home = self.root / "pipelines" / pipeline
        self.runs = self.home / "runs"
        self.steps = self.home / "steps"
        self.told = self.home / "told"
        self.staging = self.home / "staging"

    def path_of(self, digest: str) -> Path:
        return self.objects / digest.removeprefix("sha256:")

    def uri_of(self, digest: str) -> str:
        return self.path_of(digest).as_uri()

    def clear_staging(self) -> None:
        """Only under the pipeline's lock: what is there, and files half written, were left by a run that was killed."""
        shutil.rmtree(self.staging, ignore_errors=True)
        for folder in (self.home, self.runs, self.steps, self.told):
            for half in folder.glob(".*"):
                half.unlink()

    def stage(self, run_id: str, attempt: str, outputs: tuple[str, ...]) -> dict[str, Path]:
        """An empty folder for each output of one attempt of a step."""
        folders = {name: self.staging / run_id / attempt / name for name in outputs}
        for folder in folders.values():
            folder.mkdir(parents=True, mode=0o700)
        return folders

    def find(self, key: str) -> StepRecord | None:
        """The record of what has this key, if all its outputs are there and whole."""
        try:
            record = StepRecord.model_validate_json(self._record(key).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        return record if all(self._is_whole(digest) for digest in record.outputs.values()) else None

    def publish(
        self,
        key: str,
        step: str,
        run_id: str,
        staged: Mapping[str, Path],
        partitions: Mapping[str, Mapping[str, str]] | None = None,
    ) -> StepRecord:
        """Move `staged` outputs to their content's address, then record the step; `partitions` are what the outputs
        were merged from.

        Raises `StorageError`, or `ArtifactError` for content that is no artifact."""
        if empty := [name for name, folder in staged.items() if not any(folder.iterdir())]:
            raise StorageError(f"it wrote nothing to its output {', '.join(empty)}")
        digests = {name: _sealed(folder) for name, folder in staged.items()}
        record = StepRecord.model_validate(
            {"step": step, "run_id": run_id, "outputs": digests, "partitions": partitions or {}}
        )
        # Whoever removes artifacts that nobody names must see neither half of this alone.
        with naming(self.root):
            for name, folder in staged.items():
                self._keep(folder, digests[name])
            write_atomically(self._record(key), record.model_dump_json())
        return record

    def _record(self, key: str) -> Path:
        return self.steps / f"{key.removeprefix('sha256:')}.json"

    def _is_whole(self, digest: str) -> bool:
        folder = self.path_of(digest)
        return folder.is_dir() and digest_of_folder(folder) == digest

    def _keep(self, staged: Path, digest: str) -> None:
        target = self.path_of(digest)
        self.objects.mkdir(parents=True, exist_ok=True, mode=0o700)
        if target.exists() and not self._is_whole(digest):
            shutil.rmtree(target)
        # Another pipeline may have stored the same content in the meantime: then the name is taken, rightly.
        with contextlib.suppress(OSError):
            staged.rename(target)
        if not target.is_dir():
            raise StorageError(f"cannot move {staged} to {target}; check that the disk has room and is writable")


def _sealed(staged: Path) -> str:
    """On the disk and read-only from here on; returns its digest."""
    digest = digest_of_folder(staged)
    for path in staged.rglob("*"):
        if path.is_file():
            _sync(path)
        path.chmod(0o700 if path.is_dir() else 0o400)
    return digest


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
