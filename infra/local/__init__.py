"""The embedded substrate: what stands in for a cloud on one machine, all of it below `.highway/`."""
