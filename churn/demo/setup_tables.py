"""Make the steps of setting up the product: customers who take one certain step stay longer, and the other
steps mean nothing.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from churn.demo import troubles
from churn.demo.columns import STATUS_BITS, Chunk, categories, office_time, timestamps
from churn.demo.life import IN_FORCE
from churn.demo.people import People
from churn.demo.world import Values, seconds_at

STEPS = ("import", "invite", "connect")
IMPORT, INVITE, CONNECT = range(len(STEPS))

ACTIVATION_EVENT = "setup_steps: import"
"""The step that goes with staying. Customers with a low hidden risk take it more often, and customers in
trouble do not take it. The step is not a cause of staying: it is drawn from the risk and from the troubles
until then, and nothing depends on it.
"""

STEEPNESS = 6.0
"""How fast the probability of this step falls with the logarithm of the risk; at the risk 1 the probability
is one half.
"""

TERM_RISK = (1.3, 0.5)
"""The risk of customers with a monthly contract, and of customers with a yearly contract whose renewal is far
away.
"""

OTHER_STEP_SHARE = 0.5
"""The share of customers who take each of the other steps; it does not depend on their risk."""

STEP_DAYS = ((16, 27), (1, 6), (1, 13))
"""The first and the last day of each step, counted from the sign-up."""

IMPARTIAL_TROUBLE = troubles.trouble_index("usage_fading")
"""A trouble whose beginning depends only on how prone the customer is to it."""


def hidden_risk(people: People) -> Values:
    """Return each customer's risk of leaving as a multiple of an average customer's risk, [customer]."""
    proneness = people.onset[IMPARTIAL_TROUBLE] / troubles.ONSET[IMPARTIAL_TROUBLE]
    risk: Values = people.frailty * proneness * np.where(people.yearly, TERM_RISK[1], TERM_RISK[0])
    return risk


def setup_steps(chunk: Chunk) -> pa.Table:
    """Return the set-up steps of customers who signed up in the demo's history or shortly before it.

    The table of set-up steps has its own random numbers, so no other table depends on it. A step may fall on
    a day after the last day of `chunk.life`. The life on such a day is not known, so the customer is taken to
    be still a customer, and without trouble.
    """
    rng, people = chunk.streams.get("setup steps"), chunk.people
    size = len(people)
    chance = np.full((size, len(STEPS)), OTHER_STEP_SHARE)
    chance[:, IMPORT] = 1 / (1 + hidden_risk(people) ** STEEPNESS)
    is_taken = rng.random(chance.shape) < chance
    first, last = np.array(STEP_DAYS).T
    day = people.first_start[:, None] + rng.integers(first, last + 1, chance.shape)
    seconds = seconds_at(day, office_time(rng, day.size).reshape(day.shape))
    is_taken &= (day >= 0) & (seconds < chunk.watermark_seconds)
    customer, step = np.nonzero(is_taken & (day < chunk.end_day))
    own_day = day[customer, step]
    is_customer = (chunk.life.status[customer, own_day] & STATUS_BITS) >= IN_FORCE
    is_troubled = (chunk.life.phases[customer, own_day] > 0) & (step == IMPORT)
    is_taken[customer, step] = is_customer & ~is_troubled
    customer, step = np.nonzero(is_taken)
    order = np.lexsort((seconds[customer, step], customer))
    customer, step = customer[order], step[order]
    return pa.table(
        {
            "customer_id": chunk.customer_id(customer),
            "happened_at": timestamps(seconds[customer, step]),
            "kind": categories(step, STEPS),
        }
    )
