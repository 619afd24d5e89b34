"""The parts of docs/figures.md about sections that hold tables, with the definitions of the code."""

from __future__ import annotations

from churn.kpis import contract_model, survival, triangle

COHORTS = f"""
The section `cohorts` of kpis.json.

**Retention triangle.** Unit: share. Definition: {triangle.DEFINITION}. A month of joining is a cohort if
everybody who joined in it is in the data. A cell is `open` while its month is not over, and `not certain yet`
until the grace and the late rows are over; such a cell has no number. Interval: Wilson.

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

SECTION_TEXTS = {"Cohorts and survival": COHORTS}
"""The text of each part by its title."""
