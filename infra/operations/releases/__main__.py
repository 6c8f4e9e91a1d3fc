"""`python -m infra.operations.releases`: the release controller of one highway."""

from infra.operations.releases.service import main

main()
