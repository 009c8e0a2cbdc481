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
PASSING = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,  # the server said farewell as a statement was being sent
)


def passes(error: BaseException) -> bool:
    """Tell whether trying again can help without anybody doing anything."""
    if isinstance(error, PASSING):
        return True
    # asyncpg has one class for a connection that went away and for a wrong argument
    return isinstance(error, asyncpg.InterfaceError) and "clos" in str(error)
