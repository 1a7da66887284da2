# Everything one does with this repository. `make` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
ARGS ?=
BENCH ?= full
VENV := .venv
BIN := $(VENV)/bin
UV := .tools/uv/bin/uv

# Stamps carry a checksum of what they were made from: unchanged locks cost nothing, changed ones
# are installed once.
MAIN_KEY := $(shell cat requirements/main.txt pyproject.toml | cksum | cut -d' ' -f1)
DEV_KEY := $(shell cat requirements/main.txt requirements/dev.txt requirements/evals.txt pyproject.toml | cksum | cut -d' ' -f1)
MAIN_STAMP := $(VENV)/.main-$(MAIN_KEY)
DEV_STAMP := $(VENV)/.dev-$(DEV_KEY)
CLICKHOUSE := .tools/clickhouse
CLICKHOUSE_STAMP := $(CLICKHOUSE)/.key-$(shell cat requirements/clickhouse.txt | cksum | cut -d' ' -f1)
LABELSTUDIO := .tools/labelstudio
LABELSTUDIO_STAMP := $(LABELSTUDIO)/.key-$(shell cat requirements/labelstudio.txt | cksum | cut -d' ' -f1)
UV_STAMP := .tools/uv/.key-$(shell cat requirements/clients/uv.txt | cksum | cut -d' ' -f1)
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes --no-deps --no-compile
# Compiled on all cores, where pip takes one: confined processes cannot write what they compile. What a package
# brings along that is no Python stays as it is.
COMPILE := $(BIN)/python -m compileall -qq -j 0

.PHONY: help env dev work up drill test test-fast test-clickhouse test-labelstudio lint format bench evals docs lock clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(MAIN_STAMP) ## make .venv with the pratique command, from hash-locked requirements

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "make: '$(PYTHON)' is missing or older than 3.11; to do: install Python 3.11 or newer, then: make env PYTHON=/path/to/python3" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "make: this Python cannot make environments; to do: install its venv module (Debian, Ubuntu: apt install python3-venv)" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(MAIN_STAMP): | $(VENV)/bin/python
	@echo "installing what requirements/main.txt locks ..."
	@$(INSTALL) -r requirements/main.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(COMPILE) src $(VENV)/lib || true # a command starts in half the time
	@rm -f $(VENV)/.main-* && touch $@
	@echo "ready: $(BIN)/pratique --help"

dev: $(DEV_STAMP) ## add what tests and lint need

$(DEV_STAMP): $(MAIN_STAMP)
	@echo "installing what requirements/dev.txt and evals.txt lock ..."
	@$(INSTALL) -r requirements/dev.txt -r requirements/evals.txt
	@$(COMPILE) $(VENV)/lib || true
	@rm -f $(VENV)/.dev-* && touch $@

work: env ## add what `pratique work scan` and `dedupe` run (PII patterns, near-duplicates)
	@echo "installing what requirements/work.txt locks ..."
	@$(INSTALL) -r requirements/work.txt
	@$(COMPILE) $(VENV)/lib || true

up: env ## open all doors on 127.0.0.1:8420 (more flags: ARGS="--home DIR --listen HOST:PORT")
	@exec $(BIN)/pratique up $(ARGS)

drill: env $(UV_STAMP) ## replay March 2026, inert, through every part (Poetry too, where installed)
	@PATH="$(CURDIR)/.tools/uv/bin:$$PATH" exec $(BIN)/pratique drill litellm-2026 $(ARGS)

# Compiled modules are kept, whatever the surroundings say: tests start hundreds of processes, and each
# would compile the product anew.
test test-fast: export PYTHONDONTWRITEBYTECODE :=

test: dev ## run every test (those whose tools are missing are skipped and named)
	@$(BIN)/python -m compileall -q src
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

# What touches the outside world is left out: its tests start doors, workers and programs.
OUTSIDE := cli clickhouse clients doors drill edge labelstudio s3 store
test-fast: dev ## run the quick tests of everything that touches nothing outside (under a minute)
	@$(BIN)/python -m compileall -q src
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(OUTSIDE:%=--ignore=tests/%) \
	  -m "not (clients or network or postgres or nginx or chromium or slow)" $(ARGS)

test-clickhouse: dev $(CLICKHOUSE_STAMP) ## run the statements for ClickHouse in its engine (900 MB, not in CI)
	@PRATIQUE_TEST_CLICKHOUSE=$(CURDIR)/$(CLICKHOUSE)/bin/python $(BIN)/python -m pytest tests/clickhouse $(ARGS)

$(CLICKHOUSE_STAMP):
	@$(PYTHON) -m venv $(CLICKHOUSE)
	@$(CLICKHOUSE)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes --no-deps -r requirements/clickhouse.txt
	@rm -f $(CLICKHOUSE)/.key-* && touch $@

test-labelstudio: dev $(LABELSTUDIO_STAMP) ## label with the real Label Studio against the S3 door (1 GB, needs Chromium, not in CI)
	@PRATIQUE_TEST_LABELSTUDIO=$(CURDIR)/$(LABELSTUDIO)/bin/label-studio $(BIN)/python -m pytest tests/labelstudio $(ARGS)

$(LABELSTUDIO_STAMP):
	@$(PYTHON) -m venv $(LABELSTUDIO)
	@echo "installing what requirements/labelstudio.txt locks ..."
	@$(LABELSTUDIO)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes --no-deps -r requirements/labelstudio.txt
	@rm -f $(LABELSTUDIO)/.key-* && touch $@

lint: dev ## ruff (every rule), formatting, strict types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: dev ## let ruff write the formatting
	@$(BIN)/ruff format .

bench: dev $(UV_STAMP) ## measure against the peers (BENCH=small: a quick round)
	@$(BIN)/python benchmarks/run.py $(if $(filter small,$(BENCH)),--small) $(ARGS)

evals: dev ## measure the vetter (docs/howto/evaluate-vetting.md; ARGS="--size 50 --peers")
	@$(BIN)/python -m evals.run $(ARGS)

docs: dev ## check links, and that every command, setting, rule and error is documented
	@$(BIN)/python -m pytest -q -p no:randomly tests/house/test_docs.py $(ARGS)

$(UV_STAMP):
	@$(PYTHON) -m venv .tools/uv
	@.tools/uv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes --no-deps -r requirements/clients/uv.txt
	@rm -f .tools/uv/.key-* && touch $@

lock: $(UV_STAMP) ## recompile the requirements, only from releases at least a week old
	@$(PYTHON) requirements/lock.py $(UV)

clean: ## remove what was made here (not your home folder's data)
	@rm -rf $(VENV) .tools .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist benchmarks/results
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
