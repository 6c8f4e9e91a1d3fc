"""The ledger's one table, as queries see it; the migrations make it."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, DateTime, Integer, MetaData, Table, Text

METADATA = MetaData()

# `body` is the event as it was sent; the other columns repeat what queries select and sort by.
EVENTS_TABLE = Table(
    "events",
    METADATA,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("step", Text),
    Column("outcome", Text, nullable=False),
    Column("event_time", DateTime(timezone=True), nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("is_replay", Boolean, nullable=False),
    Column("body", JSON, nullable=False),
)
