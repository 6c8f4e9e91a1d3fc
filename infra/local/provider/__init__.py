"""A small Pulumi provider in Python: `PulumiPlugin.yaml` beside this file is how the engine finds it."""
