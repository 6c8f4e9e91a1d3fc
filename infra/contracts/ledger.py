"""The small client with which everybody writes to the ledger.

An event goes to the outbox first (one file, atomically renamed, named by the event's id), then over the
wire; a ledger that is down loses nothing and interrupts nobody: what stays in the outbox is delivered by the
next call of any process that shares it.
"""

import contextlib
import http.client
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from infra.contracts.errors import HighwayError
from infra.contracts.events import EVENT, EVENTS, AnyEvent, Lane
from infra.contracts.files import write_atomically

URL_VARIABLE = "HIGHWAY_LEDGER_URL"
TOKEN_FILE_VARIABLE = "HIGHWAY_LEDGER_TOKEN_FILE"
OUTBOX_VARIABLE = "HIGHWAY_LEDGER_OUTBOX"
TIMEOUT_SECONDS = 5
BATCH = 200  # events a call: what a long outage left must fit into the time-out
INVALID = 422  # what the ledger answers to an event that it cannot read


class LedgerUnavailableError(HighwayError):
    """The ledger did not answer, or refused; the message says what to check."""


class LedgerRefusedError(LedgerUnavailableError):
    """The ledger answered, and will never take this."""


def keep(outbox: Path, event: AnyEvent) -> None:
    """Put `event` where whoever shares `outbox` will deliver it: for who may not talk to the ledger."""
    write_atomically(outbox / f"{event.id}.json", EVENT.dump_json(event))


@dataclass(frozen=True)
class LedgerClient:
    """`url` has no trailing slash; `token_file` holds the bearer token, which is read at each call."""

    url: str
    token_file: Path
    outbox: Path

    @classmethod
    def from_environment(cls) -> "LedgerClient":
        """Raises `KeyError` naming the variable that is missing."""
        return cls(
            url=os.environ[URL_VARIABLE],
            token_file=Path(os.environ[TOKEN_FILE_VARIABLE]),
            outbox=Path(os.environ[OUTBOX_VARIABLE]),
        )

    def record(self, event: AnyEvent) -> bool:
        """Keep `event`, then try to deliver the whole outbox. True when nothing is left in it."""
        self.keep(event)
        try:
            self.deliver()
        except LedgerUnavailableError:
            return False
        return True

    def keep(self, event: AnyEvent) -> None:
        """Only put `event` into the outbox: for who must not wait for the ledger and calls `deliver` elsewhere."""
        keep(self.outbox, event)

    def deliver(self) -> int:
        """Send what the outbox holds, oldest first; returns how many events. Raises `LedgerUnavailableError`.

        An event that the ledger refuses, such as one of a newer version, is set aside in `refused/`: it must not
        hold up the others, and it is not lost.
        """
        waiting: list[tuple[int, str, Path]] = []
        for path in self.outbox.glob("*.json"):
            # Whoever shares the outbox may deliver the same events at this moment; the ledger records them once.
            with contextlib.suppress(FileNotFoundError):
                waiting.append((path.stat().st_mtime_ns, path.read_text(), path))
        waiting.sort()
        for start in range(0, len(waiting), BATCH):
            batch = waiting[start : start + BATCH]
            try:
                self._send(batch)
            except LedgerRefusedError:
                for letter in batch:
                    try:
                        self._send([letter])
                    except LedgerRefusedError:
                        self._set_aside(letter[2])
        return len(waiting)

    def _send(self, letters: Sequence[tuple[int, str, Path]]) -> None:
        if letters:
            self._call("POST", "/events", "[" + ",".join(body for _, body, _ in letters) + "]")
        for _, _, path in letters:
            path.unlink(missing_ok=True)

    def _set_aside(self, path: Path) -> None:
        (self.outbox / "refused").mkdir(exist_ok=True, mode=0o700)
        with contextlib.suppress(FileNotFoundError):
            path.rename(self.outbox / "refused" / path.name)

    def query(
        self, *, kind: str | None = None, subject: str | None = None, lane: Lane | None = None, limit: int = 100
    ) -> Sequence[AnyEvent]:
        """The newest events first. Raises `LedgerUnavailableError`."""
        asked = {"kind": kind, "subject": subject, "lane": lane, "limit": str(limit)}
        query = urllib.parse.urlencode({key: value for key, value in asked.items() if value is not None})
        try:
            return EVENTS.validate_json(self._call("GET", f"/events?{query}"))
        except ValidationError as error:
            raise LedgerUnavailableError(
                f"the ledger at {self.url} holds events that this version cannot read; update this checkout"
            ) from error

    def _call(self, method: str, path: str, body: str | None = None) -> bytes:
        try:
            request = urllib.request.Request(
                self.url + path,
                method=method,
                data=None if body is None else body.encode(),
                headers={
                    "Authorization": f"Bearer {self.token_file.read_text().strip()}",
                    "Content-Type": "application/json",
                },
            )
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
                return bytes(response.read())
        except urllib.error.HTTPError as error:
            detail = error.read().decode(errors="replace")[:300]
            kind = LedgerRefusedError if error.code == INVALID else LedgerUnavailableError
            raise kind(f"the ledger at {self.url} refused {method} {path}: {error.code} {detail}") from error
        except (OSError, http.client.HTTPException) as error:  # the latter when it is killed in mid-answer
            raise LedgerUnavailableError(
                f"the ledger at {self.url} does not answer ({error}); see `highway status`"
            ) from error
