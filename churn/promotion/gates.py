"""The gates (conditions) that a challenger must pass to become the champion.

A gate about a metric judges the interval of the metric, and not only its value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from statistics import fmean

from churn.evaluation.measures import CHAMPION, CHAMPION_RECIPE
from churn.evaluation.result import EvaluationResult
from churn.guards.model.outcomes import TOO_GOOD_RULE, above_simple_models, too_good
from churn.guards.sign_off import SignOffs, guard_verdict
from churn.guards.verdict import Gate, Verdict
from churn.labels.calendar import TEST_CUTOFFS
from churn.metrics.catalog import candidate_name
from churn.metrics.interval import Interval, format_interval, test_set_uses
from churn.params import PromoteParams
from churn.promotion.champion_gates import champion_gates
from churn.snapshots.exposure import exposure_in_words

SHOWN_BEFORE = 12
"""The largest number of cutoffs before the test that an explanation lists, the newest ones; metrics.json has
all of them.
"""

LOGISTIC = "logistic"
"""The baseline that is a model like the candidates; a challenger must be as good as this baseline, not
better.
"""

SEASON_DAYS = 15
"""The largest distance in days from one or two years before a test cutoff at which a cutoff is of the same
season.
"""

OWN_GATES = (CHAMPION, CHAMPION_RECIPE, LOGISTIC)
"""The candidates that are compared by gates of their own."""


def apply_gates(
    result: EvaluationResult, settings: PromoteParams, sign_offs: SignOffs, params_file: str
) -> Verdict:
    """Apply the gates to an evaluation, and return the verdict.

    The gates ask for these conditions:

    1. The challenger predicts better than chance: the interval of the AUC is above one half.
    2. The challenger's log loss is below the log loss of every baseline: the paired interval of the
       difference, challenger minus baseline, is below 0. Against the logistic regression it is enough that
       the challenger's log loss is as good, within `promote.margin`. If the challenger itself is a logistic
       regression, there is no such gate.
    3. The interval of observed/expected overlaps the range `promote.observed_expected`. If the interval does
       not contain 1, a note has figures that show whether the churn rate changed or the model is wrong. All
       figures that the gates compare are computed from untreated rows. Among these rows, some controls
       have a higher weight, because they also stand for the treated rows. If no controls stand for treated
       rows, a person must have given a reason in `evaluate.accept.no_controls`.
    4. There are at least `TEST_CUTOFFS` test cutoffs, or as many as the data allow.
    5. The challenger is not worse than the champion. If the champion has learnt from the test cutoffs, the
       challenger is compared instead with a new model that has the champion's recipe (`champion_gates`).
    6. No guard stops the promotion, and the AUC is not too high to be true. A person may accept findings of
       guards in `evaluate.accept`.

    Args:
        result: The result of the evaluation.
        settings: The section `promote` of the parameters.
        sign_offs: For each finding that a person accepted, the reason.
        params_file: The name of the parameter file, for messages.
    """
    accept, margin = sign_offs.evaluate, settings.margin
    baselines = [name for name in result.compared_with if name not in OWN_GATES]
    guards = guard_verdict(result.guards, sign_offs, f"{params_file}: evaluate")
    gates = (
        _signal(result),
        *(_beats(result, name) for name in baselines),
        *_matches_logistic(result, margin),
        _level(result, settings.observed_expected),
        *_controls(result, params_file),
        *_cutoffs(result, accept.get("test_cutoffs"), params_file),
        *champion_gates(result, margin),
        _too_good(result, accept.get("too_good"), params_file),
        *guards.gates,
    )
    notes = (*_notes(result), *_off_level(result), *guards.notes)
    verdict = Verdict(gates, notes, guards.signed, guards.signed_off)
    return verdict.spoken(result.words)


def _signal(result: EvaluationResult) -> Gate:
    return Gate.of(
        "signal",
        result.signal.found != "no signal",
        result.challenger.auc,
        "the 95% interval of AUC lies above one half",
        result.signal.words,
        "Check with `churn label` that the label is what you mean, and add signals, cutoffs or data. A "
        "label that depends on nothing in the data cannot be learnt.",
    )


def _beats(result: EvaluationResult, baseline: str) -> Gate:
    loss = result.paired[f"challenger_minus_{baseline}"].log_loss
    name = candidate_name(baseline)
    return Gate.of(
        f"beats_{baseline}",
        loss.high is not None and loss.high < 0,
        loss,
        f"the paired 95% interval of log loss, challenger minus {name}, lies below 0",
        f"log loss of the challenger minus that of {name}: {format_interval(loss, 4)}; the gate requires "
        "an interval below 0.",
        "Add signals, cutoffs or data, and see evaluate/card.md.",
    )


def _matches_logistic(result: EvaluationResult, margin: float) -> Iterator[Gate]:
    pair = result.pair(LOGISTIC)
    if pair is None or result.model.candidate == LOGISTIC:
        return
    loss = pair.log_loss
    max_loss = margin * (result.candidates[LOGISTIC].log_loss.value or 0.0)
    yield Gate.of(
        f"matches_{LOGISTIC}",
        loss.high is not None and loss.high < max_loss,
        loss,
        f"the paired 95% interval of log loss, challenger minus the logistic regression, lies below "
        f"{margin:.0%} of the regression's log loss",
        f"log loss of the challenger minus that of the logistic regression: {format_interval(loss, 4)}; "
        f"the gate requires an interval below {max_loss:.4f}. This limit is {margin:.0%} of the regression's "
        "log loss.",
        "Make the logistic regression a candidate (train.candidates), or add cutoffs or data.",
    )


def _cutoffs(result: EvaluationResult, reason: str | None, file: str) -> Iterator[Gate]:
    """Refuse a challenger with too few test cutoffs, unless `evaluate.accept.test_cutoffs` gives a reason."""
    tested, possible = len(result.by_cutoff), result.cutoffs_possible
    if possible is None:
        return
    required = min(TEST_CUTOFFS, possible)
    words = f"evaluated on {tested} test cutoffs; the gate asks for {TEST_CUTOFFS}" + (
        "" if required == TEST_CUTOFFS else f", or the {required} that the data allow"
    )
    gate = Gate.of(
        "test_cutoffs",
        tested >= required or bool(reason),
        Interval(value=float(tested)),
        f"{TEST_CUTOFFS} test cutoffs or more, or as many as the data allow, or a person accepts fewer",
        f"{words}; accepted: {reason}" if tested < required and reason else f"{words}.",
        "Add cutoffs to evaluate.test_cutoffs, or remove this key. If you accept so few test cutoffs, write "
        f"the reason under evaluate.accept.test_cutoffs in {file}.",
    )
    yield replace(gate, signed=tested < required and bool(reason))


def _controls(result: EvaluationResult, file: str) -> Iterator[Gate]:
    """Show the number of control rows, or the reason for having none (`evaluate.accept.no_controls`)."""
    exposure = result.exposure
    if exposure is None:
        return
    reason = exposure.no_controls_accepted
    gate = Gate.of(
        "controls",
        True,
        Interval(value=float(sum(own.control_rows for own in exposure.cutoffs))),
        "controls stand for the rows that were treated in their label window, or a person accepts that none "
        "does",
        exposure_in_words(exposure.cutoffs, reason),
        f"Write the reason for having no controls under evaluate.accept.no_controls in {file}.",
    )
    yield replace(gate, signed=bool(reason))


def meets_range(ratio: Interval, bounds: tuple[float, float]) -> bool:
    """Return whether the interval of observed/expected overlaps the range that the gate allows.

    >>> meets_range(Interval(value=1.2, low=1.12, high=1.28), (0.9, 1.1))
    False
    """
    least, most = bounds
    return ratio.low is not None and ratio.high is not None and ratio.low <= most and ratio.high >= least


def _level(result: EvaluationResult, bounds: tuple[float, float]) -> Gate:
    ratio, (least, most) = result.challenger.observed_expected, bounds
    return Gate.of(
        "observed_expected",
        meets_range(ratio, bounds),
        ratio,
        f"the interval of observed/expected meets [{least}, {most}]",
        f"the ratio observed/expected of the challenger is {format_interval(ratio)}; the gate requires that "
        f"the interval overlaps [{least}, {most}].",
        f"{_level_remedy(result)} Or widen promote.observed_expected if you accept this difference.",
    )


def _level_remedy(result: EvaluationResult) -> str:
    """Return what to do if the probabilities are too high or too low on average.

    The remedy is to train on whole years, to refresh the champion, or to test on later cutoffs.
    """
    if season := _season(result):
        return season
    if result.champion is not None and not result.evaluated_champion:
        return (
            "The share of customers who left has changed: `churn train --refresh` keeps the champion's model "
            "and fits the level of its probabilities to the newest labels."
        )
    return (
        "The share of customers who left has changed. The tested model did not see this change, because it "
        "learns only from labels that are known at the test cutoff. A later test cutoff lets the model learn "
        "from newer labels. So name later cutoffs under evaluate.test_cutoffs once their labels are known."
    )


def _season(result: EvaluationResult) -> str:
    """Return a sentence about the season if the share of customers who left depends on it; otherwise "".

    Three means of the share of customers who left are compared:

    - `usual`: over all cutoffs before the test.
    - `earlier`: over the cutoffs that lie one or two years before a test cutoff.
    - `test`: over the test cutoffs.

    The share depends on the season if two conditions hold. First, `earlier` and `test` are both above or both
    below `usual`. Second, `abs(earlier - usual)` is at least half of `abs(test - usual)`.
    """
    tested = {day: metrics["challenger"].base_rate for day, metrics in result.by_cutoff.items()}
    same_season = [
        rate
        for rate in result.before
        if any(abs((day - rate.cutoff).days - days) <= SEASON_DAYS for day in tested for days in (365, 730))
    ]
    if not same_season:
        return ""
    usual = fmean(rate.base_rate for rate in result.before)
    at_test, earlier = fmean(tested.values()) - usual, fmean(rate.base_rate for rate in same_season) - usual
    if at_test == 0 or earlier / at_test < 0.5:
        return ""
    return (
        f"The share of customers who left depends on the season. It was {usual + earlier:.1%} at the same "
        f"time of an earlier year ({same_season[0].cutoff}) and {usual + at_test:.1%} at the test, but "
        f"{usual:.1%} on average at all cutoffs before the test. Train and test on whole years: set an "
        "earlier snapshot.first, and name test cutoffs of all seasons."
    )


def _too_good(result: EvaluationResult, reason: str | None, file: str) -> Gate:
    """Refuse an AUC that is too high to be true, unless `evaluate.accept.too_good` gives a reason."""
    auc = result.challenger.auc
    finding = too_good(auc, above_simple_models(result), "low")
    if "too_good" in result.guards.looked and not any(
        warning.guard == "too_good" for warning in result.guards.found
    ):
        finding = None  # the guard has also compared the AUC with the AUC of tenure, and has found nothing
    if finding and reason:
        words = f"challenger {finding}; accepted: {reason}"
    elif finding:
        words = f"challenger {finding}; that is usually a leak."
    else:
        words = f"challenger AUC {format_interval(auc)} is not too good to be true."
    gate = Gate.of(
        "not_too_good",
        finding is None or bool(reason),
        auc,
        f"{TOO_GOOD_RULE}, or a person accepts it",
        words,
        "Look at the most important signals; if these signals are no leak, write the reason under "
        f"evaluate.accept.too_good in {file}.",
    )
    return replace(gate, signed=bool(finding and reason))


def _notes(result: EvaluationResult) -> Iterator[str]:
    if result.pair("recency") is None:
        yield "No signal counts the days since the last event, so the recency baseline was not measured."
    if result.champion_reference != CHAMPION:
        yield result.notes.get(CHAMPION, "There was no champion to compare with.")
    if (tested := len(result.by_cutoff)) < TEST_CUTOFFS:
        yield (
            f"Evaluated on {tested} test cutoff{'s' if tested > 1 else ''}; {TEST_CUTOFFS} or more would "
            "show how much results vary between them. If the data go back far enough, add cutoffs in the "
            "section snapshot of the parameter file."
        )
    yield from test_set_uses(result.looks_at_test)
    changed = result.health_bands.changed
    if changed is not None:
        recipe = "'s recipe, refitted" if result.champion_reference == CHAMPION_RECIPE else ""
        yield (
            f"{changed:.1%} of the customers get another health band from the challenger than from the "
            f"champion{recipe}."
        )


def _off_level(result: EvaluationResult) -> Iterator[str]:
    """Explain the ratio observed/expected if its interval does not contain 1.

    Either the churn rate changed, or the model is wrong. The note shows the ratio of the challenger and of
    the baseline `base_rate`, which predicts for every customer the share of churners in the training rows.
    If both ratios are equally far from 1, the churn rate changed. If the baseline's ratio is nearer to 1 than
    the challenger's, the model is wrong.
    """
    ratio = result.challenger.observed_expected
    if ratio.value is None or ratio.low is None or ratio.high is None or ratio.low <= 1 <= ratio.high:
        return
    less = "fewer" if ratio.value < 1 else "more"
    before = [f"{rate.cutoff}: {rate.base_rate:.1%}" for rate in result.before[-SHOWN_BEFORE:]]
    tested = []
    for cutoff, candidates in result.by_cutoff.items():
        ratios = [
            f"{words} {format_interval(candidates[name].observed_expected, 2)}"
            for name, words in (("challenger", "challenger"), ("base_rate", "base rate"))
            if name in candidates
        ]
        rate = candidates["challenger"].base_rate
        tested.append(f"{cutoff}: {rate:.1%}, observed/expected of {' and of '.join(ratios)}")
    yield (
        f"The interval of observed/expected, {format_interval(ratio)}, does not contain 1: {less} "
        "customers left than the model expected. Share of customers who left, at the last cutoffs before "
        f"the test: {'; '.join(before) or 'none'}. The same share at the test cutoffs: {'; '.join(tested)}."
    )
