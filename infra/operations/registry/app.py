"""MLflow's own ASGI app, with the operator's password before it.

`mlflow server` would start it in a second process beside a manager, and its basic-auth plugin keeps a user
database that nobody needs here: one process has one thing to restart and half the memory.
"""

import importlib
import os
import warnings

from infra.operations.basic_auth import BasicAuth
from infra.operations.registry.settings import PROXIED_ARTIFACTS, RegistrySettings

HEALTH = "/health"


def create_app(settings: RegistrySettings) -> BasicAuth:
    """Changes this process's environment, where MLflow looks for its settings; so one app a process.

    The database is migrated here: a registry that answers its health check can serve."""
    os.environ.update(settings.mlflow_environment())
    with warnings.catch_warnings():
        # MLflow stands on a module of Starlette that will go; its pinned version still has it.
        warnings.filterwarnings("ignore", message="starlette.middleware.wsgi", category=DeprecationWarning)
        server = importlib.import_module("mlflow.server.fastapi_app")
    handlers = importlib.import_module("mlflow.server.handlers")
    handlers.initialize_backend_stores(settings.database, settings.database, PROXIED_ARTIFACTS)
    return BasicAuth(server.app, password_file=settings.password_file, open_paths=(HEALTH,))
