"""Opaque ids for things that an agency's own system has an id for.

The same id always gives the same one in a deployment, and nobody can go back from it without the
secret of exchange's own database.
"""

import hmac
from dataclasses import dataclass

from shared.eventstore.port import Provenance
from shared.eventstore.store import Pool

KEY = "SELECT secret FROM identity_secret"
VERSION, VARIANT = 8 << 76, 2 << 62  # of RFC 9562: a UUID of our own making
KEPT = ~((0xF << 76) | (0x3 << 62)) & ((1 << 128) - 1)


@dataclass(frozen=True, slots=True)
class Identity:
    """Ids are scoped by agency and system: row 1 of two agencies are two things."""

    secret: bytes

    def contribution(
        self, sender: Provenance, local_id: str, moves: int = 0, scope: str | None = None
    ) -> str:
        """Return the id of a contribution; after each of ``moves`` its row has another.

        ``scope``: the part of the sender's system in which the local id is unique; None: all of it.
        """
        scoped = (local_id,) if scope is None else (scope, local_id)
        return self._derived("contribution", sender, *scoped, str(moves))

    def other(self, kind: str, sender: Provenance, local_id: str) -> str:
        """Return the id of what is neither a contribution nor a row, such as a decision."""
        return self._derived(kind, sender, local_id)

    def episode(self, sender: Provenance, local_id: str) -> str:
        return self._derived("episode", sender, local_id)

    def _derived(self, kind: str, sender: Provenance, *parts: str) -> str:
        message = b""
        for part in (kind, sender.agency, sender.system, *parts):
            written = part.encode()
            message += len(written).to_bytes(4) + written  # so that no two lists read the same
        number = int.from_bytes(hmac.digest(self.secret, message, "sha256")[:16])
        digits = f"{(number & KEPT) | VERSION | VARIANT:032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


async def load_identity(pool: Pool) -> Identity:
    return Identity(await pool.fetchval(KEY))
