"""What was compared, and what was found not to be as promised."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

SHOWN_PER_CHECK_MAX = 20


@dataclass(slots=True)
class Report:
    """``compared`` says how much was looked at: a clean report of nothing proves nothing.

    ``problems`` maps a check to some sentences; ``counts`` counts them all.
    """

    compared: Counter[str] = field(default_factory=Counter)
    problems: dict[str, list[str]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not self.counts

    def problem(self, check: str, sentence: str) -> None:
        self.counts[check] += 1
        shown = self.problems.setdefault(check, [])
        if len(shown) < SHOWN_PER_CHECK_MAX:
            shown.append(sentence)

    def note(self, sentence: str) -> None:
        """Tell what is worth knowing and breaks no promise."""
        self.notes.append(sentence)

    def as_json(self) -> dict[str, Any]:
        return {
            "clean": self.clean,
            "compared": dict(self.compared),
            "problems": self.problems,
            "problem_counts": dict(self.counts),
            "notes": self.notes,
        }
