"""What keeps the highway running: ledger, registry server, substrate exporter, runbooks. No Pulumi here."""
