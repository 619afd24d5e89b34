"""The charts of an evaluation, written as SVG and PNG under fixed file names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from matplotlib.figure import Figure

from churn.evaluation.result import EvaluationResult
from churn.reporting.plots.level import calibration_figure
from churn.reporting.plots.ranking import gain_figure, lead_time_figure, lift_figure, profit_figure
from churn.reporting.plots.signals import dependence_figure, importance_figure
from churn.reporting.plots.style import save_figure, speak_figure

FIGURES: dict[str, Callable[[EvaluationResult], Figure | None]] = {
    "gain": gain_figure,
    "lift": lift_figure,
    "calibration": calibration_figure,
    "profit": profit_figure,
    "lead_time": lead_time_figure,
    "importance": importance_figure,
    "partial_dependence": dependence_figure,
}
"""For each file name, the function that draws the chart; it returns None if the data of the chart are
missing.
"""

LABELS: Mapping[str, str] = {
    "gain": "Share of churners reached by share of customers contacted",
    "lift": "Lift by share of customers contacted",
    "calibration": "Observed against predicted rates with 95% intervals",
    "profit": "Profit per customer by share of customers contacted",
    "lead_time": "AUC by the age of the signals in days",
    "importance": "The signals that move the predictions most",
    "partial_dependence": "Mean prediction over the values of the top signals",
}
"""For each chart, a text that says what it shows, for readers who cannot see it."""

CAPTIONS: Mapping[str, str] = {
    "gain": "Where the line of the model is above the line of a rule, the model reaches more "
    "churners with the same number of contacts.",
    "lift": "The vertical bar is the 95% interval of the lift at the marked point. No ranking of customers "
    "can reach a point above the dashed line.",
    "calibration": "Each point is one of ten groups of customers by predicted probability; its vertical "
    "line is the 95% interval of the share that left. At a point on the diagonal, as many customers leave as "
    "predicted. The lower chart shows how the predictions are distributed for customers who left and "
    "for customers who stayed.",
    "profit": "The profit uses the costs that are listed below. The best budget is the contact share with "
    "the highest profit. The bar at the bottom is the 95% interval of this share.",
    "lead_time": "The chart shows how well the model still ranks customers when all signals are old. The "
    "horizontal axis is the age of the signals in days.",
    "importance": "The chart shows how far each signal moves the predictions, up or down. The bars "
    "compare the signals by their mean absolute contributions to the log-odds. A bar is the signal's share "
    "of the sum of all these contributions. If two signals are related, each shows only a part of what both "
    "contribute together.",
    "partial_dependence": "For each value of the signal, the line shows the mean prediction if every "
    "customer had this value and nothing else changed. "
    "Ticks are the deciles of the signal. The hollow mark is the prediction for a missing value. The "
    "chart shows how the model uses a signal, "
    "not what happens when the signal is changed.",
}
"""The text below each chart on a page, as HTML."""


def write_plots(folder: Path, result: EvaluationResult) -> list[Path]:
    """Draw the charts of an evaluation as SVG and PNG, and return the paths of the PNG files.

    If the data of a chart are missing, it is not drawn, and its files from an earlier evaluation are removed.

    Args:
        folder: The folder into which the charts are written.
        result: The result of the evaluation.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, figure_of in FIGURES.items():
        figure = figure_of(result)
        if figure is None:
            for path in folder.glob(f"{name}.*"):
                path.unlink()
        else:
            written.append(save_figure(speak_figure(figure, result.words), folder, name, dpi=130)[1])
    return written
