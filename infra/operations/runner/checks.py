"""What the tests of a push say of themselves, as far as it can be believed.

A run leaves events in an outbox of its own. What is pushed may write anything there, so only verdicts of suites on
this very commit are taken, as of now; the ledger's token stays with the runner.
"""

import logging
from pathlib import Path

from pydantic import ValidationError

from infra.contracts.clock import SystemClock
from infra.contracts.events import CheckRun, Lane
from infra.contracts.names import PROJECT, TIERS, suite_check
from infra.operations.runner.spool import Push

logger = logging.getLogger(__name__)

BYTES_MAX = 64 * 1024  # an event has less than one


def checks_of(outbox: Path, push: Push) -> tuple[CheckRun, ...]:
    """One a suite and tier at most. The ids follow from the push, so what is told twice is recorded once."""
    found: dict[str, CheckRun] = {}
    for path in sorted(outbox.glob("*.json")):
        try:
            # Nobody ever writes to a named pipe, and who reads it waits for ever.
            if not path.is_file() or path.stat().st_size > BYTES_MAX:
                raise ValueError(f"no file of at most {BYTES_MAX} bytes")  # noqa: TRY301 - as what cannot be read
            said = CheckRun.model_validate_json(path.read_bytes())
        except (OSError, ValueError) as error:
            reason = f"{error.errors()[0]['msg']}" if isinstance(error, ValidationError) else str(error)
            logger.warning("%s left %s, which is no verdict: %s", push.id, path.name, reason)
            continue
        own_checks = [suite_check(said.suite, tier) for tier in TIERS]
        if said.check not in own_checks or said.commit not in (push.commit, f"{push.commit}-dirty"):
            logger.warning("%s left a verdict on %s at %s, which it did not run", push.id, said.check, said.commit)
            continue
        # The metric tells what was recorded last, so a time of its own choice could stay for ever.
        own = {
            "id": f"ci-{push.id}-{said.check}",
            "run_id": push.id,
            "subject": PROJECT,
            "lane": Lane.INTEGRATION,
            "recorded_at": SystemClock().now(),
        }
        found[said.check] = said.model_copy(update=own)
    return tuple(found.values())
