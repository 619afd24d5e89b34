"""BG/NBD: beside a literal likelihood, Monte Carlo, quadrature, and what is published for CDNOW."""

from __future__ import annotations

from math import exp, lgamma, log
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.csv as pa_csv
import pytest
from scipy.integrate import quad
from scipy.optimize import check_grad
from sklearn.metrics import roc_auc_score

from churn.features.language import btyd
from churn.features.language.btyd import LifetimeModel

TRUTH = LifetimeModel(r=0.8, alpha=40.0, a=0.6, b=2.5)
MODELS = [
    TRUTH,
    LifetimeModel(0.24, 30.0, 1.0, 2.4),
    LifetimeModel(1.4, 9.5, 0.3, 0.4),
    LifetimeModel(2.0, 20.0, 0.5, 0.5),
    LifetimeModel(1.4, 9.6, 0.02, 29.0),
]
HISTORIES = [(0, 0, 1), (0, 0, 400), (1, 1, 30), (7, 60, 61), (10, 150, 200), (150, 390, 400)]


def log_likelihood(model, x, recency, age):
    """Return the log-likelihood of each history under a model."""
    logs = np.log([model.r, model.alpha, model.a, model.b])
    return btyd._log_likelihood(logs, x, recency, age)[0]


def simulated(model: LifetimeModel, n: int, seed: int = 3) -> np.ndarray:
    """Draw whole histories from the story that the model tells: `[3, n]`."""
    rng = np.random.default_rng(seed)
    age = np.floor(rng.uniform(60, 600, n))
    found = np.zeros((3, n))
    for who in range(n):
        rate, p_stop, at, x = rng.gamma(model.r, 1 / model.alpha), rng.beta(model.a, model.b), 0.0, 0
        while True:
            next_at = at + rng.exponential(1 / rate)
            if next_at >= age[who]:
                break
            at, x = next_at, x + 1
            if rng.random() < p_stop:
                break
        found[:, who] = x, at, age[who]
    return found


def literal_likelihood(model: LifetimeModel, x: int, recency: float, age: float) -> float:
    """Equation 6 of the source, term by term."""
    r, alpha, a, b = model.r, model.alpha, model.a, model.b

    def log_beta(one: float, other: float) -> float:
        return lgamma(one) + lgamma(other) - lgamma(one + other)

    coming = lgamma(r + x) - lgamma(r) + r * log(alpha)
    alive = exp(log_beta(a, b + x) - log_beta(a, b) - (r + x) * log(alpha + age) + coming)
    if not x:
        return log(alive)
    stopped = exp(log_beta(a + 1, b + x - 1) - log_beta(a, b) - (r + x) * log(alpha + recency) + coming)
    return log(alive + stopped)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("history", HISTORIES[:-1])
def test_the_likelihood_is_that_of_the_source(model: LifetimeModel, history: tuple[int, int, int]) -> None:
    x, recency, age = (np.array([float(part)]) for part in history)

    found = log_likelihood(model, x, recency, age)

    assert found == pytest.approx([literal_likelihood(model, *history)], rel=1e-10)


@pytest.mark.parametrize("model", MODELS)
def test_the_slopes_are_those_of_the_likelihood(model: LifetimeModel) -> None:
    histories = np.array(HISTORIES, dtype=float).T
    logs = np.log([model.r, model.alpha, model.a, model.b])

    off = check_grad(
        lambda tried: btyd._log_likelihood(tried, *histories)[0].sum(),
        lambda tried: btyd._log_likelihood(tried, *histories)[1].sum(axis=1),
        logs,
    )

    assert off < 1e-3


def test_a_fit_finds_the_parameters_that_histories_were_drawn_from() -> None:
    histories = simulated(TRUTH, 8000)

    found = btyd.fit_lifetimes(*histories)

    assert found is not None
    assert (found.r, found.alpha, found.a, found.b) == pytest.approx((0.8, 40, 0.6, 2.5), rel=0.15)
    assert log_likelihood(found, *histories).sum() >= log_likelihood(TRUTH, *histories).sum()


def test_a_fit_does_not_depend_on_the_unit_of_time_or_on_the_order() -> None:
    x, recency, age = simulated(TRUTH, 500)

    days = btyd.fit_lifetimes(x, recency, age)
    weeks = btyd.fit_lifetimes(x[::-1], recency[::-1] / 7, age[::-1] / 7)

    assert days is not None
    assert weeks is not None
    assert (weeks.r, weeks.alpha * 7, weeks.a, weeks.b) == pytest.approx((days.r, days.alpha, days.a, days.b))


@pytest.mark.parametrize(
    "histories",
    [simulated(TRUTH, 99), np.array([np.zeros(200), np.zeros(200), np.arange(1.0, 201)]), np.zeros((3, 0))],
    ids=["99 customers", "nobody came twice", "nobody"],
)
def test_too_little_is_not_fitted(histories: np.ndarray) -> None:
    assert btyd.fit_lifetimes(*histories) is None


def test_customers_who_all_come_like_a_clock_give_a_model_or_none_but_no_error() -> None:
    age = np.arange(100.0, 400)
    found = btyd.fit_lifetimes(np.floor(age / 7), np.floor(age / 7) * 7, age)

    assert found is None or np.isfinite([found.r, found.alpha, found.a, found.b]).all()


