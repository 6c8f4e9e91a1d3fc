"""What listens on loopback is asked directly, whatever proxy the machine's user has set for the rest of the world.

Without it our own requests, and the passwords in them, would be sent to that proxy.
"""

import os

VARIABLES = ("NO_PROXY", "no_proxy")  # some programs read the one, some the other
LOOPBACK = ("127.0.0.1", "localhost")


def without_proxy() -> dict[str, str]:
    """`VARIABLES` as they are to be: loopback, beside what the user excluded already."""
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    hosts = dict.fromkeys([*LOOPBACK, *filter(None, map(str.strip, known.split(",")))])
    return dict.fromkeys(VARIABLES, ",".join(hosts))
