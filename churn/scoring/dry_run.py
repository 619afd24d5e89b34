"""Say what a night would do, but write no file: how many customers would get each play, and which contact
each customer would get.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from churn.scoring.play import AUDIENCES, Audience
from churn.scoring.playbook import Playbook

Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class RuleCount:
    """To how many customers a rule of the playbook would apply in a night, and how many would get its play.

    Attributes:
        play: The name of the play.
        audience: The name of the list to which the play belongs.
        n_holding: The number of customers whose stage fits the play and for whom its condition is true.
        n_with_play: The number of customers who get this play. The other customers to whom the rule applies
            get another play or none.
        n_planned: The number of customers who would be contacted.
        off_because: Why the play is switched off; None if it is on.
    """

    play: str
    audience: Audience
    n_holding: int
    n_with_play: int
    n_planned: int
    off_because: str | None


@dataclass(frozen=True)
class PlannedContact:
    """A contact that a night would plan."""

    customer_id: str
    play: str
    owner: str
    channel: str
    due_at: date


def rule_counts(
    playbook: Playbook,
    holds: Bools,
    play_indices: Mapping[Audience, Ints],
    is_planned: Bools,
    absent: Mapping[str, Sequence[str]],
    list_counts: Mapping[Audience, Mapping[str, tuple[int, int]]] | None = None,
) -> tuple[RuleCount, ...]:
    """Count the customers of each rule, in the order of the playbook; a rule without customers counts 0.

    Args:
        playbook: The playbook.
        holds: For each play and customer, whether the customer's stage fits the play and its condition is
            true, shape `[plays, customers]`; see `Playbook.holds`.
        play_indices: For each list that the night makes, the index of each customer's rule in
            `playbook.rules`, shape `[customers]`; -1 for a customer without a play. See `Playbook.choose`.
        is_planned: Whether each customer would be contacted, shape `[customers]`.
        absent: For each play that is switched off, the absent columns that its condition names, see
            `Playbook.switched_off`.
        list_counts: Two numbers for each play of the other lists, such as the list of lost customers: how
            many customers got the play, and how many of these are on the list. None if the night makes only
            the call list.
    """
    counts = []
    for index, rule in enumerate(playbook.rules):
        play = rule.play
        choice = play_indices.get(play.audience)
        is_mine = np.zeros(holds.shape[1], dtype=bool) if choice is None else choice == index
        off_because = play.pause
        if off_because is None and play.name in absent:
            off_because = f"there is no {', '.join(absent[play.name])}"
        n_holding, n_mine, n_planned = (
            int(mask.sum()) for mask in (holds[index], is_mine, is_mine & is_planned)
        )
        if list_counts and play.audience in list_counts:
            n_mine, n_planned = list_counts[play.audience].get(play.name, (0, 0))
            n_holding = n_mine if play.audience == "gone" else n_holding
        counts.append(RuleCount(play.name, play.audience, n_holding, n_mine, n_planned, off_because))
    return tuple(counts)


def dry_run_lines(counts: Sequence[RuleCount], contacts: Sequence[PlannedContact]) -> Iterator[str]:
    """Yield the lines of a dry run: a table of rules for each list of customers, then a line per contact.

    Args:
        counts: The numbers of customers for each rule of the playbook.
        contacts: The planned contacts, in the order of the call list.
    """
    width = max((len(count.play) for count in counts), default=0)
    for audience in AUDIENCES:
        of_list = [count for count in counts if count.audience == audience]
        if not of_list:
            continue
        yield f"{audience}: {'play':<{width}}  {'holds':>7}  {'has it':>7}  {'planned':>7}"
        indent = " " * (len(audience) + 2)
        for count in of_list:
            numbers = f"{count.n_holding:>7,}  {count.n_with_play:>7,}  {count.n_planned:>7,}"
            reason = f"  off: {count.off_because}" if count.off_because else ""
            yield f"{indent}{count.play:<{width}}  {numbers}{reason}"
    yield f"contacts that would be planned: {len(contacts):,}; the night is not written"
    for position, contact in enumerate(contacts, start=1):
        what = f"{contact.play} by {contact.channel}, {contact.owner}, due {contact.due_at}"
        yield f"{position}. {contact.customer_id}: {what}"
