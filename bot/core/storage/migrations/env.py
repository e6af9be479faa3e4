"""What Alembic runs: every migration on the connection that `records` hands over."""

from __future__ import annotations

from alembic import context

from bot.core.storage.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
