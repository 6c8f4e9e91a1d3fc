"""Errors that people read."""


class HighwayError(Exception):
    """Something a person can mend: the message says in one line what is wrong and what to do.

    The `highway` command shows the message without a traceback and exits with 1."""
