"""The `highway` command: puts the steps in order and shows progress. Pulumi does the work."""

from infra.cli.app import main

__all__ = ["main"]
