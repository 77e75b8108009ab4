"""Turns of people at the queues

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-21 12:00:00

"""

from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision: str = "0004"
down_revision: Union[str, Sequence[str], None] = "0003"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    """Upgrade schema."""
    op.create_table(
        "turns",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("queue", sa.String(length=16), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_turns_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "queue", name=op.f("pk_turns")),
    )


def downgrade() -> None:
    """Downgrade schema."""
    op.drop_table("turns")
