# Two commands do everything on a fresh machine with Python 3.11+ and make: `make leaderboard` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BASELINES := $(filter-out _%,$(basename $(notdir $(wildcard baselines/*.py))))
SUBMISSIONS := $(addprefix submissions/,$(BASELINES))

.PHONY: leaderboard test lint format corpus clean

leaderboard: $(VENV)/.baselines
	$(BIN)/retold validate
	@for name in $(BASELINES); do $(BIN)/retold baseline $$name --output submissions/$$name || exit 1; done
	$(BIN)/retold rank $(SUBMISSIONS) --output leaderboard

test: $(VENV)/.dev
	$(BIN)/python -m pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python scripts/build_schemas.py --check
	$(BIN)/python scripts/build_corpus.py --check
	$(BIN)/python scripts/conformance_table.py --check

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Rebuild what is generated: schemas, documents, gold, views, the card's tables, release.json.
corpus: $(VENV)/.baselines
	$(BIN)/python scripts/build_schemas.py
	$(BIN)/python scripts/build_corpus.py

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Retold needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.baselines: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[baselines]'
	touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@ $(VENV)/.baselines

clean:
	rm -rf $(VENV) submissions leaderboard build dist
