# Each target is one line that a person could type. Nothing here needs root, Docker or a service.
# PYTHON may name another interpreter (3.11 or later).
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
KEEP   ?=
AD     ?= active_directory
PORT   ?= 4200
DRIVER ?= bridge
# How many tests run at the same time: auto is one more than there are cores, since tests often wait, and not
# more than four, since every worker may run a Prefect server and a Samba of its own; 0 is one after the other,
# in this process.
WORKERS ?= auto
PARALLEL := -n $(WORKERS) --maxprocesses 4

export PREFECT_SERVER_ANALYTICS_ENABLED := false

.DEFAULT_GOAL := help
.PHONY: help demo up test test-long unit laws lint format screenshots bench docs clean

help: ## say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

$(VENV)/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or later is needed; name one: make PYTHON=python3.12 ...")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Installing the locked dependencies into $(VENV) (about a minute, once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock \
	  || { echo "The dependencies could not be installed: see above. When it was the network, run the same command again."; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(VENV)/ready ## run the main job on the embedded sandbox (KEEP=1 keeps it up, AD=samba uses a real domain controller, DRIVER=operator a scripted person)
	@$(BIN)/python -m sandbox demo --directory $(AD) --driver $(DRIVER) --port $(PORT) $(if $(KEEP),--keep)

up: $(VENV)/ready ## start the sandbox and keep it, to try commands by hand
	@$(BIN)/python -m sandbox up --directory $(AD) --driver $(DRIVER) --port $(PORT)

test: $(VENV)/ready ## run every test, and one case in eight of the kill matrices, each day others; real Samba and real bao/vault are used where they are installed (WORKERS=0: one by one)
	@KILLS_SHARE=8 $(BIN)/python -m pytest $(PARALLEL)

test-long: $(VENV)/ready ## run the laws for hours: the state machines try twenty times as much
	@ROTATION_LONG=1 $(BIN)/python -m pytest $(PARALLEL) --timeout 3600 tests/laws

unit: $(VENV)/ready ## run the tests that start no server
	@$(BIN)/python -m pytest tests/unit

laws: $(VENV)/ready ## run the laws alone and whole, and show a table: what was tried, how often, where
	@$(BIN)/python -m pytest $(PARALLEL) tests/laws

lint: $(VENV)/ready ## ruff, mypy --strict, import-linter, docstrings of tests, deployments, generated files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/interrogate --quiet tests
	@$(BIN)/python -m inventory.schema --check
	@$(BIN)/python -m cli.deployments --check
	@$(BIN)/python docs/generate.py --check

format: $(VENV)/ready ## let ruff put the code in order
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

docs: $(VENV)/ready ## write the generated documents and schemas anew
	@$(BIN)/python docs/generate.py
	@$(BIN)/python -m inventory.schema --write

screenshots: $(VENV)/ready ## take the pictures that docs/reports.md describes into build/screenshots (needs /usr/bin/chromium)
	@$(BIN)/python docs/screenshots.py

bench: $(VENV)/ready ## measure the update against a plain script, in one run
	@$(BIN)/python -m benchmarks.update

clean: ## remove what make made
	@rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
