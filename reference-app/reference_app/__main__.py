"""`python -m reference_app`: settings from the environment, the model by its digest, then requests."""

import os
import sys

from infra.contracts.errors import HighwayError
from reference_app.app import create_app
from reference_app.logs import configure_logs
from reference_app.server import serve
from reference_app.settings import load_settings

if __name__ == "__main__":
    log = configure_logs()
    try:
        settings = load_settings(os.environ)
        app = create_app(settings, log.write)
    except HighwayError as error:
        sys.exit(str(error))
    serve(app, settings)
