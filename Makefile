# Needs make and Python 3.11 or newer; everything else goes into .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
WORKERS ?= 2
PYTEST := $(BIN)/pytest -n $(WORKERS) --dist worksteal -rs
export MLFLOW_DISABLE_TELEMETRY := true
unexport PYTHONDONTWRITEBYTECODE  # a module is compiled once, not by each process of the tests

.PHONY: help setup run demo shell quick test fast_tests all_tests lint docs looks site golden bench scoreboard ui clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(READY): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and no python3 is on PATH."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V). Try: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --compile-bytecode requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

setup: $(READY)  ## make .venv with what requirements.lock names (every target does it by itself)

run: demo  ## set up, make the demo company, learn from it, write tonight's calls and say where
	$(BIN)/churn run

demo: $(READY)  ## write the raw tables of the demo company
	$(BIN)/churn demo

shell: $(READY)  ## open a shell in which the command is `churn`
	@PATH="$(CURDIR)/$(BIN):$$PATH" $${SHELL:-/bin/sh}

ui: $(READY)  ## show the runs in MLflow
	$(BIN)/churn ui

lint: $(READY)  ## style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

quick: $(READY)  ## lint and the fast tests (no training, no real data, no long module): for while you work
	@$(MAKE) --no-print-directory -j 2 lint fast_tests

test: $(READY)  ## lint and every test; says what is skipped and why
	@$(MAKE) --no-print-directory -j 2 lint all_tests

fast_tests: $(READY)
	$(PYTEST) -m "not slow and not long"

all_tests: $(READY)
	$(PYTEST) $(TEST_OPTIONS)

docs: $(READY)  ## write the pages of docs/ that come from the code: verbs, your-data, figures, signals, parameters
	$(BIN)/python -m tests.spec.write_docs
	$(BIN)/python -m tests.spec.write_data_page
	$(BIN)/python -m tests.spec.write_figures_page
	$(BIN)/python -m tests.spec.write_signals_page
	$(BIN)/python -m tests.spec.write_parameters_page

site: $(READY)  ## build the site of the documents into build/site; a broken link stops it
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -r requirements-docs.lock
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

looks: $(READY)  ## look at the report of `output` in a real browser; the pictures go to build/looks
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -r requirements-looks.lock
	$(BIN)/python -m benchmarks.looks

golden: $(READY)  ## write the golden files anew; read the difference before you commit it
	$(BIN)/pytest tests/golden --update-golden

bench: $(READY)  ## how fast the engine is here, beside the limit and other ways of computing the same
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -r requirements-bench.lock
	$(BIN)/python -m benchmarks.engine

scoreboard: $(READY)  ## judge our models on public data beside others; CHURN_DATA names the folder of the data
	$(BIN)/python -W ignore -m benchmarks.scoreboard --processes 2 --write

clean:  ## remove what runs and tools wrote (the demo data too, .venv stays)
	rm -rf output data mlflow.db mlruns mlartifacts models/champion models/previous dist build
	rm -rf .coverage .coverage.* htmlcov .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find benchmarks churn pipelines tests -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "Kept .venv; remove it by hand for a set-up from nothing."
