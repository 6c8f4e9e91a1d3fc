"""The sample app: the risk that a flight from New York arrives late, served from one exact model."""
