"""`highway env`: the environment of the stack, for a shell."""

from infra.local.engine import write_environment
from infra.local.home import Home
from infra.local.secrets import ensure_secrets


def command() -> None:
    """Print the environment in which a plain `pulumi up` works: eval "$(highway env)"."""
    home = Home.from_environment()
    ensure_secrets(home)
    print(write_environment(home).read_text(), end="")
