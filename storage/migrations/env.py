"""Alembic's entry point: runs the migrations on the connection that `migrate.py` hands over.

The connection is already inside its one immediate transaction, which Alembic then leaves alone: it
neither begins nor commits, so a migration is applied as a whole or not at all.
"""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
