"""Score customers with a model that is stored as plain data (a bundle).

Training, the nightly scoring and the MLflow model all use this file. The file imports only the standard
library, numpy and lightgbm, and nothing else from `churn`. A bundle is a folder with LightGBM models as text
files, coefficients in JSON and checksums. So no code from the bundle runs when it is loaded.
"""

from __future__ import annotations

import hashlib
import json
import numbers
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
SPEC_FORMAT = 2


class SchemaError(ValueError):
    """The columns do not fit the model; `problems` holds all problems."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("The columns do not fit the model:\n" + "\n".join(f"- {p}" for p in problems))

    def summary(self, max_length: int) -> str:
        """Return the first problems and the number of further problems, in at most `max_length` characters of
        JSON.

        >>> SchemaError([f"'{name}' is missing." for name in "abc"]).summary(80)
        "The columns do not fit the model: 'a' is missing. Problems left out: 2."
        """
        heading = "The columns do not fit the model:"
        for n_shown in range(len(self.problems), -1, -1):
            n_left_out = len(self.problems) - n_shown
            end = [f"Problems left out: {n_left_out}."] if n_left_out else []
            text = " ".join([heading, *self.problems[:n_shown], *end])
            if len(json.dumps(text)) <= max_length:
                return text
        return text


CONTENT_ERRORS = (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError, RecursionError)
"""The errors that Python raises if content does not have the expected form."""


class CorruptError(ValueError):
    """The bytes of a bundle are not the bytes that were written."""


class Scorer:
    """A calibrated churn model: it gets columns, and returns probabilities or contributions.

    The log-odds of the members (boosters or linear models) are averaged, and then calibrated.
    """

    def __init__(self, spec: Mapping[str, Any], texts: Mapping[str, str], n_threads: int = 0) -> None:
        if spec.get("format") != SPEC_FORMAT:
            raise CorruptError(
                f"spec.json: the file has the format {spec.get('format')!r}, but this scorer reads the "
                f"format {SPEC_FORMAT}."
            )
        self.spec: dict[str, Any] = dict(spec)
        self.names: list[str] = [signal["name"] for signal in spec["signals"]]
        self.kinds: dict[str, str] = {signal["name"]: signal["kind"] for signal in spec["signals"]}
        self._levels: list[dict[str, float] | None] = [
            {level: float(code) for code, level in enumerate(signal["levels"])}
            if signal["kind"] == "level"
            else None
            for signal in spec["signals"]
        ]
        self._members: list[_Booster | _Linear] = [
            _Booster(texts[member["file"]], n_threads, len(self.names), member.get("trees"))
            if member["kind"] == "booster"
            else _Linear(member, self.names)
            for member in spec["members"]
        ]

    @classmethod
    def load(cls, bundle: Path | str, n_threads: int = 0) -> Scorer:
        """Read a bundle and verify its checksums.

        Args:
            bundle: The folder with `spec.json`, `manifest.json` and the boosters.
            n_threads: The number of threads for predictions; with 0 LightGBM chooses it.

        Raises:
            CorruptError: a file is missing, a byte has changed, or the files do not describe a model.
        """
        files = read_bundle(Path(bundle))
        try:
            scorer = cls(json.loads(files["spec.json"]), files, n_threads)
            scorer._try_out()
        except CorruptError:
            raise
        except (*CONTENT_ERRORS, lgb.basic.LightGBMError) as error:
            raise CorruptError(
                f"{Path(bundle) / 'spec.json'}: the files do not describe a model: {type(error).__name__}: "
                f"{error}."
            ) from None
        return scorer

    def _try_out(self) -> None:
        """Predict for three made-up rows as a test: a damaged model may load without an error, and then fail
        or return numbers that are not between 0 and 1.

        Raises:
            CorruptError: the model returns log-odds that are not finite, or a probability outside [0, 1].
        """
        if len(set(self.names)) != len(self.names) or not self._members:
            raise CorruptError(
                "spec.json: 'members' must not be empty, and 'signals' must name each signal once."
            )
        matrix = np.vstack([np.full((1, len(self.names)), fill) for fill in (np.nan, 0.0, 1.0)])
        matrix[2, [levels is not None and len(levels) < 2 for levels in self._levels]] = 0.0
        logits = self.logits(matrix)
        probability = self.probability(logits)
        if not (np.isfinite(logits).all() and ((probability >= 0) & (probability <= 1)).all()):
            raise CorruptError("spec.json: the results of the model are not all between 0 and 1.")
        if horizons := self.spec.get("horizons"):
            within = horizons_of(logits, probability, horizons) if horizons["days"] else {}
            if not all(((values >= 0) & (values <= 1)).all() for values in within.values()):
                raise CorruptError(
                    "spec.json: the probabilities that 'horizons' gives are not all between 0 and 1."
                )

    def predict(self, columns: Mapping[str, Any] | Any) -> Floats:
        """Return the calibrated churn probability of every row, in [0, 1].

        Args:
            columns: A DataFrame, or a mapping of arrays of equal length. The order of the columns does not
                matter. Columns that the model does not need are ignored. In a column of text, values that the
                model does not know count as missing.

        Raises:
            SchemaError: columns are missing, have a wrong type or have unequal lengths; the error lists all
                of them.
        """
        return self.probability(self.logits(self.matrix(columns)))

    def predict_horizons(self, columns: Mapping[str, Any] | Any) -> dict[int, Floats]:
        """Return the probability of leaving within 30, 60 and 90 days; the keys are these numbers of days.

        The probability never falls as the number of days grows. One or more of the three probabilities may be
        missing; `spec["horizons"]["missing"]` gives the reason for each of these.

        Raises:
            SchemaError: the columns do not fit, as in `predict`.
        """
        horizons = self.spec.get("horizons")
        if not horizons or not horizons["days"]:
            return {}
        logits = self.logits(self.matrix(columns))
        return horizons_of(logits, self.probability(logits), horizons)

    def contributions(self, columns: Mapping[str, Any] | Any) -> dict[str, Floats]:
        """Return the contribution of each signal to the log-odds before calibration, and a column `baseline`.

        For each row, the contributions and the baseline add up to the uncalibrated log-odds.
        """
        matrix = self.matrix(columns)
        parts = np.zeros((len(matrix), len(self.names) + 1))
        if len(matrix):
            parts = np.mean([member.contributions(matrix) for member in self._members], axis=0)
        return {name: parts[:, i] for i, name in enumerate([*self.names, "baseline"])}

    def logits(self, matrix: Floats) -> Floats:
        """Return the uncalibrated log-odds of the rows of a matrix; the method `matrix` makes this matrix."""
        if not len(matrix):
            return np.zeros(0)
        logits: Floats = np.mean([member.logits(matrix) for member in self._members], axis=0)
        return logits

    def probability(self, logits: Floats) -> Floats:
        """Return calibrated probabilities from uncalibrated log-odds."""
        return sigmoid(calibrate_logits(logits, self.spec["calibration"]))

    def matrix(self, columns: Mapping[str, Any] | Any) -> Floats:
        """Check the columns, and return them as an array of shape (rows, signals), NaN if missing."""
        problems: list[str] = []
        arrays: dict[str, Floats] = {}
        column_names = [str(name) for name in columns.keys()]  # noqa: SIM118 (a DataFrame iterates over keys too)
        for name, levels in zip(self.names, self._levels, strict=True):
            if name not in columns:
                other_names = [word for word in column_names if word not in self.names]
                problems.append(f"'{name}' is missing.{_near(name, other_names)}")
                continue
            values = np.atleast_1d(np.asarray(columns[name]))
            column = _numbers(values) if levels is None else _codes(values, levels)
            if isinstance(column, str):
                problems.append(f"'{name}' {column}")
            else:
                arrays[name] = column
        lengths = sorted({len(column) for column in arrays.values()})
        if len(lengths) > 1:
            problems.append(f"columns have unequal lengths: {', '.join(map(str, lengths))}.")
        if problems:
            raise SchemaError(problems)
        return np.column_stack([arrays[name] for name in self.names]) if arrays else np.zeros((0, 0))


class _Booster:
    """Gradient-boosted trees that LightGBM reads from a text."""

    def __init__(self, text: str, n_threads: int, n_signals: int, n_trees: int | None) -> None:
        _check_trees(text, n_signals, n_trees)
        self._booster = lgb.Booster(model_str=text)
        self._threads: dict[str, Any] = {"num_threads": n_threads} if n_threads else {}

    def logits(self, matrix: Floats) -> Floats:
        return np.asarray(self._booster.predict(matrix, raw_score=True, **self._threads), dtype=np.float64)

    def contributions(self, matrix: Floats) -> Floats:
        return np.asarray(self._booster.predict(matrix, pred_contrib=True, **self._threads), dtype=np.float64)


def _check_trees(text: str, n_signals: int, n_trees: int | None) -> None:
    """Check that the text of a LightGBM model holds all its trees, and that no tree is damaged.

    With a damaged tree, LightGBM may read memory outside the tree or never end.

    Args:
        text: The text of a booster.
        n_signals: The number of signals of the model.
        n_trees: The number of trees that were trained; None if the spec does not state it.

    Raises:
        CorruptError: trees are missing, or the nodes of a tree do not form a tree.
    """
    head, *trees = text.partition("\nend of trees")[0].split("\nTree=")
    facts = dict(line.partition("=")[::2] for line in head.splitlines())
    sizes = facts.get("tree_sizes", "").split()
    if "\nend of trees" not in text or len(trees) != len(sizes) or n_trees not in (None, len(trees)):
        expected = len(sizes) if n_trees is None else n_trees
        raise CorruptError(
            f"booster: the file holds {len(trees)} complete trees, but {expected} trees were trained."
        )
    shape = [facts.get(key) for key in ("num_class", "num_tree_per_iteration", "max_feature_idx")]
    if shape != ["1", "1", str(n_signals - 1)]:
        raise CorruptError(
            f"booster: the file is not a model that gives one result from {n_signals} signals."
        )
    for number, tree in enumerate(trees):
        try:
            is_tree = tree.startswith(f"{number}\n") and _is_tree(tree, n_signals)
        except CONTENT_ERRORS:
            is_tree = False
        if not is_tree:
            raise CorruptError(f"booster: tree {number} is damaged.")


def _is_tree(text: str, n_signals: int) -> bool:
    """Return whether the nodes of a tree are connected as a tree and hold only finite numbers."""
    facts = dict(line.partition("=")[::2] for line in text.splitlines() if "=" in line)
    leaves, is_linear = int(facts["num_leaves"]), facts.get("is_linear", "0") != "0"
    values = np.array(facts["leaf_value"].split(), dtype=np.float64)
    if leaves < 1 or is_linear or len(values) != leaves or not np.isfinite(values).all():
        return False
    if leaves == 1:
        return True
    signal, decision, left, right = (
        np.array(facts[key].split(), dtype=np.int64)
        for key in ("split_feature", "decision_type", "left_child", "right_child")
    )
    threshold = np.array(facts["threshold"].split(), dtype=np.float64)
    nodes, children = np.arange(leaves - 1), np.concatenate([left, right])
    if not all(len(part) == leaves - 1 for part in (signal, decision, left, right, threshold)):
        return False
    if np.isnan(threshold).any():
        return False
    is_connected = np.array_equal(np.sort(children), np.setdiff1d(np.arange(-leaves, leaves - 1), [0]))
    is_ordered = bool(((left > nodes) | (left < 0)).all() and ((right > nodes) | (right < 0)).all())
    is_in_range = bool(((signal >= 0) & (signal < n_signals)).all() and (decision >= 0).all())
    return is_connected and is_ordered and is_in_range and _are_levels(facts, threshold[decision % 2 == 1])


def _are_levels(facts: Mapping[str, str], sets: Floats) -> bool:
    """Return whether the sets of levels (codes of texts) that a tree stores are valid.

    The stored sets have the numbers 0, 1, 2 and so on. `sets` holds the numbers that the splits of the tree
    use. Each of these numbers must belong to a stored set.
    """
    n_sets = int(facts["num_cat"])
    if not n_sets:
        return not len(sets)
    bounds = np.array(facts["cat_boundaries"].split(), dtype=np.int64)
    words = [int(word) for word in facts["cat_threshold"].split()]
    return bool(
        len(bounds) == n_sets + 1
        and bounds[0] == 0
        and (np.diff(bounds) > 0).all()
        and bounds[-1] == len(words)
        and all(0 <= word < 2**32 for word in words)
        and np.isin(sets, np.arange(n_sets)).all()
    )


class _Linear:
    """A logistic regression: the function `linear_term` gives the log-odds that each signal adds."""

    def __init__(self, member: Mapping[str, Any], names: Sequence[str]) -> None:
        self._intercept = float(member["intercept"])
        self._terms = [(names.index(term["signal"]), term) for term in member["terms"]]
        for _, term in self._terms:
            knots = np.asarray(term.get("knots", []), dtype=np.float64)
            if "weights" not in term and (len(knots) != len(term["values"]) or (np.diff(knots) < 0).any()):
                raise CorruptError(f"spec.json: the curve of the signal '{term['signal']}' is damaged.")
        self._width = len(names)

    def logits(self, matrix: Floats) -> Floats:
        logits: Floats = self.contributions(matrix).sum(axis=1)
        return logits

    def contributions(self, matrix: Floats) -> Floats:
        """Return the log-odds that each signal adds, minus their mean in training.

        The last column holds the intercept plus all these means.
        """
        parts = np.zeros((len(matrix), self._width + 1))
        parts[:, -1] = self._intercept + sum(float(term["mean"]) for _, term in self._terms)
        for index, term in self._terms:
            parts[:, index] = linear_term(matrix[:, index], term) - float(term["mean"])
        return parts


def horizons_of(logits: Floats, probability: Floats, horizons: Mapping[str, Any]) -> dict[int, Floats]:
    """Return the probability of leaving within each number of days in `horizons["days"]`.

    The probability never falls as the number of days grows. The hazard of an interval is the probability that
    a customer leaves in the interval, given that the customer is there at its beginning. The hazard is a
    logistic regression on the model's log-odds. The probability of staying is the product of the
    probabilities of staying in each interval. The cumulative hazard is minus the logarithm of the
    probability of staying. It grows at a constant rate inside an interval. After the last interval, the rate
    stays the same.

    This function makes the probability of leaving within `anchor_days` equal to `probability`. To do so, it
    multiplies the cumulative hazard of each day up to `anchor_days` by the same factor. The hazard that later
    days add is not multiplied.

    Args:
        logits: The model's log-odds before calibration.
        probability: The model's calibrated probability of leaving within `anchor_days`.
        horizons: `days`, `anchor_days` and `intervals`. Each interval has `start`, `end`, `intercept` and
            `slope`.

    Source: Cox (1972), Regression models and life-tables, JRSS B 34, section 6 (discrete time).
    """
    edges = [0, *(part["end"] for part in horizons["intervals"])]
    hazards = [
        np.logaddexp(0.0, part["intercept"] + part["slope"] * logits) for part in horizons["intervals"]
    ]
    cumulative_hazard = np.cumsum([np.zeros(len(logits)), *hazards], axis=0)
    anchor = horizons["anchor_days"]
    interval = min(int(np.searchsorted(edges, anchor)), len(hazards))
    share = (anchor - edges[interval - 1]) / (edges[interval] - edges[interval - 1])
    at_anchor = np.maximum(cumulative_hazard[interval - 1] + share * hazards[interval - 1], 1e-300)
    level = -np.log1p(-np.minimum(probability, 1 - 1e-15))
    within = {}
    for day in horizons["days"]:
        hazard_sum = cumulative_hazard[edges.index(day)]
        # If a curve stops before the anchor, rounding must not lift it above `probability`.
        part = np.minimum(hazard_sum / at_anchor, 1.0) * level
        beyond = level + np.maximum(hazard_sum - at_anchor, 0.0)
        within[int(day)] = -np.expm1(-(part if day <= anchor else beyond))
    return within


def expected_days(within: Mapping[int, Floats]) -> Floats:
    """Return how many days each customer is expected to stay, counted up to the last horizon.

    The result is the restricted mean survival time, which is the area under the curve of the probability of
    staying. The hazard is constant between two horizons. For a customer who certainly stays, the result is
    the last horizon.

    Args:
        within: The probability of leaving for each number of days, as `predict_horizons` returns it; not
            empty.

    Source: Royston and Parmar (2013), Restricted mean survival time, BMC Medical Research Methodology 13.
    """
    days = sorted(within)
    expected: Floats = np.zeros(len(within[days[0]]))
    before, survival = 0, np.ones(len(expected))
    for day in days:
        survival_after = 1.0 - within[day]
        fall = np.log(np.maximum(survival, 1e-300)) - np.log(np.maximum(survival_after, 1e-300))
        flat = fall < 1e-9  # the logarithmic mean of two equal numbers is this number
        mean = np.where(flat, survival, (survival - survival_after) / np.where(flat, 1.0, fall))
        expected = expected + (day - before) * mean
        before, survival = day, survival_after
    return expected


def horizon_columns(within: Mapping[int, Floats]) -> dict[str, Floats]:
    """Return a column for each number of days: the probability of leaving within these days.

    If `within` has the key 90, the column `expected_days_90d` is added.
    """
    columns = {f"churn_probability_{days}d": probability for days, probability in sorted(within.items())}
    return columns | ({"expected_days_90d": expected_days(within)} if 90 in within else {})


def linear_term(values: Floats, term: Mapping[str, Any]) -> Floats:
    """Return the log-odds that a signal adds in a linear model.

    If the signal holds texts, each level (text value) has a weight, which is returned. If the signal holds
    numbers, the height of the signal's curve at the number is returned. A missing value has its own weight.
    """
    missing = np.isnan(values)
    if "weights" in term:
        codes = np.where(missing, 0, values).astype(np.int64)
        log_odds: Floats = np.asarray([*term["weights"], 0.0])[codes]
    else:
        log_odds = np.interp(np.where(missing, 0.0, values), term["knots"], term["values"])
    return np.where(missing, float(term["missing_weight"]), log_odds)


def sigmoid(logits: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)), also for numbers that would overflow."""
    return np.exp(-np.logaddexp(0.0, -logits))


