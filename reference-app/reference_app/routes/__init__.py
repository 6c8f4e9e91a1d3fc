"""The route table: a route a file, in the order in which they are matched."""

from reference_app.routes import (
    batch,
    explain,
    health,
    metrics,
    page,
    predict,
    ready,
    style,
    v2_infer,
    v2_model,
    v2_repository,
    v2_server,
)

ROUTES = (
    page.router,
    style.router,
    predict.router,
    batch.router,
    explain.router,
    v2_server.router,
    v2_model.router,
    v2_infer.router,
    v2_repository.router,
    health.router,
    ready.router,
    metrics.router,
)

# Those that are worth the way around the framework (`direct`).
DIRECT = (predict.router,)
