"""A delivery of flights that go nowhere arrives in the landing folder, and somebody trains."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.support.drill import Drill
from tests.support.flights_source import as_csv, flights_of
from tests.support.live import Highway

DELIVERY = "landing/flights/drill.csv"
MONTH = "2013-05"  # of the training window


@contextmanager
def poisoned(highway: Highway) -> Iterator[Mapping[str, str]]:
    bad = [
        {**flight, "flight": str(9000 + number), "distance": "0"} for number, flight in enumerate(flights_of(MONTH, 20))
    ]
    delivery = highway.home.storage / DELIVERY
    delivery.parent.mkdir(parents=True, exist_ok=True)
    delivery.write_text(as_csv(bad))
    highway.run("train", expect=1)
    try:
        yield {"DELIVERY": DELIVERY}
    finally:
        if delivery.exists():
            delivery.unlink()
            highway.run("train")


DRILL = Drill(
    fault=poisoned,
    labels={"subject": "train", "check": f"flights.{MONTH}"},
    mitigation=("set-aside", "again"),
    refusal="verdict",
)
