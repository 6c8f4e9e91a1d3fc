"""What a run of the tests leaves behind: a line for each suite and, where someone collects it, evidence.

A suite holds data, a model or code to what is expected of it: a test marked `data` or `model` is of that suite, any
other of the suite `code`; each tier of a suite has a verdict of its own. Evidence goes to the outbox that
`HIGHWAY_LEDGER_OUTBOX` names, from where whoever shares it tells the ledger. It is about all that the sources hold of a
suite in that tier: one that was run in part, or not to its end, or of which every test was skipped, leaves none.
"""

import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from infra.contracts.clock import Clock, clock_from_environment
from infra.contracts.events import CheckRun, Lane, Outcome
from infra.contracts.ledger import OUTBOX_VARIABLE, TOKEN_FILE_VARIABLE, URL_VARIABLE, keep
from infra.contracts.names import PROJECT, TIERS, suite_check
from infra.operations.pipelines.lineage import Lineage, lineage_of

LOCK = "requirements/highway.lock"
# What a suite's verdict is about: of the folders, their Python.
COVERED = {
    "data": ("pipelines", "infra/contracts", "tests/pipelines", "tests/support"),
    "model": (
        "pipelines",
        "infra/contracts",
        "reference-app",
        "tests/pipelines",
        "tests/reference_app",
        "tests/support",
    ),
    "code": ("infra", "pipelines", "policies", "reference-app", "tests"),
}
SETTINGS = "pipelines/confs/*.yaml"


@dataclass
class Suite:
    """Of one tier: ids of tests, and the seconds that they and their fixtures took."""

    name: str
    tier: str
    chosen: int = 0
    passed: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    seconds: float = 0

    def outcome(self) -> Outcome | None:
        """None when there is no verdict."""
        if self.failed:
            return Outcome.FAILED
        return Outcome.PASSED if self.passed and len(self.ended) == self.chosen else None

    @property
    def check(self) -> str:
        return suite_check(self.name, self.tier)

    def __str__(self) -> str:
        counts = {"passed": self.passed - self.failed, "failed": self.failed, "skipped": self.skipped}
        told = [f"{len(tests)} {what}" for what, tests in counts.items() if tests]
        if missing := self.chosen - len(self.ended):
            told.append(f"{missing} not run")
        return f"{', '.join(told)} in {self.seconds:.1f} s"


@dataclass(eq=False)  # pytest keeps plugins in sets
class Evidence:
    """The plugin of one session. `lineage` is of before the first test: what they change was not tested."""

    expression: str
    outbox: Path | None
    lineage: Mapping[str, Lineage]
    clock: Clock
    run_id: str
    suites: dict[tuple[str, str], Suite] = field(
        default_factory=lambda: {(name, tier): Suite(name, tier) for tier in TIERS for name in COVERED}
    )
    suite_of_test: dict[str, Suite] = field(default_factory=dict)  # by its id
    kept: int = 0
    problem: str = ""

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            suite = self.suites[suite_of(item), tier_of(item)]
            self.suite_of_test[item.nodeid] = suite
            suite.chosen += 1

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        suite = self.suite_of_test[report.nodeid]
        suite.seconds += report.duration
        if report.failed:
            suite.failed.add(report.nodeid)
        elif report.skipped:
            suite.skipped.add(report.nodeid)
        elif report.when == "call":
            suite.passed.add(report.nodeid)
        if report.when == "teardown":
            suite.ended.add(report.nodeid)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if self.outbox is None:
            return
        try:
            for event in self._events(int(exitstatus)):
                keep(self.outbox, event)
                self.kept += 1
        except OSError as error:  # a full disk, most likely; the tests are what they are
            self.problem = f"cannot be kept in {self.outbox}: {error.strerror}"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for suite in self.suites.values():
            if suite.chosen:
                terminalreporter.write_line(f"{suite.check.replace('.', ' ', 1)}: {suite}")
        if self.outbox is not None:
            terminalreporter.write_line(f"evidence: {self.problem or f'{self.kept} suites for the ledger'}")

    def _events(self, exit_code: int) -> Iterator[CheckRun]:
        for suite in self.suites.values():
            outcome, lineage, now = suite.outcome(), self.lineage.get(suite.name), self.clock.now()
            if outcome is None or lineage is None:
                continue
            yield CheckRun(
                event_time=now,
                recorded_at=now,
                outcome=outcome,
                subject=PROJECT,
                summary=f"tests of {suite.check.removeprefix('suite.')}: {suite} (exit code {exit_code})",
                actor="tests",
                commit=lineage.commit,
                command=f"pytest -m '{self.expression}'",
                duration_seconds=round(suite.seconds, 2),
                is_replay=self.clock.is_replay,
                lane=Lane.INTEGRATION,
                check=suite.check,
                suite=suite.name,
                run_id=self.run_id,
                value=len(suite.failed),
                limit=0,
                environment_digest=lineage.lock_digest,
                inputs_digest=lineage.code_digest,
            )


def suite_of(item: pytest.Item) -> str:
    """By its markers alone: among its keywords are the names of its folders, too."""
    return next((name for name in ("data", "model") if item.get_closest_marker(name)), "code")


def tier_of(item: pytest.Item) -> str:
    """As `suite_of`, whatever expression chose it: a suite can be run in all its tiers at once."""
    return next((tier for tier in TIERS if tier and item.get_closest_marker(tier)), "")


def pytest_configure(config: pytest.Config) -> None:
    outbox = os.environ.get(OUTBOX_VARIABLE)
    # What tests start must find no real ledger: it would hold their inventions for facts.
    for name in (URL_VARIABLE, TOKEN_FILE_VARIABLE, OUTBOX_VARIABLE):
        os.environ.pop(name, None)
    if config.getoption("collectonly"):
        return
    clock = clock_from_environment()
    evidence = Evidence(
        expression=config.getoption("markexpr"),
        outbox=Path(outbox) if outbox else None,
        lineage=_lineage(config.rootpath) if outbox and _is_whole(config) else {},
        clock=clock,
        run_id=f"tests-{clock.now():%Y%m%dt%H%M%S}-{uuid.uuid4().hex[:6]}",
    )
    config.pluginmanager.register(evidence, "suites")


def _is_whole(config: pytest.Config) -> bool:
    """Whether nothing but a marker chose among the tests."""
    chosen = ("keyword", "lf", "stepwise", "deselect", "ignore", "ignore_glob")
    is_all = config.args_source is config.ArgsSource.TESTPATHS
    return is_all and not any(config.getoption(name, False) for name in chosen)


def _lineage(repo: Path) -> dict[str, Lineage]:
    settings = [path.relative_to(repo).as_posix() for path in repo.glob(SETTINGS)]
    return {
        name: lineage_of(repo, code=[*(path for path in paths if (repo / path).exists()), *settings], lock=LOCK)
        for name, paths in COVERED.items()
    }
