"""Writing events once and reading them back, on SQLite and Postgres alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.dialects import postgresql, sqlite

from infra.contracts.events import EVENTS, AnyEvent, CheckRun, Lane, Outcome, PipelineStepRun
from infra.operations.ledger.tables import EVENTS_TABLE

# SQLite's limit on variables in one statement is 32,766; a row has ten.
ROWS_PER_STATEMENT = 1000
SUITE_END = "/"  # between the suite and the check in the column `step`


@dataclass(frozen=True)
class JobEnd:
    """When a pipeline's step last ended in this way."""

    pipeline: str
    step: str
    outcome: Outcome
    recorded_at: datetime


@dataclass(frozen=True)
class Verdict:
    """The latest of a check."""

    subject: str
    suite: str
    check: str
    is_passed: bool


class EventStore:
    """The ledger's questions and its one verb. Raises `sqlalchemy.exc.DBAPIError` when the database cannot serve."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def append(self, events: Sequence[AnyEvent]) -> int:
        """Record those whose id is new, all or none; returns how many. The first content of an id stays."""
        insert = (
            postgresql.insert(EVENTS_TABLE)
            if self._engine.dialect.name == "postgresql"
            else sqlite.insert(EVENTS_TABLE)
        )
        recorded = 0
        with self._engine.begin() as connection:
            for start in range(0, len(events), ROWS_PER_STATEMENT):
                rows = [_row(event) for event in events[start : start + ROWS_PER_STATEMENT]]
                fresh = insert.values(rows).on_conflict_do_nothing(index_elements=["id"])
                # Asked for what was written, because not every driver counts the rows of such an insert.
                recorded += len(connection.execute(fresh.returning(EVENTS_TABLE.c.sequence)).all())
        return recorded

    def query(
        self, *, kind: str | None = None, subject: str | None = None, lane: Lane | None = None, limit: int = 100
    ) -> list[AnyEvent]:
        """The newest first, by when they were recorded: a replay's event times lie years back."""
        statement = select(EVENTS_TABLE.c.body)
        if kind is not None:
            statement = statement.where(EVENTS_TABLE.c.kind == kind)
        if subject is not None:
            statement = statement.where(EVENTS_TABLE.c.subject == subject)
        if lane is not None:
            statement = statement.where(EVENTS_TABLE.c.lane == lane.value)
        newest = statement.order_by(EVENTS_TABLE.c.recorded_at.desc(), EVENTS_TABLE.c.sequence.desc()).limit(limit)
        with self._engine.connect() as connection:
            return EVENTS.validate_python(list(connection.execute(newest).scalars()))

    def counts(self) -> dict[tuple[str, str], int]:
        """How many events there are of each (kind, outcome)."""
        columns = (EVENTS_TABLE.c.kind, EVENTS_TABLE.c.outcome)
        with self._engine.connect() as connection:
            rows = connection.execute(select(*columns, func.count()).group_by(*columns))
            return {(kind, outcome): count for kind, outcome, count in rows}

    def job_ends(self) -> list[JobEnd]:
        """The last passed and the last failed end of each pipeline's steps."""
        return [JobEnd(*end) for end in self._ends("pipeline_step_run")]

    def verdicts(self) -> list[Verdict]:
        """The latest of each check."""
        latest: dict[tuple[str, str], tuple[datetime, bool]] = {}
        for subject, step, outcome, moment in self._ends("check_run"):
            # Of two at the same moment the one that failed counts.
            verdict = (moment, outcome is Outcome.FAILED)
            latest[subject, step] = max(verdict, latest.get((subject, step), verdict))
        verdicts = []
        for (subject, step), (_, has_failed) in sorted(latest.items()):
            suite, _, check = step.partition(SUITE_END)
            verdicts.append(Verdict(subject, suite, check, is_passed=not has_failed))
        return verdicts

    def _ends(self, kind: str) -> Iterator[tuple[str, str, Outcome, datetime]]:
        """Subject, step, outcome, and when that last was recorded; an index answers it without reading a body."""
        columns = (EVENTS_TABLE.c.subject, EVENTS_TABLE.c.step, EVENTS_TABLE.c.outcome)
        statement = (
            select(*columns, func.max(EVENTS_TABLE.c.recorded_at))
            .where(EVENTS_TABLE.c.kind == kind, EVENTS_TABLE.c.outcome.in_([Outcome.PASSED, Outcome.FAILED]))
            .group_by(*columns)
        )
        with self._engine.connect() as connection:
            for subject, step, outcome, moment in connection.execute(statement):
                # SQLite keeps no zone; all times are written in UTC.
                yield subject, step, Outcome(outcome), moment.replace(tzinfo=moment.tzinfo or UTC)

    def check(self) -> None:
        """Ask the smallest question there is."""
        with self._engine.connect() as connection:
            connection.execute(select(EVENTS_TABLE.c.sequence).limit(1))


def _row(event: AnyEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "kind": event.kind,
        "lane": event.lane.value,
        "subject": event.subject,
        "step": _step(event),
        "outcome": event.outcome.value,
        "event_time": event.event_time.astimezone(UTC),
        "recorded_at": event.recorded_at.astimezone(UTC),
        "is_replay": event.is_replay,
        "body": event.model_dump(mode="json"),
    }


def _step(event: AnyEvent) -> str | None:
    """Which of the things of its subject it is about, for the kinds of which metrics tell the last."""
    match event:
        case PipelineStepRun():
            return event.step
        case CheckRun():
            return f"{event.suite}{SUITE_END}{event.check}"
        case _:
            return None
