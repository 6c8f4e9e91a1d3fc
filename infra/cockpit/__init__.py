"""The SRE cockpit: what the four lanes did last, from the ledger and Prometheus only."""
