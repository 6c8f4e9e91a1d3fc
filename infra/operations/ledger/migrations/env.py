"""Alembic runs this. The service hands over its connection; `--sql` only prints, for a database it cannot reach."""

from alembic import context

from infra.operations.ledger.tables import METADATA

if context.is_offline_mode():
    context.configure(dialect_name=context.config.get_main_option("dialect"), target_metadata=METADATA)
else:
    context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)

with context.begin_transaction():
    context.run_migrations()
