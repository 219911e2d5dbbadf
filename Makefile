# Needs python3 (3.11 or later; PYTHON=python3.13 chooses another) and make. Everything else comes into .venv from the lock.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
SOURCES := schemas streams tests

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

.PHONY: help
help: ## What can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: install
install: $(STAMP) ## The locked dependencies and the project, in .venv

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "$(PYTHON) is not Python 3.11 or later; name one, for example: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "venv     $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

$(STAMP): requirements.lock pyproject.toml | $(BIN)/python
	@echo "install  requirements.lock"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: demo
demo: $(STAMP) ## Thirty hours of a shop in a minute, on servers of its own; ARGS="--seconds 20 --no-tty" passes options on
	@$(BIN)/journey demo $(ARGS)

.PHONY: test
test: $(STAMP) ## All tests; ARGS="tests/core -k visit" chooses
	@echo "pytest"
	@$(BIN)/python -m pytest $(ARGS)

.PHONY: faults
faults: $(STAMP) ## The fault runs alone: killed workers, stores and folds, each safeguard on and off
	@echo "pytest   tests/faults"
	@$(BIN)/python -m pytest tests/faults -v $(ARGS)

.PHONY: test-native
test-native: native ## The laws, the stories, the real file and a fault run once more, on the compiled core
	@echo "pytest   on $(NATIVE)"
	@PYTHONPATH=$(CURDIR)/$(NATIVE) $(BIN)/pytest -o pythonpath="$(NATIVE) ." $(or $(ARGS),$(ON_NATIVE))

.PHONY: check
check: lint format-check types contract alerts deployment ## Linter, formatting, types, the contract's promises, alerting rules and what deploys; changes nothing

.PHONY: lint
lint: $(STAMP)
	@echo "ruff     check"
	@$(BIN)/ruff check --quiet $(SOURCES)

.PHONY: contract
contract: $(STAMP)
	@echo "contract schemas/released.json"
	@$(BIN)/python -m schemas.compatible

.PHONY: format-check
format-check: $(STAMP)
	@echo "ruff     format"
	@$(BIN)/ruff format --quiet --diff $(SOURCES)

.PHONY: types
types: $(STAMP)
	@echo "mypy     --strict"
	@$(BIN)/mypy --no-error-summary $(SOURCES)

# Debian's Alertmanager is older than the one the configuration is for, and does not know url_file.
.PHONY: alerts
alerts:
	@if command -v promtool >/dev/null && command -v amtool >/dev/null; then \
		set -e; mkdir -p build; \
		echo "promtool deploy/prometheus"; \
		promtool check config deploy/prometheus/prometheus.yml >build/promtool.log 2>&1 || { cat build/promtool.log >&2; exit 1; }; \
		promtool test rules deploy/prometheus/tests/*.yml >build/promtool.log 2>&1 || { cat build/promtool.log >&2; exit 1; }; \
		echo "amtool   deploy/alertmanager"; \
		sed 's|url_file: .*|url: http://127.0.0.1/|' deploy/alertmanager/alertmanager.yml | amtool check-config >build/amtool.log 2>&1 \
			|| { cat build/amtool.log >&2; exit 1; }; \
	else \
		echo "alerts   not checked: promtool and amtool are not on PATH; on Debian: apt-get install prometheus prometheus-alertmanager"; \
	fi

.PHONY: deployment
deployment: $(STAMP)
	@echo "hadolint deploy/Dockerfile"
	@$(BIN)/hadolint deploy/Dockerfile
	@echo "schema   deploy/compose.yaml"
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec deploy/compose.yaml

# The fold, compiled by mypyc from the same sources. Left out are msgspec structs, what gains nothing, and decoder and
# pipeline, which tests and the bench take apart.
COMPILED := $(addprefix streams/core/,accounts.py batch.py cells.py content.py deadlines.py families.py fields.py identifying.py identity.py \
	keeping.py nameless.py normalise.py opened.py trees.py views.py windows.py cases/*.py)
NATIVE := build/native
ON_NATIVE := tests/native tests/core tests/laws tests/golden tests/ecom tests/faults/test_fault_run.py

.PHONY: native
native: $(NATIVE)/built ## The project with its core compiled, in build/native (needs a C compiler): PYTHONPATH=build/native uses it

# A copy, so that no compiled module stands beside its source, where it would hide every later change.
$(NATIVE)/built: $(STAMP) Makefile $(shell find streams schemas -name '*.py' -o -name '*.lua')
	@echo "mypyc    $(NATIVE)"
	@rm -rf $(NATIVE) && mkdir -p $(NATIVE) && cp -R schemas streams $(NATIVE)
	@cd $(NATIVE) && MYPYC_OPT_LEVEL=3 $(CURDIR)/$(BIN)/mypyc --config-file $(CURDIR)/pyproject.toml $(COMPILED) >build.log 2>&1 \
		|| { tail -n 20 build.log >&2; echo "the core was not compiled; on Debian and Ubuntu: apt-get install gcc python3-dev" >&2; exit 1; }
	@rm -rf $(NATIVE)/build
	@touch $@

.PHONY: bench
bench: native ## One worker end to end, against an empty Faust agent; ARGS="--events 60000 --customers 4000" for less
	@PYTHONPATH=$(CURDIR)/$(NATIVE):$(CURDIR) $(BIN)/python -P -m streams.bench $(ARGS)

.PHONY: drill
drill: $(STAMP) ## From a simulated spike to a webhook, on real Prometheus and Alertmanager; ARGS=--fast replays half a year
	@$(BIN)/python -m streams.drill $(ARGS)

.PHONY: schemas
schemas: $(STAMP) ## The JSON Schemas and the AsyncAPI document of the contract, and the pages of the formats
	@echo "schemas  schemas"
	@$(BIN)/python -m schemas.generate

.PHONY: dashboards
dashboards: $(STAMP) ## Grafana's dashboards, from the catalogue
	@echo "grafana  deploy/grafana/dashboards"
	@$(BIN)/python -m streams.dashboards deploy/grafana/dashboards

.PHONY: readme
readme: $(STAMP) ## The README's tables of settings, commands and metrics
	@echo "readme   README.md"
	@$(BIN)/python -m streams.cli.readme README.md

RESOLVE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header

.PHONY: lock
lock: $(STAMP) ## Resolve the dependencies anew, within pyproject.toml's bounds; deploy/ gets those of the image
	@echo "lock     requirements.lock"
	@$(RESOLVE) --all-extras --upgrade --output-file requirements.lock pyproject.toml
	@echo "lock     deploy/requirements.lock"
	@$(RESOLVE) --no-annotate --extra collect --extra registry --constraint requirements.lock --output-file deploy/requirements.lock pyproject.toml

.PHONY: clean
clean: ## Remove .venv and every cache
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .cache build *.egg-info
	@find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
