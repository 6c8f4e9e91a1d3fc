"""The pipelines' program: read the platform's outputs, declare."""

from pipelines.program import deploy, platform

deploy(platform())
