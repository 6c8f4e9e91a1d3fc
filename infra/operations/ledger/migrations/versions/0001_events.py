"""The table of events, and the triggers that keep it append-only."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

REFUSAL = "the ledger is append-only: record a new event that corrects the old one"


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("step", sa.Text),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_replay", sa.Boolean, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
    )
    # What the cockpit asks (the newest of a lane, of a subject), and what the exporter counts at every scrape.
    op.create_index("events_lane_recorded", "events", ["lane", "recorded_at"])
    op.create_index("events_subject_recorded", "events", ["subject", "recorded_at"])
    op.create_index("events_recorded", "events", ["recorded_at"])
    op.create_index("events_kind_outcome", "events", ["kind", "outcome", "subject", "step", "recorded_at"])
    if op.get_context().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER events_refuse_{verb.lower()} BEFORE {verb} ON events "
                f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
            )
    else:
        op.execute(
            "CREATE FUNCTION events_refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
        )
        # A statement trigger, because TRUNCATE has no rows and a change of no rows is a change all the same.
        op.execute(
            "CREATE TRIGGER events_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON events "
            "FOR EACH STATEMENT EXECUTE FUNCTION events_refuse_change()"
        )


def downgrade() -> None:
    raise NotImplementedError("the ledger only grows: restore a backup to go back")
