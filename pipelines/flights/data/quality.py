"""What validation found: a verdict a month, and a report that a person reads for each month that is in quarantine."""

from typing import Literal

from pydantic import Field

from infra.contracts.pipelines import Check
from infra.contracts.workload import Strict
from pipelines.flights.data.contracts.violations import Violation
from pipelines.flights.data.receipt import Receipt

QUALITY_FILE = "quality.json"
Verdict = Literal["good", "quarantined"]


class Findings(Strict):
    """Of one file of raw data; `rows` is None when it could not be read."""

    rows: int | None = None
    violations: tuple[Violation, ...] = ()

    @property
    def verdict(self) -> Verdict:
        return "quarantined" if self.violations else "good"

    def check(self, name: str) -> Check:
        """As evidence. `name` is flights.2013-03."""
        if not self.violations:
            return Check(
                name=name, suite="data", is_passed=True, summary=f"{name}: {self.rows:,} rows keep the contract"
            )
        more = f", and {len(self.violations) - 1} more rules" if len(self.violations) > 1 else ""
        return Check(name=name, suite="data", is_passed=False, summary=f"{self.violations[0]}{more}")


class MonthQuality(Strict):
    """A month is good when its flights and its weather are. `weather` is told apart: the first flights of the next
    month use the last readings of this one."""

    verdict: Verdict
    weather: Verdict
    rows: int | None = Field(description="flights; None when they could not be read")
    violations: tuple[str, ...]

    @classmethod
    def of(cls, flights: Findings, weather: Findings) -> "MonthQuality":
        violations = (*flights.violations, *weather.violations)
        return cls(
            verdict="quarantined" if violations else "good",
            weather=weather.verdict,
            rows=flights.rows,
            violations=tuple(map(str, violations)),
        )


class Quality(Strict):
    """By month."""

    partitions: dict[str, MonthQuality]

    def months(self, verdict: Verdict) -> list[str]:
        return [month for month, quality in self.partitions.items() if quality.verdict == verdict]

    def has_weather(self, month: str) -> bool:
        return month in self.partitions and self.partitions[month].weather == "good"


def report_name(month: str) -> str:
    """Of the file in the artifacts `quality` and `features`."""
    return f"quarantine/{month}.md"


def report(month: str, quality: MonthQuality, receipt: Receipt) -> str:
    """Markdown."""
    lines = [
        f"# {month} is in quarantine",
        "",
        "Its data break their contract. The month is left out of the features, and what needs it is not made; what was",
        "made of good data before stays as it is, and so do the other months.",
        "",
        "## What is wrong",
        "",
        *(f"- {violation}" for violation in quality.violations),
        "",
        "## Where its rows are from",
        "",
    ]
    for partition, part in receipt.partitions.items():
        if partition.rpartition("/")[2].startswith(month):
            lines += [f"- {partition}: {counts} from {file}" for file, counts in part.files.items()]
    lines += [
        "",
        "## What to do",
        "",
        "Move the delivery that is wrong out of the landing folder, or put a corrected one in its place, and run",
        "`highway train`. If the rule is wrong, correct it in `pipelines/flights/data/contracts/`.",
    ]
    return "\n".join(lines) + "\n"
