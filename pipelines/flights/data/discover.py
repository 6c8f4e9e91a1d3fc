"""Discover: what there is to ingest, by name and digest. Looks outside on every run, so it must stay light."""

from pipelines import step
from pipelines.flights.data.sources import MANIFEST_FILE, discover, places


def main() -> None:
    manifest = discover(places())
    step.write_to("manifest").write_json(MANIFEST_FILE, manifest.model_dump())
    for file in manifest.files:
        print(f"{file.size_bytes:>13,} bytes  {file.name}  sha256:{file.sha256[:12]}")


if __name__ == "__main__":
    step.run(main)
