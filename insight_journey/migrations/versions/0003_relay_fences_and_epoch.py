"""Relay fences, marks set aside, the epoch

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-21 11:52:00

"""

from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision: str = "0003"
down_revision: Union[str, Sequence[str], None] = "0002"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    """Upgrade schema."""
    with op.batch_alter_table("stale_marks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("attempts", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("error_code", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("set_aside_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("relay_leases", schema=None) as batch_op:
        batch_op.add_column(sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("written", sa.BigInteger(), server_default="0", nullable=False))
    op.create_table(
        "installations",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("graph_counter", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_installations")),
    )


def downgrade() -> None:
    """Downgrade schema."""
    op.drop_table("installations")
    with op.batch_alter_table("relay_leases", schema=None) as batch_op:
        batch_op.drop_column("written")
        batch_op.drop_column("fence")
    with op.batch_alter_table("stale_marks", schema=None) as batch_op:
        batch_op.drop_column("set_aside_at")
        batch_op.drop_column("error_code")
        batch_op.drop_column("attempts")
