# keyfob: the commands to remember.
#   make setup     a virtual environment in .venv with everything (once; needs the network)
#   make demo      a virtual board links itself to an account; ARGS="..." are options of `keyfob sim`
#   make test      every test, a fixed sample of each sweep
#   make soak      the sweeps whole
#   make lint      ruff and mypy
#   make bench     sizes and speeds
#   make firmware  the firmware compiled to build/firmware
#   make pictures  every screen of every board in every language, to build/pictures
#   make readme-picture  the README's moving picture, anew (needs chromium)

PYTHON ?= python3
BOARD ?= m5stack-core
ARGS ?= --state-dir build/demo-$(BOARD) --until refreshed
PYTEST_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.keyfob-setup
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

# Each of the many programs that the tests start would compile our sources anew.
test soak bench: export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test soak lint bench firmware pictures readme-picture clean

help:
	@sed -n 's/^#  *make /make /p' Makefile

setup: $(STAMP)
	@:

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 15))' 2>/dev/null || { \
	    echo "keyfob: $(PYTHON) is missing, or is not Python 3.10 to 3.14" >&2; \
	    echo "try: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "keyfob: $(PYTHON) cannot make a virtual environment (no ensurepip)" >&2; \
	    echo "try: apt-get install python3-venv" >&2; exit 1; }
	@echo "setup: installing into $(VENV), once"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[dev]' || { \
	    echo "keyfob: the packages could not be installed" >&2; \
	    echo "try: check the network or pip's index (pip config list), then make setup again" >&2; \
	    exit 1; }
	@touch $@

# Ctrl-C is how a person ends it: no error of make's.
demo: $(STAMP)
	@trap : INT; $(BIN)/keyfob sim --board $(BOARD) $(ARGS) || { code=$$?; [ $$code = 130 ] || exit $$code; }

test: $(STAMP)
	@$(PYTEST) $(PYTEST_ARGS)

soak: $(STAMP)
	@$(PYTEST) --soak -m "sweep or soak" $(PYTEST_ARGS)

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(STAMP)
	@$(BIN)/python -m pytest -q -s -o python_files='bench_*.py' tests/benchmarks $(PYTEST_ARGS)

firmware: $(STAMP)
	@$(BIN)/python -m keyfob_host.firmware.compiler build/firmware

pictures: $(STAMP)
	@$(BIN)/python tests/goldens.py build/pictures

readme-picture: $(STAMP)
	@$(BIN)/python tests/readme_picture.py

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache
