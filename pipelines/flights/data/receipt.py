"""What became of every row of every file. An artifact of its own: a delivery that repeats what is there changes
the receipt and no data, so nothing is computed again for it."""

from collections import defaultdict
from collections.abc import Mapping

from pydantic import Field

from infra.contracts.workload import Strict
from pipelines.flights.data.merge import Contradiction, Merged
from pipelines.flights.data.sources import SourceFile

RECEIPT_FILE = "receipt.json"
EXAMPLES = 3  # contradictions of a partition that are told in full


class Counts(Strict):
    """Of rows; together, all that a file holds."""

    new: int = 0
    repeated: int = Field(default=0, description="there already, word for word")
    completing: int = Field(default=0, description="of a key that is there, and against nothing that is known of it")
    contradicting: int = Field(default=0, description="of a key that is there, with another value")

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in Counts.model_fields})

    def __str__(self) -> str:
        return ", ".join(f"{rows:,} {fate}" for fate, rows in self.model_dump().items() if rows) or "nothing"


class FileReceipt(Strict):
    sha256: str
    same_as: str | None = Field(default=None, description="an earlier file with the same bytes; not read again")
    outside_window: int = Field(default=0, description="rows of no month that the configuration wants; left out")


class PartitionReceipt(Strict):
    files: dict[str, Counts]
    contradictions: tuple[str, ...] = ()


class Receipt(Strict):
    """By name of file, and by name of partition."""

    files: dict[str, FileReceipt]
    partitions: dict[str, PartitionReceipt]

    def lines(self) -> list[str]:
        """What each file brought, for a log."""
        lines = []
        for name, file in self.files.items():
            counts = sum((part.files[name] for part in self.partitions.values() if name in part.files), Counts())
            outside = f", {file.outside_window:,} outside of the configured months" if file.outside_window else ""
            lines.append(f"{name}: " + (f"the same as {file.same_as}" if file.same_as else f"{counts}{outside}"))
        return lines


class Clerk:
    """Writes the receipt while files are read and partitions are merged. Files are known by number."""

    def __init__(self, files: tuple[SourceFile, ...]) -> None:
        self._files = files
        self._first: dict[tuple[str, str], str] = {}
        self._outside: defaultdict[str, int] = defaultdict(int)
        self._partitions: dict[str, PartitionReceipt] = {}

    def is_known(self, file: SourceFile) -> bool:
        """Whether a file of this content was asked for before."""
        return self._first.setdefault((file.kind, file.sha256), file.name) != file.name

    def left_out(self, number: int, rows: int) -> None:
        self._outside[self._files[number].name] += rows

    def merged(self, partition: str, result: Merged) -> None:
        fates: Mapping[str, Mapping[int, int]] = {name: getattr(result, name) for name in Counts.model_fields}
        numbers = sorted({number for counts in fates.values() for number in counts})
        found = result.contradictions
        more = (f"and {len(found) - EXAMPLES:,} more values",) if len(found) > EXAMPLES else ()
        self._partitions[partition] = PartitionReceipt(
            files={
                self._files[number].name: Counts(**{fate: counts.get(number, 0) for fate, counts in fates.items()})
                for number in numbers
            },
            contradictions=(*map(self._told, found[:EXAMPLES]), *more),
        )

    def _told(self, found: Contradiction) -> str:
        names = " and ".join(self._files[number].name for number in found.sources)
        key = ", ".join(f"{column} {value}" for column, value in found.key.items())
        return f"{found.column} is {' or '.join(map(str, found.values))} for {key} ({names})"

    def receipt(self) -> Receipt:
        files = {}
        for file in self._files:
            first = self._first.get((file.kind, file.sha256), file.name)
            files[file.name] = FileReceipt(
                sha256=file.sha256,
                same_as=None if first == file.name else first,
                outside_window=self._outside[file.name],
            )
        return Receipt(files=files, partitions=self._partitions)
