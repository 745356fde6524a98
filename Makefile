# Every target works on a machine with CPython 3.11 or newer, git and make; none needs root.
# PYTHON=/path/to/python chooses the interpreter, ARGS='...' is handed on to the command of the target.

BIN := .venv/bin
SEEDS := 5120
# The repository that the page on a package index links to, as https://github.com/owner/name.
PROJECT_URL ?=
INSTALLED := .venv/.installed
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command 'make lock'
RESOLVE := $(COMPILE) pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help venv demo up sandbox worker flower test contract reliability chaos failover servers simulate mutants lint rooms screenshots docs format bench bursts reconcile scale profile lock wheel wheels portals release system clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(INSTALLED) ## make the virtual environment with the locked dependencies

$(INSTALLED): requirements.lock pyproject.toml
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || sh .ci/make-venv $(PYTHON)
	@echo "Installing the locked dependencies into .venv: a minute or two."
	$(INSTALL) --use-pep517 --require-hashes -r requirements.lock
	$(INSTALL) --no-build-isolation --editable .
	@touch $@

demo: $(INSTALLED) ## play the sample events against the sandbox: no Redis, no key, nothing left behind
	$(BIN)/sync-tasks demo $(ARGS)

up: $(INSTALLED) ## run the whole pipeline on this machine until Ctrl-C
	$(BIN)/sync-tasks up $(ARGS)

sandbox: $(INSTALLED) ## run a local Brevo to develop against
	$(BIN)/sync-tasks sandbox $(ARGS)

worker: $(INSTALLED) ## run a Celery worker against SYNC_REDIS_URL
	$(BIN)/celery -A sync_tasks worker $(ARGS)

flower: $(INSTALLED) ## watch the workers in a browser, on 127.0.0.1:5555
	$(BIN)/celery -A sync_tasks flower --address=127.0.0.1 $(ARGS)

test: $(INSTALLED) ## run all tests in parallel, in random order, with their coverage
	$(BIN)/pytest -n 4 --dist worksteal --cov -m "not slow" $(ARGS)

contract: $(INSTALLED) ## let Prism, Brevo's own clients and schemathesis check the sandbox and our traffic; ARGS=--short for CI
	$(BIN)/python -m tests.contract $(ARGS)

reliability: $(INSTALLED) ## break things one by one, also what takes long, and print how long recovery took
	$(BIN)/pytest tests/reliability -p no:randomly -o faulthandler_timeout=600 $(ARGS)
	$(BIN)/pytest tests --ignore=tests/reliability -m slow -o faulthandler_timeout=600 $(ARGS) || [ $$? -eq 5 ]

chaos: $(INSTALLED) ## kill workers and Redis under load for six minutes; ARGS=--short for two
	$(BIN)/python -m tests.reliability.chaos $(ARGS)

failover: $(INSTALLED) ## let sentinels fail over under load: the primary killed, hung, cut off; ARGS=--short for one
	$(BIN)/python -m tests.failover $(ARGS)

servers: $(INSTALLED) ## run what talks to Redis against each server at hand; ARGS='--short /path/to/redis-server' for more
	$(BIN)/python -m tests.servers $(ARGS)

simulate: $(INSTALLED) ## play simulated histories under every kind of trouble: SEEDS=1000000, or one again: ARGS=42
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) $(ARGS)

mutants: $(INSTALLED) ## change what a branch touches, line by line, and print what no test notices; ARGS=main
	$(BIN)/python -m tests.mutants $(ARGS)

lint: $(INSTALLED) ## check style, format, types, layers, names, sizes, Lua, duplicated code and the image
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/project/test_names.py tests/project/test_sizes.py
	$(BIN)/pylint --disable=all --enable=duplicate-code --ignore=node_modules --score=n sync_tasks tests
	@sh .ci/check-lua sync_tasks/state/lua prelude letters grants hold
	@if [ -x $(BIN)/hadolint ]; then $(BIN)/hadolint Dockerfile; else echo "hadolint is not here: Dockerfile not checked"; fi

rooms: $(INSTALLED) ## draw the rooms of the package and their imports: docs/rooms.svg
	$(BIN)/python -m tests.project.rooms

screenshots: $(INSTALLED) ## take the pictures of the operator's page for the docs: docs/pictures/; needs Chromium
	$(BIN)/python -m tests.operate.screenshots

docs: $(INSTALLED) ## build the documentation site: build/docs/index.html
	$(BIN)/sphinx-build -W --keep-going --quiet docs build/docs $(ARGS)
	@echo "Open build/docs/index.html in a browser."

format: $(INSTALLED) ## format the code and mend what can be mended without thinking
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(INSTALLED) ## measure what the pipeline costs, as ratios in one run
	$(BIN)/python -m benchmarks $(ARGS)

bursts: $(INSTALLED) ## measure bursts of thousands of events against the naive app, for an hour; ARGS=--short for minutes
	$(BIN)/python -m benchmarks.bursts $(ARGS)

reconcile: $(INSTALLED) ## measure the comparison of a million contacts with Brevo; ARGS='--contacts 20000' for fewer
	$(BIN)/python -m benchmarks.reconcile $(ARGS)

scale: $(INSTALLED) ## measure what does not grow with contacts, letters, batches; ARGS='--sizes 10000 100000 1000000' for more
	$(BIN)/python -m benchmarks.scale $(ARGS)

profile: $(INSTALLED) ## show where the time goes
	$(BIN)/python -m benchmarks.profile $(ARGS)

lock: $(INSTALLED) ## resolve the dependencies anew; ARGS=--upgrade takes the newest of each
	$(RESOLVE) --all-extras --output-file requirements.lock $(ARGS)
	$(RESOLVE) --extra worker --extra flower --constraint requirements.lock --output-file requirements-runtime.lock $(ARGS)
	$(COMPILE) tests/contract/requirements.in --output-file tests/contract/requirements.lock $(ARGS)

wheel: $(INSTALLED) ## build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation $(ARGS)

wheels: $(INSTALLED) ## ask the package index whether every pinned package has a wheel for the newest interpreters
	@sh .ci/check-wheels $(BIN)/python 3.13 3.14 3.15

portals: $(INSTALLED) ## call the four tasks beside old and new releases of Celery, redis-py and Django; ARGS=--short
	$(BIN)/python -m tests.portals $(ARGS)

release: $(INSTALLED) ## build and check sdist and wheel in dist/, try the wheel; PROJECT_URL=https://… is the repository
	rm -rf dist
	PROJECT_URL=$(PROJECT_URL) $(BIN)/python -m build --no-isolation
	$(BIN)/twine check --strict dist/*
	$(BIN)/python -m tests.project.index_page dist/*
	$(BIN)/python -m venv --clear build/empty
	build/empty/bin/python -m pip install --quiet --disable-pip-version-check "$$(echo dist/*.whl)[worker]"
	cd build/empty && bin/sync-tasks --help >/dev/null && bin/python -c 'from sync_tasks import subscribe_contact'
	@echo "dist/ is ready: $$(cd dist && echo *)"
	@[ -n "$(PROJECT_URL)" ] || echo "PROJECT_URL is not set: an index will show the README without links and picture."

system: ## install with apt-get what some tests and checks use if it is there; needs root or sudo
	$$(command -v sudo) apt-get update -qq
	$$(command -v sudo) apt-get install -qq --yes $$(grep -v '^#' .ci/packages)

clean: ## remove what was built and cached, and the virtual environment
	rm -rf .venv .venv-contract tests/contract/node_modules build dist *.egg-info .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
