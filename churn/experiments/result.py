"""What experiments show: the classes of the data in `output/measure/effects.json`."""

from __future__ import annotations

from datetime import date

from churn.data.forgotten import ErasedUnits
from churn.experiments.contact_costs import ContactCosts
from churn.experiments.design import ExperimentDesign
from churn.experiments.effect import AdjustedDifference, RateDifference, SavedCustomers
from churn.experiments.outside import OutsideExperiment
from churn.experiments.play_success import PlaySuccess
from churn.experiments.power import DetectableEffect
from churn.experiments.sequence import NightlyEffect, SampleRatio
from churn.metrics.interval import Interval, Part


class Guard(Part):
    """A side effect of contact: the share of units that had an unwanted event before the end of the label
    window.

    Attributes:
        name: The name of the event.
        control: The share of the control group that had the unwanted event.
        treatment: The share of the contacted arm that had the unwanted event.
        low: The lower end of the interval of `treatment - control`.
        high: The upper end of the interval of `treatment - control`.
        is_worse: Whether the interval of `treatment - control` shows that the unwanted event is more frequent
            after contact.
    """

    name: str
    control: float | None
    treatment: float | None
    low: float | None
    high: float | None
    is_worse: bool


class RiskBandEffect(Part):
    """The effect of contact in one band of risk.

    The error level of the effect's interval is 5 % divided by the number of bands (Bonferroni).
    """

    band: str
    effect: RateDifference


class MeasuredExperiment(Part):
    """What one experiment in the ledger shows.

    Attributes:
        name: `universal`, or the name of a play, or a play and its variant.
        play: The play; None for the universal experiment.
        variant: The variant of the play; None for all variants together.
        control_share: The planned share of units in the control group; None if no unit could be in it.
        first_night: The night on which the first unit that counts entered the experiment; None if there are
            no units.
        last_night: The night on which the last unit with a known outcome entered the experiment.
        next_outcome_on: The first day on which a further outcome becomes known; None if all outcomes are
            known.
        immature: The number of units whose outcome is not known yet.
        without_label: The number of units that have no label, for example because they could no longer leave,
            or could no longer have the event that the label counts.
        without_value: The number of measured units whose value (what the unit would still pay) is not known.
            For the money that contact saved, each such unit gets the mean value of the units with a known
            value.
        arm_changed: The number of units that a change of the control group's share put into the other arm
            before their outcome was known; they do not count.
        merged_count: The number of units that turned out to be the same person as another unit; they do not
            count.
        other_share: The number of units from nights on which the planned share of the control group was not
            `control_share`. Such units do not count.
        without_control: The number of units that entered the experiment on nights when it had no control
            group, for example before the control group was switched on. Such units could not be controls, so
            they do not count.
        after_other_play: The number of units that had a task of another play before their first task of this
            play; they do not count.
        ratio: The check whether the numbers of units in the two arms agree with `control_share`; None if
            there is no control group.
        difference: The difference of the churn rates of the two arms; if the label counts an event, the gain
            in the rate of this event.
        adjusted_difference: The difference of the two arms, adjusted for the predicted probability of each
            unit. This probability was computed before the unit was first assigned to an arm.
        nightly: The difference of the two arms, with an interval that stays valid even if somebody looks at
            the result every night.
        savings: The customers and the money that contact saved; None if an arm is empty, or if the label
            counts an event other than leaving.
        gain: The number of customers who had the label's event because of the contact, `difference x treated
            units`, with its interval; None if an arm is empty, or if the label counts who leaves, not an
            event. A gain has no amount of money, because nobody knows what such a customer is worth.
        drives_away: The bands of risk in which contact is shown to do harm: it drives customers away, or, if
            the label counts a wanted event, it makes this event rarer.
        guards: The side effects of contact: how often each unwanted event happened in the two arms.
        detectable: The smallest effect that the units of the experiment can show; None if an arm is empty, or
            if all controls have the same outcome.
        success: How often the play reached its criterion of success; None for the universal experiment.
    """

    name: str
    play: str | None
    variant: str | None
    control_share: float | None
    first_night: date | None
    last_night: date | None
    next_outcome_on: date | None
    immature: int
    without_label: int
    without_value: int
    arm_changed: int
    merged_count: int
    other_share: int
    without_control: int
    after_other_play: int
    ratio: SampleRatio | None
    difference: RateDifference
    adjusted_difference: AdjustedDifference | None
    nightly: NightlyEffect | None
    savings: SavedCustomers | None
    drives_away: tuple[RiskBandEffect, ...]
    guards: tuple[Guard, ...]
    detectable: DetectableEffect | None
    success: PlaySuccess | None
    gain: Interval | None = None


class Effects(Part):
    """What the experiments of the ledger show, and what the experiments that the company ran by itself
    show.

    Attributes:
        watermark: The day up to which outcomes are known; None if the ledger held no nights.
        label_id: The label whose outcomes were measured.
        nights: The number of nights in the ledger.
        no_control_because: The reasons in params.yaml why some nights have no control group.
        universal: All contacts, compared with the universal control group.
        plays: Each play, and each variant of a play, compared with its controls.
        event: The name of the event that the label counts; None if it counts who leaves.
        sum_of_plays: The number of customers whom all plays together saved or gained, if the measured
            difference of each play is its true effect. The sum is None if all plays are in
            `plays_without_difference`. This sum of plays is too high, because an effect that looks large only
            by chance counts in full. So the effect of all contacts (`universal`) is shown beside the sum of
            plays.
        plays_without_difference: The plays that do not count in `sum_of_plays`: they have no measured
            difference, or they put customers on other lists than the call list.
        designs: How many units and days each experiment needs to show the assumed effect.
        erased_units: For each experiment and arm, the number of units that were erased from the ledger; they
            are not measured.
        outside: The experiments that the company ran by itself.
        costs: The recorded costs of contacts. They are None, and absent from the file, if the store has
            no table `contacts` with a column `cost`.
    """

    watermark: date | None
    label_id: str
    nights: int
    no_control_because: tuple[str, ...]
    universal: MeasuredExperiment | None
    plays: tuple[MeasuredExperiment, ...]
    sum_of_plays: float | None
    plays_without_difference: tuple[str, ...]
    designs: tuple[ExperimentDesign, ...] = ()
    erased_units: tuple[ErasedUnits, ...] = ()
    outside: tuple[OutsideExperiment, ...] = ()
    event: str | None = None
    costs: ContactCosts | None = None

    @property
    def experiments(self) -> tuple[MeasuredExperiment, ...]:
        """Return all experiments; the experiment on all contacts (`universal`) comes first."""
        return (*((self.universal,) if self.universal else ()), *self.plays)


def no_effects(label_id: str, event: str | None = None) -> Effects:
    """Return the effects of a ledger without nights; `event` is the name of the event of the label."""
    return Effects(
        watermark=None,
        label_id=label_id,
        nights=0,
        no_control_because=(),
        universal=None,
        plays=(),
        sum_of_plays=None,
        plays_without_difference=(),
        event=event,
    )
