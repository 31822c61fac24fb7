# Everything a newcomer types. `make demo` and `make test` do all the set-up by themselves; a second run needs no network.

PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
PROCESSES ?= 2
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
MAVEN := mvn -B -C -q
NEED_PYTHON = $(if $(PYTHON),,echo "Python 3.11 or newer is missing: install it (e.g. 'sudo apt-get install python3 \
	python3-venv') or name it: 'make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)'."; exit 1)
COMPILE = uv pip compile --universal --python-version 3.11 $(if $(UPGRADE),--upgrade) --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet
PLAIN := 2>&1 | sed "s/\x1b\[[0-9;]*m//g"
SOURCES := ingest processors projections api schemas deploy

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test lint types format unit documents sdks dbt lock doctor clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# What only some tests need is set up too where its tools are there, so that no later run needs the network.
install: .venv/installed $(if $(KITH_KAFKA_BOOTSTRAP),,.venv/kafka.jsa) \
	$(if $(shell command -v javac),.venv/jdbc/lib/installed) \
	$(if $(shell command -v npm),tests/e2e/node_modules/installed) ## Set everything up (both demo and test do)

demo: install ## Start the stack, stream the sample shop through it, show what came of it, stop
	@$(BIN)/kith demo

# Most tests wait for processes that they started, so two at a time suit two cores; each has a stack of some 1.5 GB.
test: install lint ## Check style, types and import rules, then run every test (with PROCESSES=4: four at a time)
	@$(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

unit: install ## Run the unit tests only (seconds)
	@$(BIN)/python -m pytest tests/unit

lint: install ## Check style, types and import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "Run 'make format' to mend the layout."; exit 1; }
	@$(BIN)/mypy $(SOURCES) tests
	@$(BIN)/lint-imports --verbose 2>/dev/null >.venv/imports.log || { cat .venv/imports.log; exit 1; }

format: install ## Mend style and layout
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

documents: install ## Write the documents that are generated from the code (a test says when they are stale)
	@$(BIN)/python -m deploy.local.documents

doctor: ## Say what is missing on this machine and how to get it
	@$(NEED_PYTHON)
	@$(PYTHON) deploy/local/doctor.py

sdks: ## Get Node and Chromium from the distribution, and dbt, for the tests with them (CI does)
	@sh deploy/local/sdks.sh
	@$(MAKE) --no-print-directory install dbt

dbt: .venv/dbt/installed ## Get dbt for examples/dbt, in a virtual environment of its own

lock: ## Pin what pyproject.toml needs (with UPGRADE=1: the newest that it allows; needs uv)
	@command -v uv >/dev/null || { echo "uv is missing: run 'pip install uv'."; exit 1; }
	@$(COMPILE) pyproject.toml --extra dev -o requirements.lock
	@$(COMPILE) examples/dbt/requirements.in -o examples/dbt/requirements.lock

clean: ## Remove what make made (not the data in .kith)
	@rm -rf .venv tests/e2e/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/bin/python:
	@$(NEED_PYTHON)
	@$(PYTHON) deploy/local/doctor.py --set-up
	@echo "Creating .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv

.venv/installed: requirements.lock pyproject.toml | .venv/bin/python
	@echo "Installing Python packages, each checked against its hash (the first time: some minutes)"
	@$(PIP) install --require-hashes -r requirements.lock | sed -E '/^(Requirement already|Ignoring |Looking in )/d'
	@$(PIP) install --quiet --no-deps --no-build-isolation --no-index -e .
	@touch $@

.venv/kafka/installed: deploy/local/pom.xml | .venv/bin/python
	@$(BIN)/python deploy/local/doctor.py --set-up
	@echo "Resolving Apache Kafka with Maven (about 45 MB)"
	@$(MAVEN) -f deploy/local/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/.venv/kafka $(PLAIN)
	@touch $@

.venv/kafka.jsa: .venv/kafka/installed | .venv/installed
	@$(BIN)/python -m deploy.local.kafka_classes

# Runs none of the tests, which makes Maven fetch all that running them takes.
.venv/jdbc/lib/installed: tests/contract/jdbc/pom.xml | .venv/bin/python
	@echo "Resolving ClickHouse's JDBC driver with Maven, for its contract tests and example (about 30 MB)"
	@rm -rf .venv/jdbc && mkdir -p .venv/jdbc && cp -R tests/contract/jdbc/pom.xml tests/contract/jdbc/src .venv/jdbc
	@$(MAVEN) -f .venv/jdbc/pom.xml test -Dgroups=none -DfailIfNoTests=false \
		dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/.venv/jdbc/lib $(PLAIN)
	@touch $@

# Not in .venv itself: dbt pins what Kith has newer. --no-deps, because pip takes `mashumaro[msgpack]`, which dbt asks for,
# for something else than the `mashumaro` of the lock.
.venv/dbt/installed: examples/dbt/requirements.lock | .venv/bin/python
	@echo "Installing dbt, each package checked against its hash (about 150 MB)"
	@rm -rf .venv/dbt && $(BIN)/python -m venv .venv/dbt
	@$(PIP:$(BIN)/%=.venv/dbt/bin/%) install --quiet --no-deps --require-hashes -r examples/dbt/requirements.lock
	@touch $@

# Not `npm ci`: it insists on optional packages of other platforms, which a lock without addresses cannot list.
tests/e2e/node_modules/installed: tests/e2e/package-lock.json
	@echo "Installing the stock Node and browser SDKs with npm, for their tests"
	@npm install --prefix tests/e2e --no-save --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
