"""The nights of one company as Airflow DAGs; copy this file into the folder of the DAGs.

A task calls a verb. Exit codes 16 (another verb writes the same output) and 17 (a receiver does not answer)
pass by themselves, so the task waits and calls again, at most three times. Every other code fails at once: a
second training would end in the same way.
"""

from __future__ import annotations

import pendulum
from airflow import DAG
from airflow.operators.bash import BashOperator

AGAIN = (
    'again() { for pause in 600 600 600 0; do "$@"; code=$?; '
    "case $code in 16|17) sleep $pause ;; *) return $code ;; esac; done; return $code; }"
)
CALL = "cd /srv/company && again /srv/churn/.venv/bin/churn"
START = pendulum.datetime(2025, 1, 1, tz="Europe/Berlin")

with DAG("churn_night", schedule="30 3 * * *", start_date=START, catchup=False, max_active_runs=1) as night:
    BashOperator(task_id="score", bash_command=f"{AGAIN}; {CALL} score", retries=0)

with DAG("churn_week", schedule="0 5 * * 1", start_date=START, catchup=False, max_active_runs=1) as week:
    BashOperator(task_id="measure", bash_command=f"{AGAIN}; {CALL} measure", retries=0)

with DAG("churn_month", schedule="30 5 1 * *", start_date=START, catchup=False, max_active_runs=1) as month:
    figures = BashOperator(task_id="kpis", bash_command=f"{AGAIN}; {CALL} kpis", retries=0)
    training = BashOperator(task_id="run", bash_command=f"{AGAIN}; {CALL} run", retries=0)
    figures >> training
