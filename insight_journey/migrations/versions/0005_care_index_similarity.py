"""Care, the index of search, identity by similarity

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-21 14:10:00

"""

from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision: str = "0005"
down_revision: Union[str, Sequence[str], None] = "0004"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    """Upgrade schema."""
    op.add_column("sessions", sa.Column("care", sa.LargeBinary(), nullable=True))
    op.add_column("sessions", sa.Column("index_id", sa.Uuid(), nullable=True))
    op.add_column("runs", sa.Column("index_id", sa.Uuid(), nullable=True))
    op.add_column("identities", sa.Column("category", sa.String(length=64), nullable=True))
    op.add_column("identities", sa.Column("similarity", sa.Float(), nullable=True))
    op.add_column("identities", sa.Column("sealed", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Downgrade schema."""
    for table, column in (
        ("identities", "sealed"),
        ("identities", "similarity"),
        ("identities", "category"),
        ("runs", "index_id"),
        ("sessions", "index_id"),
        ("sessions", "care"),
    ):
        op.drop_column(table, column)
