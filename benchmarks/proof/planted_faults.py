"""Experiments with a planted fault: which check catches it, and how often sound ones raise an alarm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.special import expit

from churn.experiments.outside import measure_outside
from churn.experiments.outside_rows import read_units
from churn.experiments.regression import adjusted_difference
from churn.params import OutsideParams
from churn.reporting.outside_table import half_width

EXPERIMENT = {
    "name": "planted",
    "from": "rows",
    "unit": "id",
    "arm": "arm",
    "control": "control",
    "treated": "treated",
    "outcome": "left",
    "wanted": False,
    "sizes": {"control": 1, "treated": 1},
    "account": "email",
}
UNITS = 30_000
"""The units of a broken experiment, half of them controls by chance."""

CLEAN_UNITS = 1_000
CHURN, EFFECT = 0.1, 0.03
MAX_FALSE_ALARMS = 0.003
"""The largest share of sound experiments that may raise an alarm."""

BROKEN_EXPERIMENTS = 20
"""The number of experiments with each fault; a fault that shows in one experiment shows in nearly all."""

Fault = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


def sound(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return the rows of a sound experiment; a twentieth of the persons have two ids, in one arm."""
    person = np.arange(n)
    person[: n // 20] = person[n // 20 : 2 * (n // 20)]
    arm_of_person = np.where(rng.random(n) < 0.5, "treated", "control").astype(object)
    arm = arm_of_person[person]
    left = rng.random(n) < CHURN - EFFECT * (arm == "treated")
    return pd.DataFrame(
        {
            "id": [f"c{row}" for row in range(n)],
            "arm": arm,
            "email": [f"p{row}@example.com" for row in person],
            "left": left.astype(int),
        }
    )


def cap_on_one_arm(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Take out the treated units over a cap of contacts, and no control."""
    return rows[(rows["arm"] == "control") | (rng.random(len(rows)) >= 0.08)]


def bounces_dropped(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Take out the treated units whose message bounced; many of them have left."""
    bounced = rng.random(len(rows)) < np.where(rows["left"] == 1, 0.4, 0.06)
    return rows[(rows["arm"] == "control") | ~bounced]


def shared_address(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the arm of each id by itself, so that persons with two ids are in both arms."""
    return rows.assign(arm=np.where(rng.random(len(rows)) < 0.5, "treated", "control"))


def reused_id(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Give 20 ids of deleted customers to new customers, who are drawn again."""
    again = rows.sample(20, random_state=int(rng.integers(2**31)))
    arm = np.where(rng.random(20) < 0.5, "treated", "control")
    email = [f"new{row}@example.com" for row in range(20)]
    return pd.concat([rows, again.assign(arm=arm, email=email)])


def changed_salt(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the arms again in the middle of the experiment; each unit has a row for each time."""
    later = rows.assign(arm=np.where(rng.random(len(rows)) < 0.5, "treated", "control"))
    return pd.concat([rows, later])


FAULTS: dict[str, Fault] = {
    "a cap on one arm only": cap_on_one_arm,
    "bounces dropped from one arm": bounces_dropped,
    "a shared e-mail address across arms": shared_address,
    "a re-used id": reused_id,
    "a changed salt": changed_salt,
}


@dataclass(frozen=True)
class Judgement:
    """What the product says about the rows of an experiment.

    Attributes:
        words: The mistakes and alarms; empty for an experiment that it takes for sound.
        effect: The measured effect with its interval; empty if it refuses the rows.
    """

    words: tuple[str, ...]
    effect: str


def judge_rows(rows: pd.DataFrame) -> Judgement:
    """Return what the product says about the rows of an experiment."""
    experiment = OutsideParams.model_validate(EXPERIMENT)
    problems: list[str] = []
    units = read_units(pa.Table.from_pandas(rows, preserve_index=False), experiment, "UTC", problems)
    if units is None:
        return Judgement(tuple(problems), "")
    result = measure_outside(experiment, units)
    effect = half_width(result.effects[0].difference)
    if result.sizes is None or not result.sizes.alarm:
        return Judgement((), effect)
    counts = ", ".join(f"{count:,}" for count in result.sizes.counts)
    words = (
        f"ALARM: the sizes {counts} do not agree with the design 50, 50 % (p = {result.sizes.p_value:.0e}); "
        f"without the check the effect would be {effect}, and {100 * EFFECT:+.2f} is true"
    )
    return Judgement((words,), effect)


@dataclass(frozen=True)
class LaterScore:
    """The effect of one experiment, in points of churn; above 0 fewer of the treated left.

    Attributes:
        truth: The true effect.
        earlier: The effect adjusted by the score from before the assignment.
        later: The effect that the same regression would give with a score from after the contact.
        refusal: The words with which the later score is refused.
    """

    truth: float
    earlier: str
    later: str
    refusal: str


def later_score(n: int, seed: int) -> LaterScore:
    """Adjust an experiment by a score from before, and by one that the contact has moved.

    The contact lowers the risk. It also makes customers log in, and the later score takes these logins for
    even more safety: among customers with equal later scores, the contacted ones leave more often.
    """
    rng = np.random.default_rng(seed)
    risk = rng.normal(-2.2, 1, n)
    in_treatment = rng.random(n) < 0.5
    before, after = expit(risk), expit(risk - 0.32)
    left = rng.random(n) < np.where(in_treatment, after, before)
    moved = expit(risk - 0.38 * in_treatment)
    assigned = np.full(n, np.datetime64("2025-03-01", "us"))

    def adjusted_effect(score: np.ndarray) -> str:
        day_before = assigned - np.timedelta64(1, "D")
        return half_width(
            adjusted_difference(
                left, in_treatment, score, unit=[""] * n, score_date=day_before, first_assigned_date=assigned
            ).difference
        )

    rows = pd.DataFrame(
        {
            "id": np.arange(n),
            "arm": np.where(in_treatment, "treated", "control"),
            "email": None,
            "left": left.astype(int),
            "score": moved,
            "score_at": assigned + np.timedelta64(28, "D"),
            "assigned_at": assigned,
        }
    )
    settings = EXPERIMENT | {name: name for name in ("score", "score_at", "assigned_at")}
    problems: list[str] = []
    table = pa.Table.from_pandas(rows.astype({"email": "str"}).assign(email=""), preserve_index=False)
    read_units(table, OutsideParams.model_validate(settings), "UTC", problems)
    return LaterScore(
        truth=float((before - after).mean()),
        earlier=adjusted_effect(before),
        later=adjusted_effect(moved),
        refusal=" ".join(problems),
    )


def false_alarms(experiments: int, seed: int) -> int:
    """Return how many sound experiments are refused or raise an alarm."""
    rng = np.random.default_rng(seed)
    return sum(bool(judge_rows(sound(CLEAN_UNITS, rng)).words) for _ in range(experiments))


def table(experiments: int, seed: int) -> Iterator[str]:
    """Yield the lines of the table.

    Raises:
        SystemExit: A fault is not caught, or sound experiments raise too many alarms.
    """
    score = later_score(400_000, seed)
    yield "| adjusted by | effect, true " + f"{100 * score.truth:+.2f} points |"
    yield "|---|---|"
    yield f"| the score from before the assignment | {score.earlier} |"
    yield f"| the score from 28 days after it, if it were taken | **{score.later}** |"
    yield f"| what is said about the later score | {score.refusal} |"
    yield ""
    yield "| planted fault | caught | what is said |"
    yield "|---|---:|---|"
    problems = []
    for number, (name, fault) in enumerate(FAULTS.items()):
        rng = np.random.default_rng([seed, number])
        judgements = [judge_rows(fault(sound(UNITS, rng), rng)) for _ in range(BROKEN_EXPERIMENTS)]
        caught = sum(bool(judgement.words) for judgement in judgements)
        if caught < BROKEN_EXPERIMENTS:
            problems.append(f"{name}: caught in {caught} of {BROKEN_EXPERIMENTS}")
        words = next((judgement.words for judgement in judgements if judgement.words), ("nothing",))
        yield f"| {name} | {caught} of {BROKEN_EXPERIMENTS} | {' '.join(words)} |"
    alarms = false_alarms(experiments, seed)
    yield f"| none | {alarms} of {experiments:,} ({alarms / experiments:.2%}) | false alarms |"
    if alarms > MAX_FALSE_ALARMS * experiments:
        problems.append(f"{alarms} of {experiments:,} sound experiments raised an alarm")
    if problems:
        raise SystemExit(f"planted: {'; '.join(problems)}.")
