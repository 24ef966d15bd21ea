# `make demo` and `make test` each work first, alone, from a clean clone; a line after ## is what `make help` shows.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
LAKELOOP := $(BIN)/lakeloop
PYTEST := $(BIN)/python -m pytest
WORKERS := -n logical --maxprocesses 4 --no-loadscope-reorder
export PYTHONPATH := $(CURDIR)/include:$(CURDIR)/plugins
export NO_PROXY := 127.0.0.1,localhost

.PHONY: help setup doctor demo up down status test test-more soak compose-test bench lint format lock

help: ## What can be made here
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' Makefile | awk -F'\t' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: ## Everything needed, from the lock: Python packages, lakeFS, jars (minutes once, then a second)
	@python=$$(tools/python.sh) && "$$python" -B tools/setup.py

doctor: ## Is this machine fit? Writes nothing
	@python=$$(tools/python.sh) && "$$python" -B tools/setup.py --doctor

demo: setup ## Set-up, stack up, the whole story on real flights, a verdict screen; leaves the stack up
	@$(LAKELOOP) demo

up: setup ## Bring the stack up; on a running stack nothing happens
	@$(LAKELOOP) up

down: ## End the stack; nothing of it is left running
	@if [ -x $(LAKELOOP) ]; then $(LAKELOOP) down; else echo "nothing is installed here, so nothing runs"; fi

status: ## What is up, where, and what is wrong
	@if [ -x $(LAKELOOP) ]; then $(LAKELOOP) status; else echo "nothing is installed here yet: make demo, or make up"; exit 1; fi

test: setup ## Set-up, then unit, DAG, Spark, 40 kills and one night through Airflow
	$(PYTEST) $(WORKERS) -m "not more and not soak and not compose"

test-more: setup ## The slow proofs: the whole stack brought up, broken and healed, 100 kills, every step cleared
	$(PYTEST) -m "more and not soak"
	LAKELOOP_KILLS=100 $(PYTEST) tests/protocol/test_kills.py

soak: setup ## Randomised kills by a seed of the hour, as many as you like: make soak LAKELOOP_KILLS=5000
	LAKELOOP_KILLS=$(or $(LAKELOOP_KILLS),2000) LAKELOOP_SEED=$$(date +%s) $(PYTEST) --timeout=0 tests/protocol/test_kills.py
	$(PYTEST) --timeout=0 -m soak || [ $$? -eq 5 ]

compose-test: setup ## The same stack in containers, until a night has run on it; makes images and an engine where it must
	tests/compose/run.sh

bench: setup ## The numbers, as ratios within one run, with this machine named; a quarter at 30x (the year: lakeloop bench --part scale --full)
	@$(LAKELOOP) bench

lint: setup ## Style, types, floors of imports, and requirements.txt against the lock
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/requirements.py --check

format: setup ## Format the code and mend what ruff can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lock: ## Resolve pyproject.toml into the one lock, and export requirements.txt from it
	$(BIN)/uv pip compile pyproject.toml --group dev --python $(BIN)/python --generate-hashes \
		--no-emit-index-url --no-header --no-annotate --quiet --output-file requirements.lock
	@$(MAKE) --no-print-directory setup
	$(BIN)/python tools/requirements.py
