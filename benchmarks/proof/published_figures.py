"""Two real experiments by the verb `churn measure`, beside the figures that were published about them."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from churn.data.own_files import read_own_json
from churn.experiments.outside import ArmEffect
from churn.experiments.result import Effects
from churn.reporting.outside_table import half_width, sizes_in_words
from pipelines import cli

EXAMPLES = Path(__file__).parents[2] / "examples"
DATA = "CHURN_DATA"
TITLES = ("experiment", "arm", "published", "measured", "verdict", "equal")


@dataclass(frozen=True)
class PublishedFigure:
    """A published figure.

    Attributes:
        file: The parameter file under `examples`.
        arm: The treated arm.
        words: The figure as it was published.
        difference: The published difference in points.
        half_width: Half of the published interval in points; None where only the shares were published.
    """

    file: str
    arm: str
    words: str
    difference: float
    half_width: float | None


PUBLISHED_FIGURES = (
    PublishedFigure("hillstrom", "Mens E-Mail", "+7.66 +- 0.66 points", 7.66, 0.66),
    PublishedFigure("hillstrom", "Womens E-Mail", "+4.52 +- 0.63 points", 4.52, 0.63),
    PublishedFigure("cookie_cats", "gate_40", "18.20 % against 19.02 %", 18.20 - 19.02, None),
)


def measured_effects(name: str, folder: Path) -> Effects:
    """Return what `churn measure --params examples/NAME.yaml` writes.

    Raises:
        RuntimeError: The verb failed.
    """
    shutil.copy(EXAMPLES / f"{name}.yaml", folder)
    lines = io.StringIO()
    with contextlib.redirect_stdout(lines), contextlib.redirect_stderr(lines):
        code = cli.main("measure", ["--params", str(folder / f"{name}.yaml")])
    if code:
        raise RuntimeError(
            f"churn measure --params examples/{name}.yaml ended with {code}: {lines.getvalue()}"
        )
    return read_own_json(folder / name / "output" / "measure" / "effects.json", Effects, way_out="")


def is_equal(figure: PublishedFigure, effect: ArmEffect) -> bool:
    """Return whether a measured effect is the published one, to the last published digit."""
    value, low, high = effect.difference.value, effect.difference.low, effect.difference.high
    if value is None or low is None or high is None:
        return False
    same_width = figure.half_width is None or abs(50 * (high - low) - figure.half_width) < 0.005
    return abs(100 * value - figure.difference) < 0.0051 and same_width


def table(experiments: int, seed: int) -> Iterator[str]:
    """Yield the lines of the table; the data are real, so nothing is drawn.

    Raises:
        SystemExit: The folder of data sets is not there.
    """
    del experiments, seed
    data = os.environ.get(DATA)
    for name in dict.fromkeys(figure.file for figure in PUBLISHED_FIGURES):
        if not data or not (Path(data) / name).is_dir():
            where = f"there is no folder {Path(data) / name}" if data else f"{DATA} is not set"
            raise SystemExit(
                f"published: {where}. Set {DATA} to the folder that holds {name}/; the data set is named in "
                f"examples/{name}.yaml."
            )
    yield f"| {' | '.join(TITLES)} |"
    yield f"|{'---|' * len(TITLES)}"
    sizes = []
    with tempfile.TemporaryDirectory() as folder:
        for name in dict.fromkeys(figure.file for figure in PUBLISHED_FIGURES):
            (experiment,) = measured_effects(name, Path(folder)).outside
            if experiment.sizes is not None:
                sizes.append(f"Sizes of the arms, {experiment.name}: {sizes_in_words(experiment.sizes)}.")
            for figure in PUBLISHED_FIGURES:
                if figure.file == name:
                    (effect,) = (part for part in experiment.effects if part.treatment.name == figure.arm)
                    yield row(figure, experiment.control.share, effect)
    for sentence in sizes:
        yield ""
        yield sentence


def row(figure: PublishedFigure, control: float | None, effect: ArmEffect) -> str:
    """Return a line of the table: the share of a treated arm never stands without its control."""
    treated = effect.treatment.share
    shares = (
        "" if control is None or treated is None else f"{100 * treated:.2f} % against {100 * control:.2f} %, "
    )
    cells = [
        figure.file,
        figure.arm,
        figure.words,
        f"{shares}**{half_width(effect.difference)}**",
        str(effect.verdict or effect.no_verdict_because),
        "yes" if is_equal(figure, effect) else "NO",
    ]
    return f"| {' | '.join(cells)} |"
