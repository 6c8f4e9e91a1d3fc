"""`python -m infra.operations.ledger`: the ledger service on 127.0.0.1:$PORT."""

from infra.operations.ledger.app import create_app
from infra.operations.ledger.settings import LedgerSettings
from infra.operations.server import serve

if __name__ == "__main__":
    serve(lambda: create_app(LedgerSettings.from_environment()))
