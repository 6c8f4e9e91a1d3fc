"""Continuous integration on one machine: a push to our bare repo runs the repo's own workflow, through `act`."""
