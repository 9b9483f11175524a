VENV := .venv
PYTHON := $(VENV)/bin/python
BASE_PYTHON ?= python3
DEMO_DEST := results/sample

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench clean

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/ready  ## a virtual environment with what the scripts need

$(VENV)/ready: requirements.txt
	@$(BASE_PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; name one: make BASE_PYTHON=python3.12") if sys.version_info < (3, 11) else 0'
	$(BASE_PYTHON) -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/ready-dev: $(VENV)/ready requirements-dev.txt requirements-optional.txt
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

demo: $(VENV)/ready  ## the tasks of the rendered sample rooms: published similarity, relatedness and what it is worth
	$(PYTHON) static_similarity.py --num_batches 3 --num_seeds 2 --dest $(DEMO_DEST)
	$(PYTHON) json2tab.py $(DEMO_DEST)/similarity.json --format markdown --out $(DEMO_DEST)/similarity.md
	@head -8 $(DEMO_DEST)/similarity.md | cut -c1-118
	$(PYTHON) task_relatedness.py --dest $(DEMO_DEST)
	@echo "(all rows and columns: $(DEMO_DEST)/similarity.md; picture: $(DEMO_DEST)/similarity.png)"

test: $(VENV)/ready-dev  ## all tests
	$(PYTHON) -m pytest -q -n 2 --dist worksteal --durations=10

lint: $(VENV)/ready-dev  ## ruff, mypy and the direction of imports
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

bench: $(VENV)/ready-dev  ## speed of scoring, statistics, loading, training and evaluation, as ratios
	$(PYTHON) -m benchmarks.run

clean:  ## remove what tests and tools left; keeps .venv, data and results
	rm -rf .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
