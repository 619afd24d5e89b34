"""The definitions of the figures about surveys and support."""

from __future__ import annotations

from churn.kpis.definitions.definition import FigureDefinition

VOICE = (
    FigureDefinition(
        name="nps",
        is_watched=True,
        title="net promoter score (NPS)",
        unit="points",
        digits=1,
        population="customers with an answer in the period; the latest answer of each counts",
        definition="100 * (promoters - detractors) / n; promoters rate 9 or 10, passives 7 or 8, detractors "
        "less than 7",
        better="higher",
        edges="missing without answers. Also missing if there are 20 or more answers and none is above "
        "5, because the scale is then not 0 to 10. Interval: adjusted Wald with three further "
        "answers (3/4 promoter, 3/4 detractor, 3/2 passive), widened to hold the value",
        source="Agresti and Min 2005; Sauro and Lewis 2022",
        by_segment=True,
    ),
    FigureDefinition(
        name="rating_share",
        is_watched=True,
        title="share of ratings",
        unit="%",
        digits=1,
        population="customers with an answer in the period; the latest answer of each counts",
        definition="promoters, passives or detractors, as of `nps`, / n * 100",
        edges="as `nps`. Interval: Wilson",
    ),
    FigureDefinition(
        name="csat",
        is_watched=True,
        title="customer satisfaction (CSAT)",
        unit="%",
        digits=1,
        population="tickets closed in the period with a rating",
        definition="tickets rated satisfied / tickets with a rating * 100; satisfied is "
        "`kpis.satisfied_from` or more",
        better="higher",
        edges="without `kpis.satisfied_from`, the ratings 4 and 5 count as satisfied if all ratings lie from "
        "1 to 5; with another scale the figure is missing. Interval: Wilson",
        by_segment=True,
    ),
    FigureDefinition(
        name="low_ratings_answered",
        title="low ratings answered in time",
        unit="%",
        digits=1,
        population="answers of the period with a rating below 7",
        definition="low ratings whose customer was contacted within `kpis.answer_days` / low ratings * 100; "
        "a contact of the table `contacts` counts unless its arm is control",
        better="higher",
        edges="the figure is missing until `kpis.answer_days` days after the end of the period. Interval: "
        "Wilson",
    ),
    FigureDefinition(
        name="first_reply_hours",
        title="time to first reply, median",
        unit="hours",
        digits=0,
        population="tickets opened in the period",
        definition="Kaplan-Meier median of the whole hours from opening to the first reply; a ticket without "
        "a reply is censored",
        better="lower",
        edges="the median is missing if fewer than 10 tickets, answered or not, waited as long as this "
        "median or longer. Interval: where the band of the curve crosses one half",
    ),
    FigureDefinition(
        name="resolution_hours",
        title="time to close, median",
        unit="hours",
        digits=0,
        population="tickets opened in the period",
        definition="Kaplan-Meier median of the whole hours from opening to closing; an open ticket is "
        "censored",
        better="lower",
        edges="as `first_reply_hours`",
    ),
    FigureDefinition(
        name="replied_in_time",
        is_watched=True,
        title="first reply within the promise",
        unit="%",
        digits=1,
        population="tickets that were due in the period",
        definition="tickets with a first reply on or before the day of `due_at` / tickets due * 100",
        better="higher",
        edges="missing without `tickets.due_at`; a ticket without a promised time does not count. "
        "Interval: Wilson",
        by_segment=True,
    ),
    FigureDefinition(
        name="closed_in_time",
        title="closed within the promise",
        unit="%",
        digits=1,
        population="tickets that were due in the period",
        definition="tickets closed on or before the day of `due_at` / tickets due * 100",
        better="higher",
        edges="as `replied_in_time`",
    ),
    FigureDefinition(
        name="silent_leavers",
        title="left in silence",
        unit="%",
        digits=1,
        population="customers of `customer_churn`",
        definition="customers who left without a ticket, a rating below 7 or a contact in the 90 days up to "
        "the day they left / customers who left * 100",
        better="lower",
        edges="missing if nobody left, or if the tables tickets, surveys and contacts are all empty. If "
        "the label is inactivity, the day on which a customer left is `label.active_days` days after the "
        "customer's last event. Interval: Wilson",
    ),
)