def calibrate_logits(logits: Floats, calibration: Mapping[str, Any]) -> Floats:
    """Return the log-odds after calibration.

    With p as the uncalibrated probability, the calibration methods are:

    - `none`: the log-odds stay the same.
    - `beta`: the log-odds are `a log p - b log(1 - p) + c`.
    - `platt`: the log-odds are `a logit(p) + c`.
    - `venn_abers`: the probability is `p1 / (1 - p0 + p1)`; p0 and p1 depend on the uncalibrated log-odds.
      The calibration holds the lists `p0`, `p1` and `upto`: log-odds in `(upto[i - 1], upto[i]]` get `p0[i]`
      and `p1[i]`.
    - `shifted`: the calibration in the field `of` is applied, and then the number in the field `by` is
      added to the log-odds.

    Source: Kull, Silva Filho and Flach (2017), Beta calibration, AISTATS; Vovk and Petej (2014), Venn-Abers
        predictors, UAI.
    """
    method = calibration["method"]
    if method == "none":
        return logits
    if method == "shifted":
        return calibrate_logits(logits, calibration["of"]) + calibration["by"]  # type: ignore[no-any-return]
    if method == "venn_abers":
        p0, p1 = np.asarray(calibration["p0"]), np.asarray(calibration["p1"])
        steps: Floats = np.log(p1) - np.log1p(-p0)  # these are the log-odds of p1 / (1 - p0 + p1)
        return steps[np.searchsorted(calibration["upto"], logits)]
    if method == "platt":
        return calibration["a"] * logits + calibration["c"]  # type: ignore[no-any-return]
    if method == "beta":
        log_p, log_q = -np.logaddexp(0.0, -logits), -np.logaddexp(0.0, logits)
        return calibration["a"] * log_p - calibration["b"] * log_q + calibration["c"]  # type: ignore[no-any-return]
    raise CorruptError(f"spec.json: calibration '{method}' is unknown.")


