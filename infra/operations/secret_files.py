"""Secrets as the substrate hands them over: the path of a file, read when it is needed."""

import hmac
from pathlib import Path


class SecretFileError(Exception):
    """A secret's file is absent or empty; the message says which and what to do."""


def read_secret(path: Path) -> str:
    """The secret without its final newline. Read at each use, so that a rotated secret needs no restart."""
    try:
        secret = path.read_text().strip()
    except OSError as error:
        raise SecretFileError(f"secret file {path} cannot be read ({error.strerror}); run `highway up`") from error
    if not secret:
        # An empty secret would let an empty password in.
        raise SecretFileError(f"secret file {path} is empty; remove it and run `highway up`")
    return secret


def matches(given: str, expected: str) -> bool:
    """Equality in a time that tells nothing about where they differ."""
    return hmac.compare_digest(given.encode(), expected.encode())
