"""`python -m infra.operations.runner`."""

from infra.operations.runner.service import Settings, create_app
from infra.operations.server import serve

if __name__ == "__main__":
    serve(lambda: create_app(Settings.from_environment()))