def read_bundle(bundle: Path) -> dict[str, str]:
    """Return the texts of a bundle by file name, after each text was verified against the manifest.

    Raises:
        CorruptError: a file is missing or damaged; the message names the file.
    """
    text = _read(bundle / "manifest.json").decode("utf-8", errors="replace")
    try:
        digests = json.loads(text)["files"]
        is_complete = text == manifest_text(digests) and "spec.json" in digests
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        is_complete = False
    if not is_complete:
        raise CorruptError(f"{bundle / 'manifest.json'} is damaged.")
    files = {}
    for name, digest in digests.items():
        if not (bundle / name).resolve().is_relative_to(bundle.resolve()):
            raise CorruptError(f"{bundle / 'manifest.json'} names a file elsewhere.")
        content = _read(bundle / name)
        if hashlib.sha256(content).hexdigest() != digest:
            raise CorruptError(f"{bundle / name} is damaged: its bytes have changed.")
        files[name] = content.decode("utf-8")
    return files


def manifest_text(digests: Mapping[str, str]) -> str:
    """Return the text of `manifest.json`, which holds the SHA-256 of each other file of a bundle.

    A manifest has only one valid form, so any changed byte is noticed.
    """
    return json.dumps({"files": dict(digests)}, indent=1, sort_keys=True) + "\n"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise CorruptError(f"{path} cannot be read.") from None


