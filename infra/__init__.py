"""The platform: contracts, substrates, components, operations and the `highway` command."""
