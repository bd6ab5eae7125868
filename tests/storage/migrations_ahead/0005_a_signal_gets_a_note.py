"""A version that this program does not have yet: it rebuilds a table that has rows and keys on it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    keep_ids = {"sqlite_autoincrement": True}
    with op.batch_alter_table("signal", recreate="always", table_kwargs=keep_ids) as table:
        table.add_column(sa.Column("note", sa.String(), nullable=False, server_default=""))
