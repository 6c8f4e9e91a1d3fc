"""The route table: a route a file, in the order in which they are matched."""

from reference_app.routes import health, metrics, page, predict, ready, style

ROUTES = (page.router, style.router, predict.router, health.router, ready.router, metrics.router)

# Those that are worth the way around the framework (`direct`).
DIRECT = (predict.router,)
