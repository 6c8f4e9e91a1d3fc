"""Typed promises between the platform, the pipelines and the apps. Standard library and pydantic only."""
