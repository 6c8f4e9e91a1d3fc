"""The order of steps: each starts as soon as all that it needs has passed."""

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from infra.contracts.workload import Step
from infra.operations.pipelines.evidence import Evidence
from infra.operations.pipelines.report import StepRun, StepStatus
from infra.operations.pipelines.steps import StepRunner


@dataclass
class Schedule:
    """Which steps wait, run and have ended; all of it in the caller's thread, only the jobs are in others."""

    runner: StepRunner
    evidence: Evidence
    ended: dict[str, StepRun] = field(default_factory=dict)

    def run(self) -> None:
        waiting = list(self.runner.pipeline.in_order())
        running: dict[Future[StepRun], Step] = {}
        # A thread for each step: how many jobs run at once is the runner's to say, partitions counted.
        with ThreadPoolExecutor(len(waiting), thread_name_prefix="step") as pool:
            try:
                while waiting or running:
                    waiting = [step for step in waiting if not self._started(step, pool, running)]
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        del running[future]
                        self._note(future.result())
            finally:
                # Leaving the pool waits for its threads: they must not wait for their jobs if we are interrupted.
                if running:
                    self.runner.stop.set()

    def _started(self, step: Step, pool: ThreadPoolExecutor, running: dict[Future[StepRun], Step]) -> bool:
        """Start `step` if it can be; a step that never can be has ended as well."""
        needed = [self.ended.get(name) for name in step.needs]
        if any(run is not None and not run.is_success for run in needed):
            self._note(StepRun(step=step.name, status=StepStatus.BLOCKED))
            return True
        if any(run is None for run in needed):
            return False
        self.runner.progress.step_started(step.name)
        running[pool.submit(self.runner.run, step, self._inputs(step))] = step
        return True

    def _inputs(self, step: Step) -> dict[str, str]:
        made = {name: digest for run in self.ended.values() for name, digest in run.outputs.items()}
        return {name: made[name] for name in step.inputs}

    def _note(self, run: StepRun) -> None:
        self.ended[run.step] = run
        self.evidence.step_ended(run)
        if self.evidence.ledger and run.status is not StepStatus.BLOCKED:
            self.runner.told.note(run)
        self.runner.progress.step_ended(run)
