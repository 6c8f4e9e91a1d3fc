"""Cases from an OpenAPI description, sent to the app and held to what it promises.

Schemathesis makes requests that fit the description and requests that do not. Of each with a body, variants with
damaged bytes follow: cut off, flipped, doubled, or with the values of another request, which no schema describes.
"""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

# Which flights are direct is in no schema, so a request that fits it may be refused.
NOT_CHECKED = [positive_data_acceptance]
# It answers 200 and says in it which rows were refused.
BATCH = "POST /predict/batch"
# What each damaged body is answered with.
REFUSALS = range(400, 500)


@dataclass
class Outcome:
    """`failures` has one line for each kind of failure, with a request that shows it."""

    cases: int = 0
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)

    def failed(self, kind: str, example: str) -> None:
        self.failures.setdefault(kind, example)


def operations(schema: BaseSchema) -> list[APIOperation[Any, Any, Any, Any]]:
    return [result.ok() for result in schema.get_all_operations()]


def fuzz(operation: APIOperation[Any, Any, Any, Any], *, examples: int, number: int = 0, **sent: Any) -> Outcome:
    """`examples` of each kind at most: a GET without parameters has only one. `sent` goes along with each request."""
    outcome = Outcome()
    unchecked = [*NOT_CHECKED, *([negative_data_rejection] if operation.label == BATCH else [])]

    def check(case: Case) -> None:
        response = case.call(**sent)
        outcome.cases += 1
        outcome.statuses[operation.label, response.status_code] += 1
        try:
            case.validate_response(response, excluded_checks=unchecked, transport_kwargs=sent)
        except FailureGroup as failures:
            for failure in failures.exceptions:
                kind = f"{operation.label} {response.status_code} {type(failure).__name__}"
                outcome.failed(kind, f"{failure}\n{case.as_curl_command()}")

    for mode in GenerationMode:
        bounded = settings(
            max_examples=examples,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        with suppress(Unsatisfiable):  # what has no parameters cannot be asked wrongly
            seed(number)(bounded(given(case=operation.as_strategy(generation_mode=mode))(check)))()
    return outcome


def damaged(body: bytes, chance: random.Random) -> Iterator[bytes]:
    """Endless variants of `body`."""
    while True:
        at, until = sorted(chance.sample(range(len(body) + 1), 2))
        yield chance.choice(
            [
                body[:at],
                body[:at] + bytes([chance.randrange(256)]) + body[at + 1 :],
                body[:at] + body[until:],
                body[:until] + body[at:],
                body[:at]
                + chance.choice([b"null", b"-1", b"1e999", b'"\\ud800"', b"[[[", b"{}", b"NaN"])
                + body[until:],
            ]
        )


def fuzz_bytes(client: httpx2.Client, path: str, body: bytes, *, cases: int, number: int = 0, **sent: Any) -> Outcome:
    """Damaged variants of a request that is answered: refused in JSON, or answered where the damage left it whole."""
    outcome, variants = Outcome(), damaged(body, random.Random(number))
    for _ in range(cases):
        variant = next(variants)
        response = client.post(path, content=variant, **sent)
        outcome.cases += 1
        outcome.statuses[path, response.status_code] += 1
        if response.status_code != 200 and response.status_code not in REFUSALS:
            outcome.failed(f"{path} {response.status_code}", f"{variant!r}\n{response.text}")
        elif response.headers["content-type"] != "application/json" or not response.json():
            outcome.failed(f"{path} {response.status_code} is no JSON", f"{variant!r}\n{response.text}")
    return outcome


def load(url: str) -> BaseSchema:
    return schemathesis.openapi.from_url(f"{url}/openapi.json")
