"""Alembic's entry: migrates on the connection, and inside the transaction, that the caller opened."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
