"""The ledger service: an append-only record of evidence and decisions (`infra.contracts.events`)."""
