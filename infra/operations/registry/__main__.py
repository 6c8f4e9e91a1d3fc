"""`python -m infra.operations.registry`: MLflow on 127.0.0.1:$PORT."""

from infra.operations.registry.app import create_app
from infra.operations.registry.settings import RegistrySettings
from infra.operations.server import serve

if __name__ == "__main__":
    serve(lambda: create_app(RegistrySettings.from_environment()))
