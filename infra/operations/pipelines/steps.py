"""One step of a run: take its outputs from the store, or make them, trying as often as its spec says."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from infra.contracts.errors import HighwayError
from infra.contracts.jobs import JobRunner
from infra.contracts.pipelines import (
    COMMIT_VARIABLE,
    LOCK_DIGEST_VARIABLE,
    RESULT_ARTIFACT,
    RESULT_FILE,
    RUN_VARIABLE,
    PipelineResult,
    input_digest_variable,
    input_variable,
    output_variable,
)
from infra.contracts.workload import Job, Pipeline, Step
from infra.operations.pipelines.artifacts import ArtifactStore, StepRecord
from infra.operations.pipelines.keys import cache_key
from infra.operations.pipelines.lineage import Lineage
from infra.operations.pipelines.report import Attempt, Progress, StepRun, StepStatus


@dataclass(frozen=True, kw_only=True)
class StepRunner:
    """What all steps of one run share. `stop` ends what is running and starts nothing more."""

    pipeline: Pipeline
    run_id: str
    jobs: JobRunner
    store: ArtifactStore
    lineage: Lineage
    progress: Progress
    stop: threading.Event
    retry_wait_seconds: float

    def run(self, step: Step, inputs: Mapping[str, str]) -> StepRun:
        """`inputs` maps each artifact that the step reads to its digest."""
        key = cache_key(step, self.pipeline.parameters, self.lineage, inputs)
        if record := self.store.find(key):
            return StepRun(step=step.name, status=StepStatus.CACHED, outputs=record.outputs)
        attempts: list[Attempt] = []
        for number in range(1, step.retries + 2):
            attempt, record = self._attempt(step, key, inputs, number)
            attempts.append(attempt)
            if record:
                return StepRun(
                    step=step.name, status=StepStatus.PASSED, attempts=tuple(attempts), outputs=record.outputs
                )
            is_last = number > step.retries
            self.progress.attempt_failed(step.name, attempt, is_last=is_last)
            if is_last or self.stop.wait(self.retry_wait_seconds):
                break
        return StepRun(step=step.name, status=StepStatus.FAILED, attempts=tuple(attempts))

    def _attempt(
        self, step: Step, key: str, inputs: Mapping[str, str], number: int
    ) -> tuple[Attempt, StepRecord | None]:
        duration_seconds, log, record = 0.0, None, None
        try:
            staged = self.store.stage(self.run_id, f"{step.name}-{number}", step.outputs)
            result = self.jobs.run(self._job(step), self._environment(step, inputs, staged), self.stop)
            duration_seconds, log, reason = result.duration_seconds, result.log, result.reason
            if result.is_success:
                if RESULT_ARTIFACT in staged:
                    PipelineResult.model_validate_json((staged[RESULT_ARTIFACT] / RESULT_FILE).read_bytes())
                record = self.store.publish(key, step.name, self.run_id, staged)
        except (HighwayError, OSError) as error:  # a full or read-only disk, an output or a bundle that is missing
            reason = str(error)
        except ValidationError as error:
            reason = f"its {RESULT_FILE} is not a result: {error.errors()[0]['msg']}"
        attempt = Attempt(
            number=number, is_success=record is not None, reason=reason, duration_seconds=duration_seconds, log=log
        )
        return attempt, record

    def _job(self, step: Step) -> Job:
        """Named for its pipeline as well: other pipelines have steps of the same name."""
        fields = step.model_dump(include={*Job.model_fields} - {"kind"})
        return Job.model_validate({**fields, "name": f"{self.pipeline.name}-{step.name}"})

    def _environment(self, step: Step, inputs: Mapping[str, str], staged: Mapping[str, Path]) -> dict[str, str]:
        return {
            # What the step says itself is nearer than what its pipeline says.
            **{name: value for name, value in self.pipeline.parameters.items() if name not in step.environment},
            RUN_VARIABLE: self.run_id,
            COMMIT_VARIABLE: self.lineage.commit,
            LOCK_DIGEST_VARIABLE: self.lineage.lock_digest,
            **{input_variable(name): self.store.uri_of(digest) for name, digest in inputs.items()},
            **{input_digest_variable(name): digest for name, digest in inputs.items()},
            **{output_variable(name): folder.as_uri() for name, folder in staged.items()},
        }
