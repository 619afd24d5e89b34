"""Read the outcomes of customers whom earlier nights scored, to measure the performance of the model."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from churn.data.own_files import read_own_parquet
from churn.data.store import Store
from churn.drift.performance import (
    Outcomes,
    estimate_figures,
    observed_expected_interval,
    realised_figures,
)
from churn.drift.result import RealisedNight
from churn.drift.untreated_weights import CONTACT_DAYS, weigh_untreated
from churn.errors import SourceError
from churn.experiments.exposure import TaskHistory
from churn.experiments.ledger import Ledger
from churn.experiments.unit_outcomes import LabelOutcomes, read_labels
from churn.features.engine.cohort import read_customers
from churn.labels.outcomes import label_window
from churn.params import LabelParams
from churn.scoring.past_nights import PastNightFacts, read_facts, scored_nights
from churn.scoring.sink import scores_path

Floats = npt.NDArray[np.float64]

MAX_NIGHTS = 6
"""The largest number of earlier nights that are measured, and of label windows in which new churners are
counted.
"""


@dataclass(frozen=True)
class RealisedNights:
    """What is known about the outcomes of earlier nights.

    Attributes:
        nights: The cutoffs of the nights, the newest first.
        outcomes: The outcomes of each of the nights.
        digests: The digest of the model that scored each of the nights.
        churners_since: The number of churners who became known since the training; None if no label window
            has ended since then.
        notes: For each night that cannot be read, a sentence that says why.
    """

    nights: tuple[RealisedNight, ...]
    outcomes: tuple[Outcomes, ...]
    digests: tuple[str, ...]
    churners_since: int | None
    notes: tuple[str, ...]


def matured_nights(
    nights: Sequence[date], night: date, label: LabelParams, late_days: int, max_nights: int = MAX_NIGHTS
) -> list[date]:
    """Return the newest nights whose outcomes are known and whose label windows do not overlap, the newest
    first.

    Args:
        nights: The cutoffs of the scored nights.
        night: The day up to which outcomes are known.
        label: The definition of the label.
        late_days: The largest number of days between the day of a row and its arrival in the data.
        max_nights: The largest number of nights to return.
    """
    chosen: list[date] = []
    for earlier in sorted(nights, reverse=True):
        window = label_window(earlier, label, late_days)
        if window.mature_on > night or (
            chosen and window.end > label_window(chosen[-1], label, late_days).start
        ):
            continue
        chosen.append(earlier)
    return chosen[:max_nights]


def read_realised(
    store: Store, output: Path, night: date, ledger: Ledger, learnt_until: date
) -> RealisedNights:
    """Read the outcomes of earlier nights, and count the churners who became known since the training.

    Args:
        store: The store.
        output: The output folder, which holds the scores of earlier nights.
        night: The cutoff of the present night; only outcomes that were known by then are read.
        ledger: The decisions of the nights before this night.
        learnt_until: The newest cutoff of the training.
    """
    label, late_days = store.params.label, store.params.snapshot.late_days
    scored, notes = _scored_nights(output, night, store.params.label_id)
    chosen = matured_nights(list(scored), night, label, late_days)
    windows = _windows_since(learnt_until, night, label, late_days)
    labels = read_labels(store, {*chosen, *windows}, night)
    nights, outcomes, digests = [], [], []
    for earlier in chosen:
        facts = scored[earlier]
        try:
            customers, probability = _read_scores(output, earlier, facts, label.words.probability)
        except SourceError as error:
            notes.append(f"{error} The figures about past nights do not include the night of {earlier}.")
            continue
        end = label_window(earlier, label, late_days).end
        weighed = weigh_untreated(ledger, customers, earlier - timedelta(days=CONTACT_DAYS), end)
        left = labels.left_at(earlier, customers.tolist())
        counts = ~np.isnan(left) & (weighed.weights > 0)
        if not counts.any():
            continue
        own = Outcomes(left[counts], probability[counts], weighed.weights[counts], _codes(customers[counts]))
        nights.append(
            RealisedNight(
                night=earlier,
                model_version=facts.model_version,
                customers=int(counts.sum()),
                n_treated=weighed.n_treated,
                churners=int(own.left.sum()),
                expected=own.expected,
                observed_expected=observed_expected_interval(own),
                outcome_figures=realised_figures(own.left, own.probability, own.weights),
                estimated_figures=estimate_figures(own.probability, own.weights),
                note=weighed.note,
            )
        )
        outcomes.append(own)
        digests.append(facts.model_digest)
    return RealisedNights(
        tuple(nights),
        tuple(outcomes),
        tuple(digests),
        _churners(store, labels, windows, ledger),
        tuple(notes),
    )


def pool(outcomes: Sequence[Outcomes]) -> Outcomes | None:
    """Return the outcomes of several nights as one object; None if there are no nights."""
    if not outcomes:
        return None
    return Outcomes(
        *(
            np.concatenate([getattr(own, name) for own in outcomes])
            for name in ("left", "probability", "weights", "customer")
        )
    )


def _codes(customers: npt.NDArray[np.object_]) -> npt.NDArray[np.int64]:
    """Return a number for each customer id; the number of an id is the same on all nights."""
    return np.array([hash_of(str(customer)) for customer in customers], dtype=np.int64)


def hash_of(text: str) -> int:
    """Return a number of 63 bits that depends only on the text."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def _scored_nights(output: Path, night: date, label_id: str) -> tuple[dict[date, PastNightFacts], list[str]]:
    """Return the facts of the earlier nights whose model predicts the label, and, for each damaged night, a
    sentence that says what is wrong.
    """
    scored, notes = {}, []
    for earlier in scored_nights(output):
        if earlier >= night:
            continue
        try:
            facts = read_facts(output, earlier)
        except FileNotFoundError:
            continue  # the folder holds no complete night
        except SourceError as error:
            notes.append(f"{error} The figures about past nights do not include the night of {earlier}.")
            continue
        if facts.label_id == label_id:
            scored[earlier] = facts
    return scored, notes


