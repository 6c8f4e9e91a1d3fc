# The two commands are `make up` and `make test`; `make help` lists the rest.

PYTHON ?= python3
HOME_FOLDER := $(or $(HIGHWAY_HOME),$(CURDIR)/.highway)
BIN := $(HOME_FOLDER)/venv/bin
# With the PATH that make was given, so that the machine's Python and tools are found and not our own.
BOOTSTRAP := PATH='$(PATH)' $(PYTHON) -m infra.toolchain.bootstrap

# A byte-code cache of our own: without one every start of a service compiles its imports again.
export PYTHONPYCACHEPREFIX := $(HOME_FOLDER)/cache/pycache
unexport PYTHONDONTWRITEBYTECODE
export PATH := $(HOME_FOLDER)/tools/bin:$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help up down status doctor test proof nightly check lock clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  make %-9s %s\n' "$$name" "$$text"; done

up: ## tools, then the platform, then data, training and a release
	@$(BOOTSTRAP)
	@'$(BIN)/highway' up

down: ## stop and remove everything but the data (`make down PURGE=1`: the data too)
	@if [ -x '$(BIN)/highway' ]; then '$(BIN)/highway' down $(if $(PURGE),--purge); else echo "nothing is up: there is no venv in $(HOME_FOLDER)"; fi

status: ## what runs where, what is trained, what is released
	@$(BOOTSTRAP)
	@'$(BIN)/highway' status

doctor: ## what this machine lacks, and how to get it
	@$(BOOTSTRAP) venv
	@'$(BIN)/highway' doctor

test: ## the fast tests (6 minutes at most)
	@$(BOOTSTRAP)
	'$(BIN)/pytest'

proof: ## real processes, faults, browser and API server (15 minutes at most)
	@$(BOOTSTRAP)
	@$(PYTHON) -m infra.toolchain.suites
	'$(BIN)/pytest' -m proof

nightly: ## benchmarks and soak
	@$(BOOTSTRAP)
	'$(BIN)/pytest' -m nightly

check: ## lint, format and types
	@$(BOOTSTRAP) venv
	'$(BIN)/ruff' check
	'$(BIN)/ruff' format --check
	'$(BIN)/mypy'

LOCKED := highway uv go
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command 'make lock'

lock: ## renew requirements/*.lock from requirements/*.in (`make lock UPGRADE=1`: to the newest versions)
	@$(BOOTSTRAP) uv
	@for name in $(LOCKED); do $(LOCK) $(if $(UPGRADE),--upgrade) requirements/$$name.in --output-file requirements/$$name.lock || exit 1; done

clean: down ## remove .highway/ (the cache that clones share stays)
	rm -rf '$(HOME_FOLDER)'
