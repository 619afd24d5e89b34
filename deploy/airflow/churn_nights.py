"""The nights of one company as Airflow DAGs; copy this file into the folder of the DAGs.

A task calls a verb. Its exit codes 16 (another verb writes the same output) and 17 (a receiver does not
answer) pass by themselves, so a failed task is tried again. Every other code fails again, and needs a person.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow import DAG
from airflow.operators.bash import BashOperator

CALL = "cd /srv/company && /srv/churn/.venv/bin/churn"
TRIED_AGAIN = {"retries": 3, "retry_delay": timedelta(minutes=10)}
START = pendulum.datetime(2025, 1, 1, tz="Europe/Berlin")

with DAG("churn_night", schedule="30 3 * * *", start_date=START, catchup=False, max_active_runs=1) as night:
    BashOperator(task_id="score", bash_command=f"{CALL} score", **TRIED_AGAIN)

with DAG("churn_week", schedule="0 5 * * 1", start_date=START, catchup=False, max_active_runs=1) as week:
    BashOperator(task_id="measure", bash_command=f"{CALL} measure", **TRIED_AGAIN)

with DAG("churn_month", schedule="30 5 1 * *", start_date=START, catchup=False, max_active_runs=1) as month:
    figures = BashOperator(task_id="kpis", bash_command=f"{CALL} kpis", **TRIED_AGAIN)
    training = BashOperator(task_id="run", bash_command=f"{CALL} run", **TRIED_AGAIN)
    figures >> training
