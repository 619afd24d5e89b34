"""Make one sample of units for each treated arm of an experiment that the company ran by itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from churn.experiments.outside import OutsideExperiment, sample_of
from churn.experiments.outside_rows import OutsideUnits
from churn.experiments.unit_outcomes import LabelOutcomes
from churn.params import OutsideParams
from churn.uplift.covariates import covariate_rows, unequal_covariates
from churn.uplift.measure import SampleFacts
from churn.uplift.result import UpliftReason
from churn.uplift.sample import Sample, make_sample


def outside_samples(
    experiment: OutsideParams,
    units: OutsideUnits,
    measurement: OutsideExperiment,
    labels: LabelOutcomes | None = None,
) -> Iterator[tuple[Sample, SampleFacts]]:
    """Yield one sample for each treated arm: the rows of this arm and of the control arm, ordered by the name
    of the unit.

    The probability that a unit is treated is computed from the planned sizes of the arms. If the experiment
    has no `sizes`, no model is fitted, and `obstacle` says why.

    Args:
        experiment: The experiment, as params.yaml describes it.
        units: The units of the experiment.
        measurement: The result of `measure_outside` for the experiment.
        labels: The labels of customers, and the days on which they become known; needed only if the outcome
            is `label`.
    """
    outcomes, _, _ = sample_of(units, labels)
    left_out_counts = {
        reason: count
        for reason, count in (
            ("in arms that are left out", measurement.left_out_count),
            ("outcome not known yet", measurement.immature),
            ("without label", measurement.without_label),
        )
        if count
    }
    for treatment in experiment.treated:
        own = np.flatnonzero(np.isin(outcomes.arm.astype(str), (experiment.control, treatment)))
        own = own[np.argsort(units.unit[outcomes.rows[own]].astype(str), kind="stable")]
        rows = outcomes.rows[own]
        customers = units.unit[rows] if units.account is None else units.account[rows]
        names = [str(name) for name in customers]
        columns = {name: values[rows] for name, values in units.covariates.items()}
        labelled = covariate_rows(columns, outcomes.event[own], names)
        in_treatment = outcomes.arm[own] == treatment
        sizes = experiment.sizes or {experiment.control: 1.0, treatment: 1.0}
        propensity = sizes[treatment] / (sizes[experiment.control] + sizes[treatment])
        unequal = unequal_covariates(labelled, in_treatment)
        sample = make_sample(
            labelled,
            names,
            in_treatment,
            np.full(len(rows), propensity),
            is_wanted=bool(experiment.wanted),
        )
        yield (
            sample,
            SampleFacts(
                name=experiment.name,
                outcome=experiment.outcome,
                control=experiment.control,
                treatment=treatment,
                unit_of_gain="outcomes",
                left_out_counts=left_out_counts,
                unequal_covariates=unequal,
                obstacle=_obstacle(measurement, columns.keys(), unequal),
            ),
        )


def _obstacle(
    measurement: OutsideExperiment, covariates: Collection[str], unequal: tuple[str, ...]
) -> UpliftReason | None:
    """Return why no model may be fitted to an experiment."""
    if measurement.sizes is None:
        return UpliftReason.NO_DESIGN
    if measurement.sizes.alarm:
        return UpliftReason.WRONG_SIZES
    if not covariates:
        return UpliftReason.NO_COVARIATES
    return UpliftReason.UNEQUAL_ARMS if unequal else None
