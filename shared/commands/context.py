"""What is known when a command is built."""

from datetime import datetime

import msgspec

from shared.eventstore.port import Provenance
from shared.http.submission import Submission


class CommandContext(msgspec.Struct, frozen=True):
    """A submission and the present; a service adds what it looked up."""

    submission: Submission
    now: datetime

    @property
    def sender(self) -> Provenance:
        return self.submission.context.provenance
