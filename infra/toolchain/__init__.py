"""Finds, fetches or builds the tools. Standard library only: most of it runs before the venv exists."""