def _read_scores(
    output: Path, night: date, facts: PastNightFacts, probability: str
) -> tuple[npt.NDArray[np.object_], Floats]:
    """Return the ids and the probabilities of the customers who were scored on a night."""
    path = scores_path(output, night)
    try:
        table = read_own_parquet(
            path,
            ("customer_id", probability),
            way_out=f"Run `churn score --cutoff {night}` again.",
            checksum=facts.files.get(path.name),
            only=True,
        ).drop_null()
    except FileNotFoundError:
        raise SourceError(f"{path}: the file is missing. Run `churn score --cutoff {night}` again.") from None
    customers = np.array(table.column("customer_id").to_pylist(), dtype=object)
    return customers, table.column(probability).to_numpy()


def _windows_since(learnt_until: date, night: date, label: LabelParams, late_days: int) -> list[date]:
    """Return cutoffs after the training, one horizon apart, whose outcomes are known on `night`.

    The label window of the first cutoff begins where the last label window of the training ends.
    """
    cutoffs: list[date] = []
    cutoff = learnt_until + timedelta(days=label.horizon_days)
    while len(cutoffs) < MAX_NIGHTS and label_window(cutoff, label, late_days).mature_on <= night:
        cutoffs.append(cutoff)
        cutoff += timedelta(days=label.horizon_days)
    return cutoffs


def _churners(store: Store, labels: LabelOutcomes, windows: Sequence[date], ledger: Ledger) -> int | None:
    """Return how many customers left in the label windows of some cutoffs; None if there are no cutoffs.

    A new training could learn from these churners. Customers who were contacted are left out.

    Args:
        store: The store.
        labels: Who left after each cutoff.
        windows: The cutoffs.
        ledger: The decisions of earlier nights.
    """
    if not windows:
        return None
    ids, history, churners = read_customers(store).ids.tolist(), TaskHistory(ledger), 0
    for cutoff in windows:
        end = label_window(cutoff, store.params.label, store.params.snapshot.late_days).end
        treated = history.weights(history.open_in(cutoff, end)).treated_units
        own = [customer for customer in ids if history.unit(str(customer)) not in treated]
        churners += int(np.nansum(labels.left_at(cutoff, own)))
    return churners
