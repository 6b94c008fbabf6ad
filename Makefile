# Everything a fresh machine needs is installed by these targets; a second run starts at once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
FUZZ_SECONDS ?= 600
.PHONY: help demo test fuzz browser lint bench clean

help: ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(VENV)/.ready: pyproject.toml constraints.txt
	@echo "== setting up $(VENV): Python packages, a few minutes the first time"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --upgrade "pip>=24" "setuptools>=77"
	@$(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@
	@echo "== $(VENV) is ready"

demo: $(VENV)/.ready ## extraction, tool use, fork and select on the bundled model, on this machine
	@$(BIN)/trellis demo

test: $(VENV)/.ready ## all tests that need no GPU
	@echo "== tests; those that need a GPU run with: $(BIN)/pytest -m gpu"
	@$(BIN)/pytest -q -m "not gpu"
	@echo "== what must hold also where assert statements are gone"
	@$(BIN)/python -O -m pytest -q -W ignore::pytest.PytestConfigWarning \
		tests/server/test_incidents.py tests/server/test_incidents_code.py tests/server/test_gates.py

fuzz: $(VENV)/.ready ## hostile input drawn anew for FUZZ_SECONDS (600); what it reaches stays in build/fuzz
	@$(BIN)/python -c "import atheris" 2>/dev/null || \
		$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[fuzz]"
	@for parser in body schema grammar calls; do \
		mkdir -p build/fuzz/$$parser; echo "== $$parser, by coverage"; \
		$(BIN)/python -P tests/fuzz/search.py $$parser -max_total_time=$$(( $(FUZZ_SECONDS) / 8 )) -max_len=4096 \
			-verbosity=0 -artifact_prefix=build/fuzz/ build/fuzz/$$parser || exit 1; \
	done
	@echo "== every property test, with examples of its own"; end=$$(( $$(date +%s) + $(FUZZ_SECONDS) / 2 )); \
	while $(BIN)/pytest -q -m "hypothesis and not gpu" --hypothesis-profile=random; do \
		test $$(date +%s) -lt $$end || exit 0; \
	done; exit 1

browser: $(VENV)/.ready ## the tests that click through the page, installing Chromium where apt-get can
	@test -x /usr/bin/chromedriver || { apt-get update -qq && apt-get install -y -qq chromium chromium-driver; }
	@$(BIN)/pytest -q -m browser

lint: $(VENV)/.ready ## format, lint, types
	@echo "== ruff format, ruff check, pyright"
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright

bench: $(VENV)/.ready ## the bundled model beside transformers, and the radix tree, on this machine
	@$(BIN)/trellis bench cpu
	@$(BIN)/trellis bench radix

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .ruff_cache *.egg-info build dist
