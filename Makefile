# Each target does its own set-up: it needs Python 3.11, 3.12 or 3.13 and make.
# The lock is for Linux, where TensorFlow 2.20 and TensorFlow Recommenders agree.

VENV := .venv
BIN := $(VENV)/bin
# The newest Python that runs; another one: make test PYTHON=/path/to/python3.12
PYTHONS := $(or $(PYTHON),python3.13 python3.12 python3.11 python3)
IS_SUPPORTED := import ensurepip, sys, venv; \
  sys.exit(not (3, 11) <= sys.version_info < (3, 14))
# A package is built with the locked setuptools, not with a freshly fetched one.
PIP_INSTALL := $(BIN)/python -m pip --quiet --disable-pip-version-check \
  --no-input install --constraint requirements.lock
INSTALLED := $(VENV)/.installed
INSTALLED_TEST := $(VENV)/.installed-test
# TensorFlow's warnings and errors, not its notes on the processor.
QUIET := TF_CPP_MIN_LOG_LEVEL=1
SETUP_FILES := setup.py pyproject.toml requirements.lock

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test lint format lock clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

demo: $(INSTALLED) ## Train both stages on simulated viewers, compare, export
	@$(QUIET) $(BIN)/timirec demo

test: lint ## Check style and types, then run every test
	@$(QUIET) $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 \
	  --dist loadfile

lint: $(INSTALLED_TEST) ## Check style and types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

format: $(INSTALLED_TEST) ## Rewrite the code in the project's style
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

lock: ## Re-make requirements.lock from setup.py
	@$(MAKE_VENV); $(PIP_INSTALL) uv
	@$(BIN)/uv pip compile setup.py --all-extras --upgrade --quiet \
	  --python-version 3.11 --python-platform linux \
	  --custom-compile-command 'make lock' --output-file requirements.lock
	@echo 'requirements.lock is made anew; run make test before it is committed.'

clean: ## Remove the virtual environment
	rm -rf $(VENV)

$(INSTALLED): $(SETUP_FILES)
	@$(MAKE_VENV); $(call install,.)
	@touch $@

$(INSTALLED_TEST): $(SETUP_FILES)
	@$(MAKE_VENV); $(call install,.[test])
	@touch $(INSTALLED) $@

# Makes the virtual environment unless there is one that runs.
define MAKE_VENV
set -e; \
if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
  for python in $(PYTHONS) ''; do \
    if [ -z "$$python" ]; then \
      echo 'Set-up needs Python 3.11, 3.12 or 3.13 with its venv module, and' \
        'none of these is one: $(PYTHONS). Install one (on Debian or Ubuntu:' \
        'apt install python3 python3-venv) or name one with' \
        'PYTHON=/path/to/python3.' >&2; \
      exit 1; \
    fi; \
    if "$$python" -c '$(IS_SUPPORTED)' >/dev/null 2>&1; then break; fi; \
  done; \
  "$$python" -m venv --clear $(VENV); \
fi
endef

# Installs $(1), the package or the package with extras, and what it needs.
define install
start=$$(date +%s); \
echo "Installing $(1) with $$($(BIN)/python --version) into $(VENV)" \
  '(up to 1 GB of downloads, 1 to 5 minutes) ...'; \
$(PIP_INSTALL) setuptools wheel; \
$(PIP_INSTALL) --no-build-isolation --editable '$(1)'; \
echo "Installed in $$(($$(date +%s) - start)) s."
endef
