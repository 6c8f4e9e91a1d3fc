"""The secrets of one home: made once, kept in files that only their owner reads, never printed."""

import base64
import secrets as random
from pathlib import Path

import bcrypt

from infra.contracts.files import write_atomically
from infra.contracts.names import LEDGER_SECRET, OPERATOR, OPERATOR_SECRET
from infra.local.home import Home

PASSPHRASE_SECRET = "pulumi-passphrase"
WEB_CONFIG = "web-config"
# The password has 256 random bits: no work factor is needed against guessing, and every scrape pays for one.
BCRYPT_ROUNDS = 4


def ensure_secrets(home: Home) -> None:
    """Make what is missing; what exists stays, so running services keep knowing each other."""
    home.secrets.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in (PASSPHRASE_SECRET, OPERATOR_SECRET, LEDGER_SECRET):
        if not home.secret(name).exists():
            write_atomically(home.secret(name), random.token_urlsafe(32))
    if not web_config(home).exists():
        hashed = bcrypt.hashpw(home.secret(OPERATOR_SECRET).read_bytes(), bcrypt.gensalt(BCRYPT_ROUNDS)).decode()
        write_atomically(web_config(home), f"basic_auth_users:\n  {OPERATOR}: {hashed}\n")


def web_config(home: Home) -> Path:
    """What Prometheus and Alertmanager read to know the operator: a hash, but kept with the secrets."""
    return home.secret(WEB_CONFIG)


def basic_authorization(home: Home) -> str:
    """The value of an Authorization header for the admin interfaces."""
    password = home.secret(OPERATOR_SECRET).read_text().strip()
    return "Basic " + base64.b64encode(f"{OPERATOR}:{password}".encode()).decode()
