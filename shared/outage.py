"""What asyncpg raises when the database is away, or leaves in the middle of something."""

import asyncpg

# The last is what a statement meets when the server's farewell arrives as it is being sent.
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
