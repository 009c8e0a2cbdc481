"""Sessions of a pool: lent for a statement or a transaction, and given back without a word."""


async def left_as_it_is(_connection: object) -> None:
    """Spare each borrowing the round trip that clears a session, as ``reset`` of a pool.

    Nothing is left in one: asyncpg rolls an open transaction back without this, what is set is set
    for a transaction only, and who takes a session lock ends the connection that has it.
    """
