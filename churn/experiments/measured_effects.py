"""The measured effects that a night may use in the place of the assumed one, and why others are not used.

The effect of a play is the share of churners whom a contact keeps, `1 - churn(treated) / churn(control)`. It
takes the place of the assumed share only if all of this holds:

- it was measured with outcomes that were known before the night, about the label of the night;
- at least 20 of the play's units left in each arm, so that there is a verdict;
- the sizes of the arms agree with the design;
- its interval excludes 0, and so does that of the difference of the rates: contact is proved to keep
  customers, or to drive them away.

With an interval above 0 the night uses the estimate. If the interval is below 0, the night expects that a
contact keeps no customer. If the interval contains 0, the assumption stays: a measured effect that may be
chance is worse than an open assumption.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from statsmodels.stats.proportion import confint_proportions_2indep

from churn.data.files import dated_paths
from churn.data.own_files import read_own_json, write_own_json
from churn.evaluation.result import EvaluationResult, MeasuredShare
from churn.experiments.effect import ALPHA, RateDifference, Verdict
from churn.experiments.result import Effects, MeasuredExperiment
from churn.metrics.interval import Interval
from churn.params import ProfitParams

AS_OF = "as_of="
"""The beginning of the name of the effects of a day; the day follows."""

MEASURE_AGAIN = "Run `churn measure` again."


@dataclass(frozen=True)
class PlayEffect:
    """The measured effect of a play, and whether the night uses it.

    Attributes:
        play: The name of the play.
        kept_share: The share of churners whom a contact keeps, with its interval; below 0, a contact drives
            them away.
        is_used: Whether the measured effect replaces the assumption.
        reason: Why it is used, or not.
    """

    play: str
    kept_share: Interval
    is_used: bool
    reason: str

    @property
    def accept_share(self) -> float:
        """Return the share that replaces the assumed share; never below 0."""
        return max(self.kept_share.value or 0.0, 0.0)


@dataclass(frozen=True)
class MeasuredEffects:
    """What was measured before a night.

    Attributes:
        as_of: The day up to which outcomes were known; None if nothing was measured.
        plays: The plays with an effect, by name.
        reason: Why nothing is used, as a sentence; empty otherwise.
        contacts: The effect of all contacts together, against the universal control group; None without one.
    """

    as_of: date | None = None
    plays: Mapping[str, PlayEffect] = field(default_factory=dict)
    reason: str = ""
    contacts: PlayEffect | None = None

    @property
    def is_known(self) -> bool:
        """Return whether there is anything to say: something was measured, or may not be used."""
        return self.as_of is not None or bool(self.reason)

    @property
    def accept_shares(self) -> dict[str, float]:
        """Return the measured share of the plays for which it is used, by name."""
        return {name: effect.accept_share for name, effect in sorted(self.plays.items()) if effect.is_used}

    def profit_terms(self, assumed_terms: ProfitParams) -> ProfitParams:
        """Return the terms of a campaign: with the measured share of all contacts, if it is used.

        Args:
            assumed_terms: The costs and the effect that the parameters state; the costs stay.
        """
        if self.contacts is None or not self.contacts.is_used:
            return assumed_terms
        return assumed_terms.model_copy(update={"accept_share": self.contacts.accept_share})

    def state_in(self, result: EvaluationResult) -> EvaluationResult:
        """Return an evaluation that says whether its profit uses a measured share, and which."""
        if result.value is None or self.contacts is None or self.as_of is None:
            return result
        share = MeasuredShare(
            value=self.contacts.kept_share.value,
            low=self.contacts.kept_share.low,
            high=self.contacts.kept_share.high,
            as_of=self.as_of,
            is_used=self.contacts.is_used,
            reason=self.contacts.reason,
        )
        return result.model_copy(update={"value": result.value.model_copy(update={"measured_share": share})})

    @property
    def reads(self) -> dict[str, str]:
        """Return the measured effects that the night reads, for its id; empty if it uses none."""
        shares = self.accept_shares
        return {"effects": f"{self.as_of} {shares}"} if shares else {}


NOT_MEASURED = MeasuredEffects()
"""Nothing was measured, or nothing measured may be used: all effects are assumed."""


def write_effects(output: Path, effects: Effects) -> Path:
    """Write what was measured, also under the day up to which outcomes are known; return the latest file."""
    folder = output / "measure"
    if effects.watermark is not None:
        write_own_json(folder / f"{AS_OF}{effects.watermark}.json", effects.as_json())
    path = folder / "effects.json"
    write_own_json(path, effects.as_json())
    return path


def read_measured_effects(output: Path, night: date | None, label_id: str) -> MeasuredEffects:
    """Return the effects that were measured with outcomes known before a night.

    A night never reads what was measured on its day or later, so it gives the same bytes again.

    Args:
        output: The output folder.
        night: The cutoff of the night; None for the latest effects.
        label_id: The label of the night.

    Returns:
        The effects; none for a label of an event, whose nights have no profit that an effect could change.

    Raises:
        SourceError: the file is damaged.
    """
    days = dated_paths(output / "measure", AS_OF, ".json")
    latest = max((day for day in days if night is None or day < night), default=None)
    if latest is None:
        return NOT_MEASURED
    effects = read_own_json(days[latest], Effects, way_out=MEASURE_AGAIN)
    if effects.label_id != label_id:
        return MeasuredEffects(
            latest, reason=f"the effects measured up to {latest} are about another label. {MEASURE_AGAIN}"
        )
    if effects.event is not None:  # an event has no churners whom a contact keeps
        return MeasuredEffects()
    whole_plays = [play for play in effects.plays if play.variant is None and play.play is not None]
    return MeasuredEffects(
        latest,
        {str(play.play): effect for play in whole_plays if (effect := _play_effect(play)) is not None},
        contacts=_play_effect(effects.universal) if effects.universal else None,
    )


def _play_effect(experiment: MeasuredExperiment) -> PlayEffect | None:
    """Return the effect of a play, or of all contacts; None if the share is not defined."""
    difference = experiment.difference
    kept_share = kept_share_of(difference)
    if kept_share.value is None:
        return None
    is_used, reason = False, "not shown: the interval holds 0"
    if experiment.ratio is not None and experiment.ratio.alarm:
        reason = "the sizes of the arms do not agree with the design"
    elif difference.verdict is None:
        reason = str(difference.no_verdict_because)
    elif difference.verdict != Verdict.NOT_SHOWN and _excludes_0(kept_share):
        is_used, reason = True, str(difference.verdict)
    return PlayEffect(experiment.play or experiment.name, kept_share, is_used, reason)


def _excludes_0(interval: Interval) -> bool:
    """Return whether 0 is outside the interval."""
    return interval.low is not None and interval.high is not None and not interval.low <= 0 <= interval.high


def kept_share_of(difference: RateDifference) -> Interval:
    """Return the share of churners whom a contact keeps, `1 - churn(treated) / churn(control)`.

    Args:
        difference: The churn of both arms.

    Returns:
        The share with its interval; without a value if no customer of an arm left.

    Source: Katz, Baptista, Azen and Pike (1978), Obtaining confidence intervals for the risk ratio in cohort
        studies, Biometrics 34, for the interval of the ratio.
    """
    control, treatment = difference.control, difference.treatment
    if not control.churners or not treatment.churners or not control.n or not treatment.n:
        return Interval(value=None)
    low, high = confint_proportions_2indep(
        treatment.churners,
        treatment.n,
        control.churners,
        control.n,
        compare="ratio",
        method="log",
        alpha=ALPHA,
    )
    ratio = (treatment.churners / treatment.n) / (control.churners / control.n)
    return Interval(value=1 - ratio, low=1 - float(high), high=1 - float(low))
