# make run        install what running needs, open the console (without a terminal: fill an empty workspace, print a summary)
# make test       lint and the quick tests         make test-all   the slow ones too
# make lint       style, types and import layers   make bench      speed against peers; one of them: make bench ONLY=P1
# make venv       only install                     make clean      remove .venv and all caches of the tools

.DEFAULT_GOAL := help
.PHONY: help venv run test test-all lint bench clean
.ONESHELL:
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

# 3.11 by name where it exists, else whatever python3 is; pip refuses another version with a clear text.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# What is installed is named by the hash of what asked for it: a second run is instant, a changed file installs again.
WANTED := $(shell cat pyproject.toml constraints.txt | sha256sum | cut -c1-16)
RUN_STAMP := $(VENV)/installed-run-$(WANTED)
DEV_STAMP := $(VENV)/installed-dev-$(WANTED)
BENCH_STAMP := $(VENV)/installed-bench-$(WANTED)
# pip reads PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS and its own configuration; a CUDA or ROCm build of the pinned torch
# that is already installed satisfies the pin and stays.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# Whoever only runs the program finds no bytecode in the source tree: it goes to the user's cache folder.
BYTECODE := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/cointrader/bytecode
# Python of the venv (-P: a folder named like one of our packages in the current folder must not shadow it).
COINTRADER := $(BIN)/python -P -m cointrader
# `make run ARGS="--workspace DIR"`
ARGS ?=
# `make test TESTS=tests/storage`
TESTS ?= tests
JOBS ?= 2

help:
	@sed -n 's/^# make/make/p' Makefile

$(BIN)/pip:
	@echo "creating $(VENV) with $(PYTHON)" >&2
	$(PYTHON) -m venv $(VENV)

# The developer's installation contains the user's: whichever is there is enough to run.
$(RUN_STAMP): | $(BIN)/pip
	@if [ -e $(DEV_STAMP) ] || [ -e $(BENCH_STAMP) ]; then touch $@; exit 0; fi
	echo "installing coinTrader Console (once; the first time takes some minutes)" >&2
	$(INSTALL) -e .
	touch $@

$(DEV_STAMP): | $(BIN)/pip
	@echo "installing coinTrader Console and the developer's tools (once)" >&2
	$(INSTALL) -e ".[dev]"
	touch $@

$(BENCH_STAMP): | $(DEV_STAMP)
	@echo "installing the peers that the benchmarks compare with (once; one that has no build here is left out)" >&2
	$(INSTALL) -e ".[dev,bench]" || echo "some peers are not installed: their rows will say so" >&2
	touch $@

venv: $(DEV_STAMP)

run: $(RUN_STAMP)
	@unset PYTHONDONTWRITEBYTECODE
	export PYTHONPYCACHEPREFIX="$(BYTECODE)"
	exec $(COINTRADER) $(ARGS)

lint: $(DEV_STAMP)
	@$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m "not slow" $(TESTS)

test-all: lint
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(TESTS)

bench: $(BENCH_STAMP)
	@$(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY))

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist snapshot_report.html
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