def _near(name: str, words: Sequence[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, words, n=1, cutoff=0.6)
    return f" Is '{close[0]}' a misspelling of '{name}'?" if close else ""


def _numbers(values: npt.NDArray[Any]) -> Floats | str:
    """Return the values as float64, NaN if missing.

    If the values are not a list of finite numbers, return instead a message that says what is wrong.
    """
    if values.ndim != 1:
        return "is not one-dimensional."
    if values.dtype.kind not in "fiubO":
        return f"must hold numbers, found {values.dtype}" + (f" ({values[0]!r})." if len(values) else ".")
    if values.dtype.kind == "O":
        float_values = np.full(len(values), np.nan)
        for row, value in enumerate(values):
            if isinstance(value, numbers.Real | Decimal | np.bool_):
                float_values[row] = float(value)
            elif not _is_missing(value):
                return f"must hold numbers, but row {row} holds {value!r}."
        values = float_values
    column = values.astype(np.float64)
    return (
        "holds infinite values; give a finite number or a missing value."
        if np.isinf(column).any()
        else column
    )


def _codes(values: npt.NDArray[Any], levels: Mapping[str, float]) -> Floats | str:
    """Return the code of each text value, NaN if it is missing or unknown.

    If the values are not a list of texts, return instead a message that says what is wrong.
    """
    if values.ndim != 1:
        return "is not one-dimensional."
    codes = np.full(len(values), np.nan)
    for row, value in enumerate(values.tolist()):
        if isinstance(value, str):
            codes[row] = levels.get(value, np.nan)
        elif not _is_missing(value):
            return f"must hold text, but row {row} holds {value!r}."
    return codes


def _is_missing(value: Any) -> bool:
    return value is None or type(value).__name__ in ("NAType", "NaTType") or bool(value != value)


# MLflow runs this file as a separate module when it logs or loads the model. This package never runs it in
# this way.
if "mlflow" in sys.modules and not __name__.startswith("churn."):
    import mlflow
    import pandas as pd

    MAX_MESSAGE_LENGTH = 450  # the whole answer of the server then has fewer than 600 characters

    class InputError(mlflow.exceptions.MlflowException):  # type: ignore[misc]
        """The columns of a request do not fit the model; the server answers only with the error's message."""

        @property
        def message(self) -> str:
            """Return the error's first message.

            MLflow's server later sets a second message, which also holds the rows of the request. The second
            message is ignored.
            """
            return str(self.__dict__["_message"])

        @message.setter
        def message(self, text: str) -> None:
            self.__dict__.setdefault("_message", text)

    class ChurnModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        """The class through which MLflow uses the scorer."""

        def load_context(self, context: Any) -> None:
            """Load the bundle that MLflow stored with the model."""
            self.scorer = Scorer.load(context.artifacts["bundle"])

        def predict(
            self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
        ) -> Any:
            """Return probabilities; if `params` asks for further columns, return a table.

            `{"horizons": true}` adds the probabilities within 30, 60 and 90 days and `expected_days_90d`, if
            the model has them. `{"contributions": true}` adds the contributions of the signals. A column that
            had missing values in training may be absent from the request; all its values then count as
            missing.
            """
            try:
                return self._predict(model_input, params or {})
            except SchemaError as error:
                raise InputError.invalid_parameter_value(error.summary(MAX_MESSAGE_LENGTH)) from None

        def _predict(self, model_input: pd.DataFrame, options: dict[str, Any]) -> Any:
            if not len(model_input.columns):  # without columns, MLflow has also dropped the rows
                raise SchemaError(["the request has none of the model's columns."])
            table = self._with_optional_columns(model_input)
            columns = {"churn_probability": self.scorer.predict(table)}
            if options.get("horizons"):
                columns |= horizon_columns(self.scorer.predict_horizons(table))
            if options.get("contributions"):
                columns |= self.scorer.contributions(table)
            if options.get("horizons") or options.get("contributions"):
                return pd.DataFrame(columns, index=table.index)
            return columns["churn_probability"]

        def _with_optional_columns(self, table: pd.DataFrame) -> pd.DataFrame:
            absent = [
                signal["name"]
                for signal in self.scorer.spec["signals"]
                if signal.get("missing_share") and signal["name"] not in table
            ]
            return table.reindex(columns=[*table.columns, *absent]) if absent else table

    mlflow.models.set_model(ChurnModel())
