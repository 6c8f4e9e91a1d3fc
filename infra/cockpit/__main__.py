"""`python -m infra.cockpit`: the cockpit on 127.0.0.1:$PORT."""

from infra.cockpit.app import create_app
from infra.cockpit.settings import CockpitSettings
from infra.operations.server import serve

if __name__ == "__main__":
    serve(lambda: create_app(CockpitSettings.from_environment()))
