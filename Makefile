# `make` lists what there is. Everything runs as an ordinary user, needs Python 3.11 or newer and PyPI, and stays in the
# checkout: .venv (set up by tools/environment.py when it is missing or outdated) and .work. Paths are relative, for
# make cannot handle a checkout in a folder with a space otherwise.

.DEFAULT_GOAL := help
.PHONY: help demo test lint docs-lint docs troubleshooting sanity unit integration matrix kills fleet page screenshots molecule bench faults release-check stranger build clean .demo .test
MAKEFLAGS += --no-print-directory

PY := .venv/bin/python
CHECKS := $(PY) tools/checks.py
ARGS ?=
HOSTS ?= 5

# Ansible finds the collection by this link to the checkout
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.venv/collections
# what runs on this machine has the packages of .venv, and does not meet a pyenv shim
export ANSIBLE_PYTHON_INTERPRETER := $(CURDIR)/.venv/bin/python
# without byte code each import of Ansible takes twice the time
unexport PYTHONDONTWRITEBYTECODE

help: ## this list
	@echo 'make TARGET [ARGS="..."] [PYTHON=/path/to/python3.12]'
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | while IFS='|' read -r name text; do printf '  %-15s %s\n' "$$name" "$$text"; done

.demo .test:
	@python=$$(tools/find-python) && "$$python" tools/environment.py $(@:.%=%)

demo: .demo ## a certificate from credential to handshake, against the sandbox on this machine
	@$(PY) tools/demo.py $(ARGS)

test: .test ## everything but fleet and page: lint, docs, sanity, unit, integration, kills, molecule
	@$(CHECKS) all

lint: .test ## ruff, mypy, yamllint, ansible-lint, documentation, changelog, shellcheck
	@$(CHECKS) lint

docs-lint: .test ## the documentation of plugins and roles, and docs/docsite
	@$(CHECKS) docs-lint

troubleshooting: .test ## the troubleshooting guide, from its table docs/docsite/troubleshooting.yml
	@$(PY) tools/troubleshooting.py

docs: .test ## the documentation site, in .work/docs/html; a warning is an error
	@$(CHECKS) docs

sanity: .test ## ansible-test sanity, on a copy of the checkout
	@$(CHECKS) sanity

unit: .test ## unit tests; ARGS for pytest, e.g. ARGS="-k names"
	@$(CHECKS) unit -- $(ARGS)

integration: .test ## roles and playbooks against the sandbox; ARGS for pytest
	@$(CHECKS) integration -- $(ARGS)

molecule: .test ## every scenario in extensions/molecule
	@$(CHECKS) molecule

matrix: .test ## sanity, unit tests and a smoke test with each ansible-core and Python there is; ARGS for nox
	@.venv/bin/nox $(ARGS)

kills: .test ## the kill test: 200 SIGKILLs, and what is left of them
	@$(CHECKS) kills -- $(ARGS)

fleet: .test ## deployments to HOSTS=5 hosts booted with systemd, over ssh; needs root and a Debian mirror once
	@$(PY) tests/support/fleet_root.py && CERTFLEET_FLEET_HOSTS=$(HOSTS) $(CHECKS) fleet -- $(ARGS)

page: .test ## the report's page in a headless Chromium; needs the package chromium-headless-shell or chromium
	@$(CHECKS) page -- $(ARGS)

screenshots: .test ## the pictures of the guides, from the report that `make demo` wrote; needs a Chromium
	@PYTHONPATH=. $(PY) tests/support/screenshots.py

faults: .test ## the long kill test; prints its counts
	@$(PY) -m pytest -m slow -s -v tests $(ARGS)

bench: .test ## benchmarks; they print what they compare, and fail when a target is missed
	@status=0; for file in tests/bench/bench_*.py; do echo "$$file"; $(PY) -m "tests.bench.$$(basename "$$file" .py)" $(ARGS) || status=1; done; exit $$status

release-check: .test ## the tarball and its bill of materials in .work/release, and what Galaxy would say of it
	@.venv/bin/nox --session release

stranger: .demo ## a new account with nothing but the tarball follows the README: does the quickstart run?
	@$(PY) tools/stranger.py $(ARGS)

build: .demo ## the collection's tarball, in .work
	@$(PY) tools/build.py

clean: ## remove what make made
	rm -rf .venv .work .ansible .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
