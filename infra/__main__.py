"""The platform program: load the configuration, build, export."""

from infra.program import main

main()
