"""What a verb answered to one input, and the table of all answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["right", "refused", "a bug", "traceback", "other code", "no words", "hang", "wrong value"]

OUTCOMES: tuple[Outcome, ...] = (
    *("right", "refused", "a bug", "traceback", "other code", "no words", "hang", "wrong value"),
)
"""Exit 0 with the right value; a documented code with words; and six faults of the program."""

FAULTS = OUTCOMES[2:]

DOCUMENTED_CODES = (2, *range(10, 17))
"""The exit codes of docs/verbs.md with which a verb refuses an input."""


@dataclass(frozen=True)
class Answer:
    """The answer of a verb to one input.

    Attributes:
        number: The number of the input.
        kind: The kind of the input.
        mutation: What was changed.
        call: The verb.
        outcome: The outcome.
        code: The exit code; negative for a signal, None where the process did not end.
        words: The last words on stderr, or how a value differs.
        seconds: The time of the processor.
    """

    number: int
    kind: str
    mutation: str
    call: str
    outcome: Outcome
    code: int | None
    words: str
    seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.number}: {self.outcome}: {self.kind}: {self.mutation}: `churn {self.call}` "
            f"ended {self.code}: {self.words}"
        )


def outcome_of(code: int | None, stderr: str, wrong: str) -> Outcome:
    """Classify an answer.

    Args:
        code: The exit code; None where the process did not end in time.
        stderr: What the verb wrote there.
        wrong: How the values of exit 0 differ from the right ones; empty if they are equal.
    """
    if code is None:
        return "hang"
    if "a bug:" in stderr:
        return "a bug"
    if "Traceback (most recent call last)" in stderr:
        return "traceback"
    if code == 0:
        return "wrong value" if wrong else "right"
    if code not in DOCUMENTED_CODES:
        return "other code"
    return "refused" if stderr.strip() else "no words"


def table(answers: Sequence[Answer]) -> Iterator[str]:
    """Yield the lines of the table: a line for each kind of input, and one for all together."""
    yield f"| input | verbs | inputs | {' | '.join(OUTCOMES)} |"
    yield f"|---|---|---:|{'---:|' * len(OUTCOMES)}"
    for kind in dict.fromkeys(sorted(answer.kind for answer in answers)):
        of_kind = [answer for answer in answers if answer.kind == kind]
        verbs = ", ".join(f"`{call}`" for call in sorted({answer.call for answer in of_kind}))
        yield _line(kind, verbs, of_kind)
    yield _line("**all**", "", answers)
    codes = Counter(answer.code for answer in answers if answer.outcome == "refused")
    by_code = ", ".join(f"{code}: {count:,}" for code, count in sorted(codes.items(), key=str))
    yield f"\nRefused, by exit code: {by_code or 'none'}."


def _line(name: str, verbs: str, answers: Sequence[Answer]) -> str:
    counts = Counter(answer.outcome for answer in answers)
    cells = " | ".join(f"{counts[outcome]:,}" for outcome in OUTCOMES)
    return f"| {name} | {verbs} | {len(answers):,} | {cells} |"
