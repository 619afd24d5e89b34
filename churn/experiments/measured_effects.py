"""The measured effects and costs that a night may use instead of the assumed effects and costs, and why a
night does not use a measured value.

The effect of a play is the share of churners whom a contact keeps, `1 - churn(treated) / churn(control)`. The
measured share replaces the assumed share only if all of these conditions are true:

- it was measured on outcomes that were known before the night, and for the label of the night;
- each arm of the play has at least 20 units that churned, so there is a verdict;
- the numbers of units in the arms agree with the plan;
- the interval of the share does not contain 0;
- the interval of the difference between the two churn rates does not contain 0, so contact is shown to have
  an effect.

If these conditions are true and the interval of the share lies above 0, the night uses the measured share.
If the interval lies below 0, the night expects that a contact keeps no customer. If it contains 0, the night
uses the assumed share, because a measured effect that may be chance is worse than a stated assumption.

`churn.experiments.contact_costs` says when the mean of recorded costs is used. As the cost of a contact, a
night takes the first of these costs that is known:

- the measured cost of the play;
- the cost that the playbook states for the play;
- the measured cost of all contacts;
- `evaluate.profit.contact_cost`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from statsmodels.stats.proportion import confint_proportions_2indep

from churn.data.files import dated_paths
from churn.data.own_files import read_own_json, write_own_json
from churn.evaluation.result import EvaluationResult, MeasuredCost, MeasuredShare
from churn.experiments.contact_costs import ContactCosts
from churn.experiments.effect import ALPHA, RateDifference, Verdict
from churn.experiments.result import Effects, MeasuredExperiment
from churn.metrics.interval import Interval
from churn.params import ProfitParams
from churn.scoring.play import Play

AS_OF = "as_of="
"""The beginning of the name of a file of effects; the day up to which outcomes were known follows."""

MEASURE_AGAIN = "Run `churn measure` again."


@dataclass(frozen=True)
class PlayEffect:
    """The measured effect of a play, and whether the night uses it.

    Attributes:
        play: The name of the play.
        kept_share: The share of churners whom a contact keeps, with its interval; a share below 0 means that
            contact drives customers away.
        is_used: Whether the measured effect replaces the assumption.
        reason: Why the measured effect is used, or why it is not used.
    """

    play: str
    kept_share: Interval
    is_used: bool
    reason: str

    @property
    def accept_share(self) -> float:
        """Return the measured share of churners whom a contact keeps; a share below 0 counts as 0."""
        return max(self.kept_share.value or 0.0, 0.0)


@dataclass(frozen=True)
class MeasuredEffects:
    """The effects of plays and of all contacts, and the costs of contacts, as measured before a night.

    Attributes:
        as_of: The day up to which outcomes were known; None if nothing was measured.
        plays: The measured effects of plays, by the name of the play.
        reason: Why no measured effect is used, as a sentence; empty if measured effects are used.
        contacts: The effect of all contacts together, compared with the universal control group; None if it
            was not measured.
        costs: The recorded costs of contacts; None if no table has the costs of contacts.
    """

    as_of: date | None = None
    plays: Mapping[str, PlayEffect] = field(default_factory=dict)
    reason: str = ""
    contacts: PlayEffect | None = None
    costs: ContactCosts | None = None

    @property
    def is_known(self) -> bool:
        """Return whether there is something to report: effects were measured, or there is a reason why none
        may be used.
        """
        return self.as_of is not None or bool(self.reason)

    @property
    def accept_shares(self) -> dict[str, float]:
        """Return the measured share of churners whom a contact keeps, for each play whose share is used."""
        return {name: effect.accept_share for name, effect in sorted(self.plays.items()) if effect.is_used}

    @property
    def contact_costs(self) -> dict[str | None, float]:
        """Return the measured cost of a contact for each play, without the costs that the night does not use.

        The key None stands for all plays together.
        """
        costs = {part.play: part.used_cost for part in self.costs.parts} if self.costs else {}
        return {play: cost for play, cost in costs.items() if cost is not None}

    def profit_terms(self, assumed_terms: ProfitParams) -> ProfitParams:
        """Return the costs of a campaign, and the share of churners whom a contact keeps.

        The cost of a contact and the share are measured over all plays together. A measured value replaces
        the assumed value if the conditions in the docstring of this module are true.

        Args:
            assumed_terms: The costs and the share that the parameters state. The stated cost of an offer
                is never replaced, because no cost of an offer is measured.
        """
        update: dict[str, float] = {}
        if self.contacts is not None and self.contacts.is_used:
            update["accept_share"] = self.contacts.accept_share
        if None in self.contact_costs:
            update["contact_cost"] = self.contact_costs[None]
        return assumed_terms.model_copy(update=update) if update else assumed_terms

    def terms_of(self, play: Play, assumed_terms: ProfitParams) -> ProfitParams:
        """Return the costs of a contact of a play, and the share of churners whom such a contact keeps.

        The docstring of this module says when a measured value replaces the value that the play or the
        parameters state.

        Args:
            play: The play; it may state its own costs and its own share.
            assumed_terms: The costs and the share that the parameters state for all plays.
        """
        costs, shares = self.contact_costs, self.accept_shares
        if None in costs:
            assumed_terms = assumed_terms.model_copy(update={"contact_cost": costs[None]})
        terms, update = play.terms(assumed_terms), {}
        if play.name in costs:
            update["contact_cost"] = costs[play.name]
        if play.name in shares:
            update["accept_share"] = shares[play.name]
        return terms.model_copy(update=update)

    def state_in(self, result: EvaluationResult) -> EvaluationResult:
        """Add to an evaluation the measured effect and cost, and whether they replace the assumed values."""
        if result.value is None or self.as_of is None:
            return result
        parts: dict[str, MeasuredShare | MeasuredCost] = {}
        if self.contacts is not None:
            parts["measured_share"] = MeasuredShare(
                value=self.contacts.kept_share.value,
                low=self.contacts.kept_share.low,
                high=self.contacts.kept_share.high,
                as_of=self.as_of,
                is_used=self.contacts.is_used,
                reason=self.contacts.reason,
            )
        if self.costs is not None:
            of_all = self.costs.all_contacts
            parts["measured_cost"] = MeasuredCost(
                value=of_all.cost.value,
                low=of_all.cost.low,
                high=of_all.cost.high,
                contacts=of_all.contacts,
                with_cost=of_all.with_cost,
                as_of=self.as_of,
                is_used=of_all.used_cost is not None,
                reason=of_all.not_used_because or "",
            )
        return result.model_copy(update={"value": result.value.model_copy(update=parts)}) if parts else result

    @property
    def reads(self) -> dict[str, str]:
        """Return the measured effects and costs that the night uses, as input to the night's id.

        The result is empty if the night uses none.
        """
        shares, costs = self.accept_shares, self.contact_costs
        effects = {"effects": f"{self.as_of} {shares}"} if shares else {}
        return effects | ({"costs": f"{self.as_of} {costs}"} if costs else {})


NOT_MEASURED = MeasuredEffects()
"""No measured effect, because nothing was measured or nothing measured may be used. All effects are
assumed.
"""


def write_effects(output: Path, effects: Effects) -> Path:
    """Write the measured effects, and return the file of the latest effects.

    A second file has the same content; its name holds the day up to which outcomes are known.
    """
    folder = output / "measure"
    if effects.watermark is not None:
        write_own_json(folder / f"{AS_OF}{effects.watermark}.json", effects.as_json())
    path = folder / "effects.json"
    write_own_json(path, effects.as_json())
    return path


def read_measured_effects(output: Path, night: date | None, label_id: str) -> MeasuredEffects:
    """Return the effects that were measured with outcomes known before a night.

    A night never reads effects that were measured with outcomes of its own day or later, so the night gives
    the same bytes if it runs again.

    Args:
        output: The output folder.
        night: The cutoff of the night; None for the latest effects.
        label_id: The id of the label that the night predicts.

    Returns:
        The measured effects and costs. If the effects belong to another label, only the costs are returned,
        because costs do not depend on the label. If the effects belong to the night's label
        and this label is of kind event, the result holds no effects and no costs. A night with such a label
        does not need them, because it computes no profit.

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
            latest,
            reason=f"the effects measured up to {latest} belong to another label. {MEASURE_AGAIN}",
            costs=effects.costs,
        )
    if effects.event is not None:  # so there are no churners whom a contact could keep
        return MeasuredEffects()
    whole_plays = [play for play in effects.plays if play.variant is None and play.play is not None]
    return MeasuredEffects(
        latest,
        {str(play.play): effect for play in whole_plays if (effect := _play_effect(play)) is not None},
        contacts=_play_effect(effects.universal) if effects.universal else None,
        costs=effects.costs,
    )


def _play_effect(experiment: MeasuredExperiment) -> PlayEffect | None:
    """Return the effect of a play, or of all contacts; None if treatment or control has no churners."""
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
    """Return whether the interval does not contain 0."""
    return interval.low is not None and interval.high is not None and not interval.low <= 0 <= interval.high


def kept_share_of(difference: RateDifference) -> Interval:
    """Return the share of churners whom a contact keeps, `1 - churn(treated) / churn(control)`.

    Args:
        difference: The numbers of units (such as customers) and of churners, in treatment and control.

    Returns:
        The share with its interval; it has no value if treatment or control has no churners.

    Source: The interval of the ratio is from Katz, Baptista, Azen and Pike (1978), Obtaining confidence
        intervals for the risk ratio in cohort studies, Biometrics 34.
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
