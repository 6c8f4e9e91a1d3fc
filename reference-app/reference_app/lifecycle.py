"""Whether the app takes new work. It leaves in two steps, so that whoever sends it traffic can notice first."""

from dataclasses import dataclass


@dataclass
class Lifecycle:
    """While draining, readiness answers 503 and each answer closes its connection; requests are still served."""

    is_draining: bool = False
