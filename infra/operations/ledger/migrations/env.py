"""Alembic runs this, on the connection that the service hands over."""

from alembic import context

from infra.operations.ledger.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
