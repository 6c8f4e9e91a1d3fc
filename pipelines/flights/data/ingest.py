"""Ingest: all flights and weather readings of the manifest, as they are, into one Parquet file a month.

It starts from all files every time, so it does not matter in which order or how often they came: late rows go to
their month, repeated ones are dropped and counted. A file that cannot be read, or is not the one that was discovered,
fails the step with its name: nothing is made of anything then, and what was made before stays.
"""

from pipelines import step
from pipelines.flights.conf import FlightsConf
from pipelines.flights.data.frames import write_frame
from pipelines.flights.data.merge import merge
from pipelines.flights.data.raw import KINDS, partition
from pipelines.flights.data.reading import Spool, read_source
from pipelines.flights.data.receipt import RECEIPT_FILE, Clerk, Receipt
from pipelines.flights.data.sources import MANIFEST_FILE, Manifest, places
from pipelines.storage import Folder


def ingest(manifest: Manifest, sources: dict[str, Folder], raw: Folder, months: list[str]) -> Receipt:
    """Writes the partitions of `months` to `raw`. Raises `BadSourceError`."""
    clerk = Clerk(manifest.files)
    for name, kind in KINDS.items():
        with Spool(name, months) as spool:
            for number, file in enumerate(manifest.files):
                if file.kind == name and not clerk.is_known(file):
                    for batch in read_source(sources, file):
                        clerk.left_out(number, spool.add(batch, number))
            for month, rows in spool.take():
                merged = merge(rows, kind.key)
                clerk.merged(partition(name, month), merged)
                write_frame(raw, partition(name, month), merged.table, kind.schema)
    return clerk.receipt()


def main() -> None:
    conf, raw = FlightsConf.from_environment(), step.write_to("raw")
    manifest = Manifest.model_validate(step.read_from("manifest").read_json(MANIFEST_FILE))
    receipt = ingest(manifest, places(), raw, conf.months())
    step.write_to("receipt").write_json(RECEIPT_FILE, receipt.model_dump())
    print(*receipt.lines(), sep="\n")


if __name__ == "__main__":
    step.run(main)
