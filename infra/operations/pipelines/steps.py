"""One step of a run: take its outputs from the store, or make them, trying as often as its spec says."""

import contextlib
import dataclasses
import itertools
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from infra.contracts.artifacts import digest_of_folder
from infra.contracts.errors import HighwayError
from infra.contracts.jobs import JobRunner
from infra.contracts.pipelines import (
    COMMIT_VARIABLE,
    LOCK_DIGEST_VARIABLE,
    RESULT_ARTIFACT,
    RESULT_FILE,
    RUN_VARIABLE,
    Check,
    PipelineResult,
    output_variable,
)
from infra.contracts.workload import Pipeline, Step
from infra.operations.pipelines.artifacts import ArtifactStore, StepRecord, StorageError
from infra.operations.pipelines.checks import ChecksError, read_checks
from infra.operations.pipelines.keys import cache_key
from infra.operations.pipelines.lineage import Lineage
from infra.operations.pipelines.partitions import merge, partitions_of
from infra.operations.pipelines.report import Attempt, Progress, StepRun, StepStatus
from infra.operations.pipelines.told import Told
from infra.operations.pipelines.work import Input, Work


class StoppedError(HighwayError):
    """It was this one's turn when the run was told to stop."""


@dataclass(frozen=True, kw_only=True)
class StepRunner:
    """What all steps of one run share. At most `parallel_steps` jobs run at once, partitions counted; `stop` ends
    those and starts nothing more."""

    pipeline: Pipeline
    run_id: str
    jobs: JobRunner
    store: ArtifactStore
    lineage: Lineage
    progress: Progress
    stop: threading.Event
    retry_wait_seconds: float
    parallel_steps: int = 1

    @cached_property
    def _slots(self) -> threading.Semaphore:
        return threading.Semaphore(self.parallel_steps)

    @cached_property
    def told(self) -> Told:
        return Told(self.store.told)

    def run(self, step: Step, inputs: Mapping[str, str]) -> StepRun:
        """`inputs` maps each artifact that the step reads to its digest."""
        given = {name: Input(digest, self.store.path_of(digest)) for name, digest in inputs.items()}
        work = self._work(step, given)
        run = self._do(work) if step.map_over is None else self._map(work, step.map_over)
        return dataclasses.replace(run, gone=self.told.gone(run)) if run.is_success else run

    def _work(self, step: Step, inputs: Mapping[str, Input], partition: str | None = None) -> Work:
        digests = {name: each.digest for name, each in inputs.items()}
        key = cache_key(step, self.pipeline.parameters, self.lineage, digests, partition)
        return Work(step=step, key=key, inputs=inputs, partition=partition)

    def _do(self, work: Work) -> StepRun:
        """Find what it made, or try until it made it."""
        known = self.store.find(work.key)
        if known and not work.step.is_volatile:
            return self._ended(work, StepStatus.CACHED, known)
        attempts: list[Attempt] = []
        record = None
        for number in range(1, work.step.retries + 2):
            with self._slots:
                attempt, record = self._attempt(work, number)
            attempts.append(attempt)
            if record:
                break
            is_last = number > work.step.retries
            self.progress.attempt_failed(work.label, attempt, is_last=is_last)
            if is_last or self.stop.wait(self.retry_wait_seconds):
                break
        return self._ended(work, _status(record, known), record, tuple(attempts))

    def _map(self, work: Work, artifact: str) -> StepRun:
        """Do each partition of `artifact`, side by side, and merge what they made."""
        known = self.store.find(work.key)
        if known and not work.step.is_volatile:
            return self._ended(work, StepStatus.CACHED, known)
        started = time.monotonic()
        ended: dict[str, StepRun] = {}
        record = None
        try:
            ended = self._partitions(work, artifact)
            failed = {name: run.attempts[-1] for name, run in ended.items() if not run.is_success}
            log = next((attempt.log for attempt in failed.values()), None)
            reason = f"{len(failed)} of {len(ended)} partitions: " + "; ".join(
                f"{name} ({attempt.reason})" for name, attempt in failed.items()
            )
            if not failed:
                record = self._merged(work, ended)
        except (HighwayError, OSError) as error:
            reason, log = str(error), None
        seconds = time.monotonic() - started
        attempt = Attempt(number=1, is_success=record is not None, reason=reason, duration_seconds=seconds, log=log)
        if not record:
            self.progress.attempt_failed(work.label, attempt, is_last=True)
        run = self._ended(work, _status(record, known), record, (attempt,))
        return dataclasses.replace(run, partitions=ended)

    def _partitions(self, work: Work, artifact: str) -> dict[str, StepRun]:
        folders = partitions_of(work.inputs[artifact].folder, artifact)
        count = itertools.count(1)

        def do(name: str) -> StepRun:
            part = Input(digest_of_folder(folders[name]), folders[name])
            run = self._do(self._work(work.step, {**work.inputs, artifact: part}, name))
            self.progress.partition_ended(work.step.name, run, ended=next(count), of=len(folders))
            return run

        with ThreadPoolExecutor(self.parallel_steps, thread_name_prefix=work.step.name) as pool:
            return dict(zip(folders, pool.map(do, folders), strict=True))

    def _merged(self, work: Work, ended: Mapping[str, StepRun]) -> StepRecord:
        staged = self.store.stage(self.run_id, f"{work.step.name}-merged", work.step.outputs)
        for output, folder in staged.items():
            merge({name: self.store.path_of(run.outputs[output]) for name, run in ended.items()}, folder)
        partitions = {name: run.outputs for name, run in ended.items()}
        return self.store.publish(work.key, work.step.name, self.run_id, staged, partitions)

    def _ended(
        self, work: Work, status: StepStatus, record: StepRecord | None, attempts: tuple[Attempt, ...] = ()
    ) -> StepRun:
        outputs = record.outputs if record else {}
        partitions = {}
        for name, made in (record.partitions if record else {}).items():
            label = dataclasses.replace(work, partition=name).label
            is_told = self.told.is_told(work.step.name, label, made)
            partitions[name] = StepRun(
                step=label, status=status, outputs=made, checks=self._checks(made), is_told=is_told
            )
        return StepRun(
            step=work.label,
            status=status,
            attempts=attempts,
            inputs=work.digests,
            outputs=outputs,
            checks=attempts[-1].checks if attempts else self._checks(outputs),
            # Untold when an earlier run was killed before, or when another verdict was told since: bad data came, and
            # were taken back.
            is_told=not attempts and self.told.is_told(work.step.name, work.label, outputs),
            partitions=partitions,
        )

    def _checks(self, outputs: Mapping[str, str]) -> tuple[Check, ...]:
        return read_checks({name: self.store.path_of(digest) for name, digest in outputs.items()})

    def _attempt(self, work: Work, number: int) -> tuple[Attempt, StepRecord | None]:
        duration_seconds, log, record = 0.0, None, None
        checks: tuple[Check, ...] = ()
        try:
            job = work.job(self.pipeline.name)
            staged = self.store.stage(self.run_id, f"{job.name}-{number}", work.step.outputs)
            if self.stop.is_set():
                raise StoppedError("stopped before it started")
            result = self.jobs.run(job, self._environment(work, staged), self.stop)
            duration_seconds, log, reason = result.duration_seconds, result.log, result.reason
            if result.is_success:
                checks = read_checks(staged)
                _require_result(staged)
                record = self.store.publish(work.key, work.label, self.run_id, staged)
            else:
                # What was killed while it wrote them has checked nothing.
                with contextlib.suppress(ChecksError):
                    checks = read_checks(staged)
        except (HighwayError, OSError) as error:  # a full or read-only disk, an output or a bundle that is missing
            reason = str(error)
        attempt = Attempt(
            number=number,
            is_success=record is not None,
            reason=reason,
            duration_seconds=duration_seconds,
            log=log,
            checks=checks,
        )
        return attempt, record

    def _environment(self, work: Work, staged: Mapping[str, Path]) -> dict[str, str]:
        return {
            # What the step says itself is nearer than what its pipeline says.
            **{name: value for name, value in self.pipeline.parameters.items() if name not in work.step.environment},
            RUN_VARIABLE: self.run_id,
            COMMIT_VARIABLE: self.lineage.commit,
            LOCK_DIGEST_VARIABLE: self.lineage.lock_digest,
            **work.environment(),
            **{output_variable(name): folder.as_uri() for name, folder in staged.items()},
        }


def _status(record: StepRecord | None, known: StepRecord | None) -> StepStatus:
    """Of something that ran: what made the same again changed nothing."""
    if record is None:
        return StepStatus.FAILED
    return StepStatus.CACHED if known and known.outputs == record.outputs else StepStatus.PASSED


def _require_result(staged: Mapping[str, Path]) -> None:
    """Raises `StorageError` when the step makes the pipeline's result and that is none."""
    if RESULT_ARTIFACT in staged:
        try:
            PipelineResult.model_validate_json((staged[RESULT_ARTIFACT] / RESULT_FILE).read_bytes())
        except ValidationError as error:
            raise StorageError(f"its {RESULT_FILE} is not a result: {error.errors()[0]['msg']}") from error
