"""The script that Alembic runs: it applies every migration on the connection that `records` passes in."""

from __future__ import annotations

from alembic import context

from bot.core.storage.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
