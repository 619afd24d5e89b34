"""The parts of docs/figures.md about sections that hold tables, with the definitions of the code."""

from __future__ import annotations

from churn.kpis import (
    activation,
    activation_rows,
    activity,
    audit,
    behaviour,
    contract_model,
    growth,
    leaving_reasons,
    observed_churn,
    ratings,
    rfm,
    stages,
    survival,
    triangle,
)

COHORTS = f"""
The section `cohorts` of kpis.json.

**Retention triangle.** Unit: share. Definition: {triangle.DEFINITION}. A month of joining is a cohort if
everybody who joined in it is in the data. A cell is `open` while its month is not over, and `not certain yet`
until the grace and the late rows are over; such a cell has no number. Interval: Wilson. `triangles` holds the
certain months of the last {triangle.SEGMENT_COHORTS} cohorts of each segment.

**Survival.** Unit: share. Definition: {survival.DEFINITION}. Band: {survival.BAND}. The curve ends where
fewer than 30 customers are at risk. The first day on which leaving is recorded is the first recorded end of
a contract: of the customers who joined before, only those who stayed are in the data. With a label of
inactivity, customers who signed up before the first event of the label's table are left out.

**Contracts.** {contract_model.DEFINITION[0].upper()}{contract_model.DEFINITION[1:]}. The
{contract_model.DERL_DEFINITION}. The discount is `score.value.discount_year`. The model needs
{contract_model.MIN_COHORTS} monthly cohorts, {contract_model.MIN_PERIODS} months of age with
{contract_model.MIN_AT_RISK} customers each, and {contract_model.MIN_LOST} customers who left; and churn
must fall with age. Otherwise there is a reason and no model.
"""

STAGES = f"""
The section `stages` of kpis.json, for the last {activity.MAX_MONTHS} complete months; `weeks` and
`week_leaks` are of the last {activity.MAX_WEEKS} complete weeks, and count only people.

**Growth.** Unit: customers, and currency per month. Definition: {growth.GROWTH_DEFINITION}. If no customer
has a known money value, only people are counted, and `money_reason` gives the reason.

**Stages.** Unit: customers, and currency per month. Definition: {stages.STAGES_DEFINITION}. The stages are
those of [the playbook](playbook.md#stages), computed from what was known at the start of each month. A stage
whose condition uses a score is not known for past months; the figure then gives the reason. A stage of the
playbook named `gone` holds silent customers who are still at risk; the label alone decides who has `left`.

**Leaks.** Unit: customers, share and currency per month. Definition: {stages.LEAK_DEFINITION}.
"""

ACTIVATION = f"""
The section `activation` of kpis.json.

**Activation event.** Definition: {activation_rows.DEFINITION}. Tried are all event tables and their kinds
that are acts of the customer, {", ".join(map(str, activation.AT_LEAST))} times within
{", ".join(map(str, activation.WITHIN_DAYS))} days, where at least {activation.MIN_SHARE:.0%} and
{activation.MIN_CUSTOMERS} customers do it, and as many do not. Otherwise no event is reported, but the
reason.
Each run repeats the test on nearly the same customers, so an event that is reported only in some runs is
weak. `decides_label` marks an event of the label's own table. Such an event goes with staying partly by
definition.
How often an event is reported where there is none: [benchmarks/kpis](../benchmarks/kpis/README.md).
"""

RATINGS = f"""
The section `ratings` of kpis.json: does a rating mean anything for who leaves?

Each table has the observed churn by level. Unit: share that left in the label window, by the label of
params.yaml and never by today's state. Population: {observed_churn.POPULATION}; at most
{observed_churn.MAX_CUTOFFS} cutoffs, the first days of months. Intervals: Wilson; for the difference of two
levels Newcombe's. `means_something` is true if the interval of a difference excludes 0.

- **NPS.** {ratings.NPS_DEFINITION}.
- **CSAT.** {ratings.CSAT_DEFINITION}.
- **Health.** {ratings.HEALTH_DEFINITION}. Without a stored night whose label is matured, the file gives the
reason.
"""

GROUPS = f"""
The section `groups` of kpis.json. Unit: share that left in the label window; population, cutoffs and
intervals are those of the section `ratings`.

- **RFM grid.** {rfm.RFM_DEFINITION}. Cells are by recency and frequency; `by_money` has the third dimension.
- **Behaviour x value x stage.** {behaviour.TABLE_DEFINITION}.
- **Loyal or merely bound.** {behaviour.LOYALTY_DEFINITION}. `now` has the customers and their money at the
  end of the data.
- **Lists.** The number of customers on `advocates.csv` and `gone.csv` of the latest stored night; see
  [lists beside the call list](contact.md#lists-beside-the-call-list).
"""

LEAVING = f"""
The section `leaving` of kpis.json. For each recorded reason (`subscriptions.reason` of the contract that
ended for good in the last {leaving_reasons.WINDOW_DAYS} days): the number of customers, and of these the
number by the family of our first reason on their last night before the end, at most
{leaving_reasons.BEFORE_DAYS} days
before. `{leaving_reasons.NO_REASON}` is a customer who was scored and was neither on the call list nor of
health 1 or 2. Reasons of fewer than {leaving_reasons.MIN_REASON_CUSTOMERS} customers are one row, because
the words of the reason may identify one person.
"""

AUDIT_ROWS = "\n".join(
    f"| {rule.title} | {rule.unit} | {', '.join(f'{limit:g}' for limit in rule.limits)} | {rule.raise_it} |"
    for rule in audit.RULES.values()
)

AUDIT = f"""
The section `audit` of kpis.json: fifteen practices of retention, the lowest score first. Nine are scored from
1 to 5 by evidence in the tables of the last {audit.AUDIT_DAYS} days; a score needs {audit.MIN_EVIDENCE}
cases. churn itself sets the limits; they do not come from a survey. {len(audit.UNMEASURABLE_PRACTICES)}
practices leave no trace in tables
({", ".join(title for _, title, _ in audit.UNMEASURABLE_PRACTICES)}): they are
"{audit.UNMEASURABLE}", with a question for a person.

| practice | evidence | 2, 3, 4, 5 from | what raises it |
|---|---|---|---|
{AUDIT_ROWS}
"""

SECTION_TEXTS = {
    "Cohorts and survival": COHORTS,
    "Stages and growth": STAGES,
    "Activation": ACTIVATION,
    "Ratings": RATINGS,
    "Groups": GROUPS,
    "Reasons for leaving against ours": LEAVING,
    "The retention audit": AUDIT,
}
"""The text of each part by its title."""
