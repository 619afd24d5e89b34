"""The definitions of the figures about customer value."""

from __future__ import annotations

from churn.kpis.definitions.definition import FigureDefinition

MARGIN = "margin is the share `score.value.margin` of revenue"

VALUE = (
    FigureDefinition(
        name="clv_historic",
        title="customer value, historic",
        unit="currency",
        digits=2,
        population="customers who signed up before the cutoff",
        definition="sum of margin up to the cutoff / customers; the money is the payments received, or the "
        f"orders that were not returned; {MARGIN}",
        better="higher",
        edges="a look back, not a forecast",
    ),
    FigureDefinition(
        name="clv_simple",
        title="customer value, simple",
        unit="currency",
        digits=2,
        population="customers active at the start of the last 12 months whose outcome is known",
        definition="order value x orders per active customer and month x margin x lifespan in months; "
        f"lifespan = 1 / monthly churn; {MARGIN}",
        better="higher",
        edges="the lifespan is at most 120 months. If it was cut to 120 months, for example because nobody "
        "left, the notes say so. Nothing is discounted. Missing without orders. Interval: from "
        "the Wilson interval of churn alone",
    ),
    FigureDefinition(
        name="clv_contractual",
        title="customer value, contractual",
        unit="currency",
        digits=2,
        population="customers active at the start of the last 12 months whose outcome is known",
        definition="m(1+d)/(1+d-r) with the first payment counted, m r/(1+d-r) without it, m/(1+d-r) with "
        "payments at the end of a month; m is the monthly margin of an active customer, r the monthly "
        f"retention, d the monthly discount of `score.value.discount_year`; {MARGIN}",
        better="higher",
        edges="`kpis.clv` chooses one of the three formulas; the figure's notes name the chosen formula and "
        "give its m, r and d. The customer value is missing if nobody left and the discount rate is 0, "
        "because it would be infinite. Missing without contracts. Interval: from the Wilson interval of r "
        "alone",
        source="Fader and Hardie, note 024",
    ),
    FigureDefinition(
        name="clv_non_contractual",
        title="customer value, without contracts",
        unit="currency",
        digits=2,
        population="customers with an order before the cutoff; if there are more than 20,000, every k-th of "
        "them, so that at most 20,000 remain",
        definition="mean of the expected orders of the next `score.value.months` months (BG/NBD), each "
        f"discounted, times the expected value of an order (gamma-gamma); {MARGIN}",
        better="higher",
        edges="the model assumes that frequency and value of orders are nearly uncorrelated: the notes "
        "on the figure give the correlation, and say if it is too large. Missing with fewer than 100 "
        "customers, or if the likelihood has no maximum. Missing with contracts. Orders of "
        "one customer on one day count as one order. Interval: over customers, with the fitted parameters",
        source="Fader, Hardie and Lee 2005, Marketing Science 24(2); Fader and Hardie 2013, gamma-gamma",
    ),
    FigureDefinition(
        name="value_of_one_point",
        title="value of one point of retention",
        unit="currency",
        digits=0,
        population="customers active at the start of the latest month whose outcome is known",
        definition="customers x m x [1/(1+d-r-0.01) - 1/(1+d-r)]: what one point more monthly retention of "
        "all future months is worth for the customers of today; m, r and d as in `clv_contractual`",
        edges="retention above 99%: missing. Interval: from the Wilson interval of retention alone",
        better="higher",
    ),
    FigureDefinition(
        name="replacement_cost",
        title="cost of replacing the leavers of the month",
        unit="currency",
        digits=0,
        population="customers of `customer_churn` of the latest month whose outcome is known",
        definition="customers who left in the month x `kpis.acquisition_cost`",
        better="lower",
        edges="missing without `kpis.acquisition_cost`. Interval: from the Wilson interval of churn",
    ),
)
