"""Surveys: low ratings (0 to 10, as in the Net Promoter Score), comments, and surveys without an answer."""

from __future__ import annotations

import numpy as np

from churn.features.language.events import Array, Events, ShrunkRate, shrunk
from churn.features.signal import signal


@signal(
    table="surveys",
    looks_back=366,
    unit="0..10",
    riskier_when="lower",
    family="sentiment",
    reason="rated us {value:.0f} of 10 in the latest survey",
    german="gab uns in der letzten Umfrage {value:.0f} von 10 Punkten",
)
def survey_last_rating(surveys: Events) -> Array:
    """Latest rating in the last 366 days."""
    return surveys.by("answered_at").latest("rating")


@signal(
    table="surveys",
    looks_back=366,
    unit="days",
    riskier_when="either",
    family="sentiment",
    reason="last answered a survey {value:.0f} [day|days] ago",
    german="hat zuletzt vor {value:.0f} [Tag|Tagen] eine Umfrage beantwortet",
)
def survey_rating_age(surveys: Events) -> Array:
    """Days since the customer's latest answer to a survey."""
    return surveys.by("answered_at").days_since_last()


@signal(
    table="surveys",
    looks_back=366,
    unit="points",
    riskier_when="lower",
    family="sentiment",
    reason="the latest rating is {value:.0f of 10 points higher|of 10 points lower} than the one before",
    german="die letzte Bewertung liegt {value:.0f von 10 Punkten über|von 10 Punkten unter} der vorigen",
)
def survey_rating_change(surveys: Events) -> Array:
    """The latest rating minus the rating before it."""
    answers = surveys.by("answered_at")
    return answers.latest("rating") - answers.previous("rating")


@signal(
    table="surveys",
    looks_back=366,
    unit="yes or no",
    riskier_when="higher",
    family="sentiment",
    reason="is a detractor: the latest rating is 6 or lower",
    german="ist Detraktor: die letzte Bewertung ist 6 oder niedriger",
)
def survey_detractor(surveys: Events) -> Array:
    """1 if the latest rating is 6 or lower, else 0."""
    rating = surveys.by("answered_at").latest("rating")
    return np.where(np.isnan(rating), np.nan, rating <= 6)


@signal(
    table="surveys",
    looks_back=366,
    unit="share",
    riskier_when="higher",
    family="sentiment",
    reason="left about {value:.0%} of our surveys unanswered",
    german="hat etwa {value:.0%} unserer Umfragen nicht beantwortet",
)
def surveys_silent_share(surveys: Events) -> ShrunkRate:
    """Share of unanswered surveys in the last 366 days; with few surveys, near the share of all surveys."""
    return shrunk(surveys.lacking("answered_at").count(), surveys.count())


@signal(
    table="surveys",
    looks_back=182,
    unit="ratings",
    riskier_when="higher",
    family="sentiment",
    reason="ratings of 6 or lower in the last half year: {value:.0f}",
    german="Bewertungen von 6 oder niedriger im letzten halben Jahr: {value:.0f}",
)
def survey_low_ratings(surveys: Events) -> Array:
    """Number of ratings of 6 or lower in the last 182 days; missing if there was no answer in these days."""
    answers = surveys.by("answered_at")
    return np.where(answers.count() > 0, answers.count_at_most("rating", 6), np.nan)


@signal(
    table="surveys",
    looks_back=366,
    unit="0..10",
    riskier_when="lower",
    family="sentiment",
    reason="has recently rated us {value:.1f} of 10 on average",
    german="gab uns in letzter Zeit im Mittel {value:.1f} von 10 Punkten",
)
def survey_rating_decayed(surveys: Events) -> Array:
    """Mean rating of the last 366 days; a rating's weight halves every 90 days."""
    return surveys.by("answered_at").decayed_mean("rating", half_life_days=90)


@signal(
    table="surveys",
    looks_back=366,
    unit="surveys",
    riskier_when="higher",
    family="sentiment",
    reason="has not answered the last [survey|{value:.0f} surveys]",
    german="hat die [letzte Umfrage|letzten {value:.0f} Umfragen] nicht beantwortet",
)
def surveys_silent_run(surveys: Events) -> Array:
    """Number of surveys after the newest survey that the customer answered; only the last 366 days count."""
    return surveys.run_lacking("answered_at")


@signal(
    table="surveys",
    looks_back=366,
    unit="-1..1",
    riskier_when="lower",
    family="sentiment",
    reason="how the comments on recent surveys sound, from -1 (bad) to 1 (good): {value:.1f}",
    german="wie die Kommentare zu den letzten Umfragen klingen, von -1 (schlecht) bis 1 (gut): {value:.1f}",
)
def survey_mood(surveys: Events) -> Array:
    """Mean mood (by a word list) of comments in the last 366 days; a comment's weight halves per 90 days."""
    return surveys.by("answered_at").decayed_mean("mood", half_life_days=90)
