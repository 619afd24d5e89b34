"""The parts of docs/figures.md about sections that hold tables, with the definitions of the code."""

from __future__ import annotations

from churn.kpis import (
    activation,
    activation_rows,
    activity,
    acts,
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
The figures of cohorts and survival are in the section `cohorts` of `kpis.json`.

**Retention triangle.** Unit: share. Definition: {triangle.DEFINITION}. A month has a
cohort only if the data hold all customers who joined in it, also those who left soon. A cell of the triangle
is one cohort at the end of one month. A cell is `open` while its month is not over. After the end of the
month, the cell is at first `not certain yet`, because the number may still change. The number is certain
after `snapshot.late_days` days; with a contract label, `label.grace_days` days are added. A cell that is open
or not certain has no number. The interval is Wilson's interval. For each segment, `triangles` holds the last
{triangle.SEGMENT_COHORTS} cohorts, without cells that are open or not certain.

**Survival.** Unit: share. Definition: {survival.DEFINITION}. The band is {survival.BAND}. The curve ends at
the age at which fewer than 30 customers are still observed. With a contract label, leaving is recorded from
the day of the first recorded end of a contract. Of the customers who joined before this day, only those who
stayed are in the data. With an inactivity label, the curve leaves out customers who signed up before the
first event in the label's table.

**Contracts.** A model predicts how many further monthly payments a customer with a contract makes.
{contract_model.DEFINITION[0].upper()}{contract_model.DEFINITION[1:]}.
{contract_model.DERL_DEFINITION[0].upper()}{contract_model.DERL_DEFINITION[1:]}. The
discount rate of a year is `score.value.discount_year`. The model needs
{contract_model.MIN_COHORTS} monthly cohorts and {contract_model.MIN_LOST} customers who left. The model also
needs {contract_model.MIN_AT_RISK} customers at the start of each of the first {contract_model.MIN_PERIODS}
months after joining. In addition, churn must fall with the time since joining. If the data do not meet one of
these conditions, `kpis.json` has no model, and `reason` says which condition.
"""

STAGES = f"""
The section `stages` of `kpis.json` covers the last {activity.MAX_MONTHS} complete months. `weeks` and
`week_leaks` cover the last {activity.MAX_WEEKS} complete weeks, and count only customers, not money.

**Growth.** Unit: customers, and currency per month. Definition: {growth.GROWTH_DEFINITION}. If the
data do not say what customers pay, only customers are counted, and `money_reason` gives the reason.

**Stages.** Unit: customers, and currency per month. Definition: {stages.STAGES_DEFINITION}. The stages
of [the playbook](playbook.md#stages) are computed from what was known at the start of each month. If
the condition of a stage uses a score, the stage is not known for past months, and the figure gives the
reason. A stage named `gone` in the playbook is not the stage `left`: customers in `gone` are silent,
but have not left yet. Only the label decides who is in the stage `left`.

**Leaks.** Unit: customers, share of the stage's customers, and currency per month. Definition:
{stages.LEAK_DEFINITION}.
"""

ACTIVATION = f"""
The activation event is in the section `activation` of `kpis.json`.

**Activation event.** Definition: {activation_rows.DEFINITION}. In each table with
acts of customers, `churn kpis` tries these events: any act, and each of the most frequent kinds of act (at
most {acts.MAX_KINDS} kinds). It tries the values
{", ".join(map(str, activation.AT_LEAST))} for m, and the values
{", ".join(map(str, activation.WITHIN_DAYS))} for d. An event divides the
customers into two groups: customers with the event and customers without it. In the earlier half, each of the
two groups must hold at least {activation.MIN_SHARE:.0%} of the customers, and at least
{activation.MIN_CUSTOMERS} customers. Customers who signed up before the first day of the table's data do not
count.
If no event passes the test, no event is reported, and `reason` says why. Each run of `churn kpis` repeats
the test on nearly the same customers, so one of many runs may report an event by chance. Do not rely on an
event that only some runs report.
`decides_label` is true if the label is computed from the event's table. If so,
staying is correlated with the event partly because both are computed from the same table.
[benchmarks/kpis](../benchmarks/kpis/README.md) measures how often an event is reported although none exists.
"""

RATINGS = f"""
The section `ratings` of `kpis.json` answers the question: do customers with a low rating leave more often?

For each level of a rating (NPS, CSAT or health), a table gives the observed churn: the share of customers
who left in the label's window. Who left is decided by the label of `params.yaml`, not by whether
somebody is a customer today. Population:
{observed_churn.POPULATION}. The past cutoffs are first days of months, at most
{observed_churn.MAX_CUTOFFS} of them. The interval of a share is Wilson's interval. The table also gives
differences between the shares of two levels, with Newcombe's interval. `means_something` is true if the
interval of a difference does not contain 0.

- **NPS.** Definition: {ratings.NPS_DEFINITION}.
- **CSAT.** Definition: {ratings.CSAT_DEFINITION}.
- **Health.** Definition: {ratings.HEALTH_DEFINITION}. If the outcome is not yet known for any stored
  night, the table is empty, and `reason` says so.
"""

GROUPS = f"""
The section `groups` of `kpis.json` gives the churn of each group of customers: the share of the group that
left in the label's window. Population, cutoffs and intervals are the same as in the section `ratings`.

- **RFM grid.** Definition: {rfm.RFM_DEFINITION}. Each cell of the grid is one class of recency
  with one class of frequency. `by_money` gives the churn of each class of money.
- **Behaviour x value x stage.** Definition: {behaviour.TABLE_DEFINITION}.
- **Loyal or merely bound.** Definition: {behaviour.LOYALTY_DEFINITION}. `now` gives the number of customers
  in each group, and what they pay per month, at the end of the data.
- **Lists.** The section `groups` also gives the number of customers on `advocates.csv` and on `gone.csv` of
  the latest stored night; see [lists beside the call list](contact.md#lists-beside-the-call-list).
"""

LEAVING = f"""
The section `leaving` of `kpis.json` compares the reasons that customers gave for leaving with the reasons
that the model had given before. The section `leaving` is about contracts that ended for good in the last
{leaving_reasons.WINDOW_DAYS} days. For each
recorded reason (`subscriptions.reason`), the section gives the number of customers. The model's
first reason for a customer comes from a signal, and each signal belongs to a family, such as `payment`. For
each recorded reason, the section also counts how often the model's first reason came from each family. The
model's reason is from the last night before the contract ended; this night
is at most {leaving_reasons.BEFORE_DAYS} days before the end.
`{leaving_reasons.NO_REASON}` counts customers who had a score, but for whom the model gave no reason. The
model gives reasons only for customers on the call list and for customers with health 1 or 2. Recorded reasons
of fewer than {leaving_reasons.MIN_REASON_CUSTOMERS} customers are shown in one row, because the words of a
rare reason may identify one person.
"""

AUDIT_ROWS = "\n".join(
    f"| {rule.title} | {rule.unit} | {', '.join(f'{limit:g}' for limit in rule.limits)} | {rule.raise_it} |"
    for rule in audit.RULES.values()
)

AUDIT = f"""
The section `audit` of `kpis.json` lists fifteen practices of retention, the lowest score first. Nine
practices get a score from 1 to 5 from the evidence in the tables of the last {audit.AUDIT_DAYS} days; a score
needs {audit.MIN_EVIDENCE} cases, such as contacts or customers. We chose the limits of the scores ourselves;
they do not come from a survey.
The other {len(audit.UNMEASURABLE_PRACTICES)} practices leave no trace in tables: {
    ", ".join(f'"{title}"' for _, title, _ in audit.UNMEASURABLE_PRACTICES)
}. For each practice without a trace, the audit says "{audit.UNMEASURABLE}" and gives a question that
somebody in your company must answer.

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
