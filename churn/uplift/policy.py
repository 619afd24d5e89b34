"""Whether a model of the effect chooses customers for contacts better than the risk alone, with the same
number of contacts.

A policy is a rule for whom to contact. Two policies are compared. The rows are divided into folds, and both
policies contact the same share of each fold. One policy chooses by the predicted effect of a contact. The
second policy chooses by the risk: the probability of the outcome, such as leaving, without a contact. Each
row is a unit: a person, an account or a customer. A unit has a worth: the money that its outcome costs or
brings, or 1 if outcomes are only counted. Both policies multiply the effect or the risk by this worth before
they choose. The pseudo-outcome of a unit is an estimate of the effect on this unit. Each unit that a policy
contacts adds its pseudo-outcome times its worth to a sum. The gain of the policy is this sum divided by the
number of all units. For each row, the amount added under the second policy is subtracted from the amount
added under the first policy. The result is 0 if both policies choose the row. The mean of the results over
all rows is the difference between the two gains. The interval of this mean is the interval of the difference.

The folds have an order, and a row is judged by a model that was fitted only to earlier folds. So the rows of
the first fold are not judged. It would be wrong to judge each fold by a model that was fitted to all other
folds. For any two folds A and B, the model that judges A would be fitted to B, and the model that judges B to
A. So a high gain in A would often come with a high gain in B, even if contacts had no effect. The standard
error of the difference between the two gains would then be too small by a factor of up to the square root of
2. As a result, 8 % of useless models would be accepted instead of 2.5 %.

Source: Athey and Wager (2021), Policy learning with observational data, Econometrica 89, for the value of
    a policy by doubly robust scores; Chernozhukov, Demirer, Duflo and Fernández-Val (2025),
    Fisher-Schultz lecture: Generic machine learning inference on heterogeneous treatment effects,
    Econometrica 93, for the effect by groups of the predicted effect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from churn.metrics.interval import Interval, Part
from churn.metrics.standard_errors import clustered_mean
from churn.uplift.learner import fit_uplift, pseudo_outcomes
from churn.uplift.sample import N_FOLDS, Floats, Ints, Sample

ALPHA = 0.05
"""One minus the confidence level of the intervals."""

N_GROUPS = 5
"""The number of groups of equal size into which units are divided by the predicted effect."""


@dataclass(frozen=True)
class HeldOutPredictions:
    """What models predict for rows that they have not seen; all arrays have the shape (rows,).

    Attributes:
        effect: How much a contact raises the probability of the outcome, or lowers it if the outcome is bad;
            above 0 is good.
        risk: The probability of the outcome, such as leaving, without a contact.
        pseudo_outcome: An estimate of the effect on each row, which is unbiased but noisy.
    """

    effect: Floats
    risk: Floats
    pseudo_outcome: Floats


class PolicyComparison(Part):
    """The gains of three policies (rules for whom to contact) with the same number of contacts.

    A gain is the effect of the policy's contacts, in outcomes or money, as a mean over all units of the
    sample.

    Attributes:
        contact_share: The share of the units that each policy contacts.
        effect: The gain if customers are chosen by the predicted effect.
        risk: The gain if customers are chosen by the risk.
        chance: The gain if customers are chosen by chance.
        difference: The gain `effect` minus the gain `risk`. Its interval comes from the differences of the
            rows.
    """

    contact_share: float
    effect: Interval
    risk: Interval
    chance: Interval
    difference: Interval


class EffectGroup(Part):
    """The effect in one of several groups of equal size; the groups are ordered by the predicted effect.

    Attributes:
        n: The number of units.
        up_to: The largest predicted effect in the group, computed in each fold and averaged over the folds.
        effect: How much a contact on average raises the probability of the outcome, or lowers it if the
            outcome is bad; above 0 is good. The chance that the true effect of one or more groups lies
            outside the group's interval is at most 5 %.
    """

    n: int
    up_to: float
    effect: Interval


def predict_held_out(sample: Sample, *, seed: int, threads: int) -> tuple[Sample, HeldOutPredictions]:
    """Return the rows that are judged, and the predictions for them from models that were fitted to earlier
    folds.

    Args:
        sample: The rows of all folds; the first fold is not judged.
        seed: The seed with which the trees are fitted.
        threads: The number of threads; it does not change the result.
    """
    judged_sample = sample.where(sample.fold > 0)
    effect, risk, pseudo_outcome = (np.zeros(len(judged_sample)) for _ in range(3))
    for fold in range(1, N_FOLDS):
        inside = judged_sample.fold == fold
        model = fit_uplift(sample.where(sample.fold < fold), seed=seed, threads=threads)
        own = judged_sample.where(inside)
        p_control, p_treatment = model.predict_outcomes(own.rows, threads)
        effect[inside] = model.predict_effect(own.rows, threads)
        risk[inside] = p_control
        pseudo_outcome[inside] = pseudo_outcomes(own, p_control, p_treatment)
    return judged_sample, HeldOutPredictions(effect, risk, pseudo_outcome)


def compare_policies(
    sample: Sample, predictions: HeldOutPredictions, contact_share: float
) -> PolicyComparison:
    """Compare the gains if contacts are chosen by the effect, by the risk and by chance.

    Args:
        sample: The rows that are judged.
        predictions: The predictions for these rows.
        contact_share: The share of the units that each policy contacts, in (0, 1).
    """
    gain, customer = predictions.pseudo_outcome * sample.worth, sample.rows.customer
    by_effect, by_risk = (
        choose_share(score * sample.worth, sample.fold, contact_share)
        for score in (predictions.effect, predictions.risk)
    )
    return PolicyComparison(
        contact_share=contact_share,
        effect=_mean(gain * by_effect, customer),
        risk=_mean(gain * by_risk, customer),
        chance=_mean(gain * contact_share, customer),
        difference=_mean(gain * (by_effect - by_risk), customer),
    )


def choose_share(score: Floats, fold: Ints, share: float) -> Floats:
    """Return each row's probability of a contact: 1 for the highest scores of a fold, 0 for the lowest.

    If several rows with the same score compete for the last contacts of a fold, all of them get the same
    probability between 0 and 1. So the order of the rows does not matter.

    Args:
        score: The number by which rows are ranked, shape (rows,).
        fold: The fold of each row, shape (rows,).
        share: The share of each fold that is contacted, in (0, 1).

    >>> choose_share(np.array([3.0, 1.0, 1.0, 0.0]), np.zeros(4, dtype=np.int64), 0.5).tolist()
    [1.0, 0.5, 0.5, 0.0]
    """
    chosen = np.zeros(len(score))
    for number in np.unique(fold):
        inside = fold == number
        own = score[inside]
        n_places = share * len(own)
        last = np.sort(own)[::-1][min(int(n_places), len(own) - 1)]
        above, equal = own > last, own == last
        chosen[inside] = np.where(above, 1.0, np.where(equal, (n_places - above.sum()) / equal.sum(), 0.0))
    return chosen


def group_effects(sample: Sample, predictions: HeldOutPredictions) -> tuple[EffectGroup, ...]:
    """Divide the units into groups by their predicted effect; return the effect in each, lowest group first.

    The trees of a model give no valid interval for the effect on a single customer. The interval of a group
    is valid, because it is computed from rows that the models have not seen. The error level of each
    interval is 5 % divided by the number of groups (Bonferroni). So the chance that at least one interval
    misses the true effect of its group is at most 5 %.
    """
    ranks, edges = np.zeros(len(sample), dtype=np.int64), []
    for number in np.unique(sample.fold):
        inside = sample.fold == number
        own = predictions.effect[inside]
        own_edges = np.quantile(own, np.arange(1, N_GROUPS) / N_GROUPS)
        ranks[inside] = np.searchsorted(own_edges, own, side="left")
        edges.append([*own_edges, own.max()])
    upper_edges = np.mean(edges, axis=0)
    groups = []
    for number in range(N_GROUPS):
        rows = ranks == number
        if rows.any():  # if many predictions are equal, a group may be empty
            effect = _mean(predictions.pseudo_outcome[rows], sample.rows.customer[rows], ALPHA / N_GROUPS)
            groups.append(EffectGroup(n=int(rows.sum()), up_to=float(upper_edges[number]), effect=effect))
    return tuple(groups)


def groups_left_alone(groups: tuple[EffectGroup, ...]) -> tuple[EffectGroup, ...]:
    """Return the groups whose effect is shown to be at most 0, from the lowest predicted effect upwards.

    A group's effect is shown to be at most 0 if the upper end of its interval is at most 0. The function
    starts with the group with the lowest predicted effect, and stops at the first group whose effect may be
    above 0. No later group is returned, even if its effect is shown to be at most 0: such a result is
    probably chance.
    """
    alone = []
    for group in groups:
        if group.effect.high is None or group.effect.high > 0:
            break
        alone.append(group)
    return tuple(alone)


def _mean(values: Floats, customer: Ints, alpha: float = ALPHA) -> Interval:
    mean, error = clustered_mean(values, customer)
    half = float(norm.ppf(1 - alpha / 2)) * error
    return Interval(value=mean, low=mean - half, high=mean + half)