@pytest.mark.parametrize("after", [0.0, 45.0])
@pytest.mark.parametrize("model", MODELS)
def test_silence_is_as_probable_as_in_drawn_lives(model: LifetimeModel, after: float) -> None:
    """Draw rates and chances to stop, weigh each by the likelihood of the history, and look ahead."""
    rng = np.random.default_rng(5)
    rates, p_stop = rng.gamma(model.r, 1 / model.alpha, 400_000), rng.beta(model.a, model.b, 400_000)
    x, recency, age, ahead = 4, 60.0, 100.0, 28.0

    came = rates**x * (1 - p_stop) ** x * np.exp(-rates * age)
    stopped = rates**x * p_stop * (1 - p_stop) ** (x - 1) * np.exp(-rates * recency)
    stays = np.exp(-rates * p_stop * after)
    some = (came * stays * -np.expm1(-rates * ahead)).sum() / (came + stopped).sum()
    history = (np.array([part]) for part in (float(x), recency, age))

    assert btyd.p_none(model, *history, ahead, after=after) == pytest.approx([1 - some], abs=0.01)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("x", "recency", "age"), HISTORIES)
def test_the_expected_number_is_that_of_an_integral(
    model: LifetimeModel, x: int, recency: int, age: int
) -> None:
    """If alive: `(1 - (A / (A + p h)) ** (r + x)) / p` over p of beta(a, b + x), A = alpha + age."""
    ahead, stays = 91.0, model.alpha + age

    def over_root(root: float) -> float:  # p = root ** (1 / a) takes the pole at 0 away
        p = root ** (1 / model.a)
        if p == 0 or p == 1:
            return 0.0
        events = -np.expm1(-(model.r + x) * np.log1p(p * ahead / stays)) / p
        scale = lgamma(model.a + model.b + x) - lgamma(model.a + 1) - lgamma(model.b + x)
        return float(events * exp(scale + (model.b + x - 1) * np.log1p(-p)))

    half = 0.5**model.a
    alive = sum(quad(over_root, *ends, limit=200, epsabs=1e-9)[0] for ends in ((0, half), (half, 1)))
    history = [np.array([float(part)]) for part in (x, recency, age)]

    found = btyd.expected_events(model, *history, ahead)

    assert found == pytest.approx(btyd.p_alive(model, *history) * alive, rel=1e-4)


def test_customers_who_share_a_history_share_what_is_expected() -> None:
    x, recency, age = np.array([2.0, 0, 2, 2]), np.array([30.0, 0, 30, 10]), np.array([40.0, 40, 40, 40])

    found = btyd.expected_events(TRUTH, x, recency, age, 28)

    assert found[0] == found[2]
    assert len(np.unique(found)) == 3


def test_long_silence_after_many_events_means_none_will_come_without_overflow() -> None:
    x, recency, age = np.array([700.0]), np.array([1.0]), np.array([729.0])

    assert btyd.p_none(TRUTH, x, recency, age, 28) == pytest.approx([1.0])


@pytest.mark.data
def test_the_parameters_of_the_cdnow_sample_are_the_published_ones(real_data: Path) -> None:
    sample = pa_csv.read_csv(real_data / "cdnow" / "sample_2357_summary.csv")
    x, recency, age = (sample[name].to_numpy().astype(float) for name in ("frequency", "recency", "T"))

    found = btyd.fit_lifetimes(x, recency, age)

    assert found is not None
    assert (found.r, found.alpha, found.a, found.b) == pytest.approx(
        (0.2426, 4.4136, 0.7929, 2.4259), rel=1e-3
    )


@pytest.mark.data
def test_on_cdnow_the_probability_of_silence_ranks_well_and_that_of_being_alive_backwards(
    real_data: Path,
) -> None:
    """All 23,570 customers on 1997-10-01, nine months after the first of them came; 91 days ahead."""
    orders = duckdb.sql(
        "SELECT count(DISTINCT date) FILTER (known) - 1 AS x, min(date) AS first, "
        "max(date) FILTER (known) AS latest, NOT bool_or(coming) AS left_by "
        "FROM (SELECT *, date < DATE '1997-10-01' AS known, "
        "NOT known AND date < DATE '1997-12-31' AS coming "
        f"FROM (SELECT customer_id, date::DATE AS date FROM '{real_data}/cdnow/transactions.parquet')) "
        "GROUP BY customer_id ORDER BY customer_id"
    ).fetchnumpy()
    first, latest = (orders[name].astype("datetime64[D]") for name in ("first", "latest"))
    cutoff = np.datetime64("1997-10-01")
    history = [part.astype(float) for part in (orders["x"], latest - first, cutoff - first)]
    silent, silence = orders["left_by"].astype(bool), (cutoff - latest).astype(float)

    model = btyd.fit_lifetimes(*history)

    assert model is not None
    none = btyd.p_none(model, *history, 91)
    assert roc_auc_score(silent, none) == pytest.approx(0.77, abs=0.02)
    assert roc_auc_score(silent, -btyd.p_alive(model, *history)) == pytest.approx(0.32, abs=0.02)
    assert roc_auc_score(silent, none) >= roc_auc_score(silent, silence)
    assert none.mean() == pytest.approx(silent.mean(), abs=0.03)
