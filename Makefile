# Everything happens in .venv; nothing but Python 3.11 to 3.14, with venv and pip, is needed before.
# More arguments: make run ARGS="--port 8001", make test ARGS="tests/records -x"

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
CONTACTS ?= 100000
N ?= 1000000
RECORDS ?= 1000000
MINUTES ?= 10
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$each -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' \
	>/dev/null 2>&1 && echo $$each && break; done)

.DEFAULT_GOAL := help
.PHONY: help install run test faults soak screenshots lint bench seed wheel

help:  ## Show this list
	@echo "Massadmin: bulk actions on CRM records. Start with: make run"
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(VENV)/installed-dev  ## Make .venv with everything for running and developing

run: $(VENV)/installed  ## Start the console with its databases; Ctrl-C stops it
	@exec $(BIN)/massadmin up $(ARGS)

test: $(VENV)/installed-dev  ## Run all tests; those in a browser need a Chromium
	@$(BIN)/python -m pytest -n 2 -rs $(ARGS)

faults: $(VENV)/installed-dev  ## Kill, stop and starve every part in the middle of its work
	@$(BIN)/python -m pytest tests/faults -n 3 $(ARGS)

soak: $(VENV)/installed-dev  ## The same in random order: make soak RECORDS=1000000 MINUTES=10
	@$(BIN)/python -m tests.faults.soak --records $(RECORDS) --minutes $(MINUTES) $(ARGS)

screenshots: $(VENV)/installed-dev  ## Take pictures of every page, into screenshots/ and for README
	@$(BIN)/python -m tests.browser.screenshots

lint: $(VENV)/installed-dev  ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(VENV)/installed-bench  ## Measure it beside its peers, in 11 minutes with: make bench N=100000
	@$(BIN)/python -m bench --contacts $(N) $(ARGS)
	@$(BIN)/python -m bench.table

seed: $(VENV)/installed  ## Add made-up contacts: make seed CONTACTS=1000000
	@exec $(BIN)/massadmin seed --contacts $(CONTACTS) $(ARGS)

wheel: $(BIN)/python  ## Build the package into dist/
	@rm -rf dist
	@$(BIN)/python -m pip wheel -qq --disable-pip-version-check --no-deps --wheel-dir dist .
	@ls dist/*.whl

# What is installed is installed again when its list changes.
$(VENV)/installed: pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV), with the tools for developing ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[dev]'
	@touch $(VENV)/installed $@

$(VENV)/installed-bench: pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV), with the peers of the bench ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[bench]'
	@touch $(VENV)/installed $@

$(BIN)/python:
	@test -n "$(PYTHON)" || { \
		echo "Massadmin needs Python 3.11 to 3.14, and there is none on the PATH." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) cannot make a virtual environment." >&2; \
		echo "On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
