"""The ledger's client for whoever works at this home: the command line, hooks, drills."""

from infra.contracts.ledger import LedgerClient
from infra.contracts.outputs import PlatformOutputs
from infra.local.home import Home


def ledger_client(home: Home, platform: PlatformOutputs) -> LedgerClient:
    storage = platform.storage
    return LedgerClient(storage.ledger_url, home.secret(storage.ledger_secret), home.outbox)
