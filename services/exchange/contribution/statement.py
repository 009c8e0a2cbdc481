"""What the source of a contribution last said of it, small enough to compare many rows at once."""

from hashlib import blake2b

import orjson

from services.exchange.contribution.life import content
from shared.contracts.exchange import Act

DIGEST_BYTES = 16


def digest_of(act: Act) -> bytes:
    """Return a digest of what the act says; acts that say the same have the same one.

    Its contribution does not count. Nor do empty fields, so that a build with one more of them
    knows the digests of those before.
    """
    said = {name: value for name, value in content(act).items() if value is not None}
    del said["contribution_id"]
    return blake2b(
        orjson.dumps(said, option=orjson.OPT_SORT_KEYS), digest_size=DIGEST_BYTES
    ).digest()
