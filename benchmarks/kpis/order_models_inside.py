"""The side of clvkit: reads transactions and our parameters, and prints its own results as JSON.

It runs in an environment of its own and imports nothing of this project.
"""

from __future__ import annotations

import json
import sys

import pandas as pd
from clvkit import BGNBD, CustomerBase, GammaGamma


def main() -> None:
    """Fit both models, and apply them with their own and with our parameters."""
    transactions, days = pd.read_csv(sys.argv[1], dtype={"customer_id": str}), int(sys.argv[2])
    ours = json.loads(sys.argv[3])
    base = CustomerBase.from_transactions(
        transactions, time_unit="D", observation_period_end=transactions["date"].max()
    )
    orders, values = BGNBD().fit(base), GammaGamma().fit(base)
    fitted = {**orders.params_, **dict(zip("pqv", values.params_, strict=True))}
    orders.params_ = pd.Series({name: ours[name] for name in ("r", "alpha", "a", "b")})
    values.p, values.q, values.gamma = ours["p"], ours["q"], ours["v"]
    columns = {
        "alive": orders.probability_alive(),
        "orders": orders.predict(days),
        "value": values.predict(),
    }
    by_customer = {name: own.to_pandas().squeeze().sort_index().tolist() for name, own in columns.items()}
    print(json.dumps({"fitted": fitted, "by_customer": by_customer}))


if __name__ == "__main__":
    main()
