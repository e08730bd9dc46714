# Two commands do everything on a fresh machine with Python 3.11+ and make: `make leaderboard` and `make test`.
# `make embeddings` adds the system of sentence embeddings, `make results` writes the page of results.

PYTHON ?= python3
# What brings PyTorch for the extras; pip takes the newest, with CUDA on Linux, unless another one is named here.
TORCH ?= torch
VENV := .venv
BIN := $(VENV)/bin
# A baseline is a module with a PROTOCOL; all other modules are helpers.
SYSTEMS := $(shell grep -l '^PROTOCOL' baselines/*/*.py)
# Names of the baselines whose files grep finds, given its options.
named = $(sort $(basename $(notdir $(shell grep $(1) $(SYSTEMS)))))
# Baselines that need nothing from outside: they name no extra.
BASELINES := $(call named,-L '^EXTRA')
SUBMISSIONS := $(addprefix submissions/,$(BASELINES))
# Systems that learn and are no floor are shown trained on shuffled labels, too, with three seeds each.
LEARNED := $(call named,-l '^PROTOCOL = "leave-one-document-out"')
CONTROLS := $(filter-out $(call named,-l '^FLOOR = True'),$(filter $(LEARNED),$(BASELINES)))
SHUFFLED := $(foreach name,$(CONTROLS),$(addprefix submissions/$(name)-shuffled-,0 1 2))

.PHONY: leaderboard embeddings results test test-extras test-pythons test-lowest test-hook coverage lint format corpus clean

leaderboard: $(VENV)/.baselines
	$(BIN)/retold validate
	@for name in $(BASELINES); do $(BIN)/retold baseline $$name --output submissions/$$name || exit 1; done
	$(BIN)/retold rank $(SUBMISSIONS) --output leaderboard

embeddings: $(VENV)/.baselines
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '$(TORCH)'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[embeddings]'
	$(BIN)/retold baseline embeddings --output submissions/embeddings
	$(BIN)/retold score submissions/embeddings

# The submission of the embeddings counts, too; without it the page of results is printed and no file is changed.
results: leaderboard
	@for folder in $(SHUFFLED); do name=$${folder#*/}; \
		$(BIN)/retold baseline $${name%-shuffled-*} --control shuffled --seed $${name##*-} --output $$folder || exit 1; \
	done
	$(BIN)/python scripts/docs/results.py $(SUBMISSIONS) $(SHUFFLED) $(wildcard submissions/embeddings)
	$(BIN)/python scripts/docs/errors.py submissions

test: $(VENV)/.dev
	$(BIN)/python -m pytest

# The tests of the baselines that need an extra; where one is missing, they fail here and are skipped elsewhere.
test-extras: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '$(TORCH)'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,embeddings,transformers,llm]'
	RETOLD_EXTRAS=1 $(BIN)/python -m pytest tests/baselines/test_baselines_embeddings.py tests/baselines/test_baselines_transformer.py tests/baselines/test_baselines_llm.py

# Every Python that is there of those that are supported, those of pyenv as well; nox names what it skips.
test-pythons: $(VENV)/.dev
	PYENV_VERSION=$$(pyenv versions --bare 2>/dev/null | paste -s -d : -) $(BIN)/nox --session tests

# The lowest version of every dependency that pyproject.toml allows.
test-lowest: $(VENV)/.dev
	$(BIN)/nox --session lowest

# The validator with nothing but what the pre-commit hook installs.
test-hook: $(VENV)/.dev
	$(BIN)/nox --session hook

# Lines and branches of the package that tests reach, also in processes that they start.
coverage: $(VENV)/.dev
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python scripts/docs/build_schemas.py --check
	$(BIN)/retold corpus build --check
	$(BIN)/python scripts/docs/conformance_table.py --check
	$(BIN)/python scripts/docs/build_measures.py --check

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Rebuild what is generated: schemas, gold, aliases, views, the card's tables, release.json.
corpus: $(VENV)/.dev
	$(BIN)/python scripts/docs/build_schemas.py
	$(BIN)/retold corpus build

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
	rm -rf $(VENV) .nox submissions leaderboard build dist
