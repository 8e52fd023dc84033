# Two commands: `make book` and `make test`. Both set up a virtual environment in .venv first (`make env`).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# processes of one thread each: two processes of two threads hold each other up
APART := -n auto --maxprocesses 4
BY_FILE := $(APART) --dist loadfile
# the tests start hundreds of processes: each would compile what it imports again
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help env venv book test test-all check pdf lint clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

env: $(STAMP)  ## set up .venv with everything the book and the tests need

$(STAMP): pyproject.toml constraints.txt
	@$(MAKE) --no-print-directory venv
	$(BIN)/python -m pip install --disable-pip-version-check --no-compile -c constraints.txt -e '.[book,speech,test]'
	@touch $@

# an environment without pip is one whose making was stopped: it is finished, and nothing in it deleted
venv:
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	  command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON) here: apt-get install python3 python3-venv" >&2; exit 1; }; \
	  $(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || \
	    { echo "$(PYTHON) is $$($(PYTHON) -V), 3.11 to 3.14 is needed: make env PYTHON=python3.12" >&2; exit 1; }; \
	  $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "$(PYTHON) cannot make virtual environments: apt-get install python3-venv" >&2; exit 1; }; \
	  $(PYTHON) -m venv $(VENV); }

book: env  ## run every notebook, build the book, print where the page is
	$(BIN)/python -m ncssl book

test: env  ## run the quick tests, then every notebook against its stored outputs
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(APART) --dist worksteal -m "not slow" tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(BY_FILE) --no-loadscope-reorder --nbval --nbval-current-env notebooks

test-all: test  ## the slow tests too, and the table of what was tried against runs and readers
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(BY_FILE) -m slow tests
	$(BIN)/python tests/fault_table.py

check: env  ## look at the built book in a headless Chromium, network off
	@test -f _build/html/index.html || { echo "there is no book to look at yet: make book" >&2; exit 1; }
	$(BIN)/python -m pytest -q $(APART) tests/test_book_browser.py -k built -rs

pdf: env  ## print the built book to _build/ncssl.pdf, with contents and page numbers
	@test -f _build/html/index.html || { echo "there is no book to print yet: make book" >&2; exit 1; }
	$(BIN)/python -m ncssl.site.pdf _build/ncssl.pdf

lint: env  ## ruff: format and rules, over code and notebooks; mypy: the types of the public faces
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:  ## remove what was built (records, data and .venv stay)
	rm -rf _build .pytest_cache .ruff_cache .mypy_cache .hypothesis
