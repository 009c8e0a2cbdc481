"""What people wrote with their feedback: no event says it, so it is kept beside the events."""

from collections.abc import Mapping, Sequence

from shared.contracts.exchange import FeedbackGiven
from shared.eventstore.port import Recorded


def words_of(recorded: Sequence[Recorded], words: Mapping[str, str]) -> Sequence[dict[str, object]]:
    """Return what ``change_read_models`` is to keep of the words; ``words`` are by feedback."""
    given = [one.event.feedback_id for one in recorded if type(one.event) is FeedbackGiven]
    kept: list[dict[str, object]] = [
        {"feedback_id": each, "words": words[each]} for each in given if each in words
    ]
    return [{"change": "keep_words", "rows": kept}] if kept else []
