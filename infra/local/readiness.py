"""Asking a service whether it is ready."""

import urllib.request


def answers(url: str, timeout_seconds: float) -> bool:
    """Whether a GET of `url` gives 200-399."""
    try:
        with urllib.request.urlopen(url, timeout=timeout_seconds):
            return True
    except OSError:
        return False
