# What there is to do with a checkout. Needs only make and Python 3.11 or later with venv.
PYTHON ?= python3
LAUNCH = $(PYTHON) -m pyrostorage_site.launch
TEST_PYTHON = .venv-test/bin/python
LOCK = $(TEST_PYTHON) -m uv pip compile --quiet --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links

.DEFAULT_GOAL := help
.PHONY: help install run stop logs docker-run docker-stop test hosts faults benchmark picture lint format lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

install: ## install what the service needs into .venv, and start nothing
	@$(LAUNCH) install

run: ## install, migrate and start the server in the background; print its address
	@$(LAUNCH) run

stop: ## stop the server and wait for its end
	@$(LAUNCH) stop

logs: ## follow the server's logs
	@$(LAUNCH) logs

docker-run: ## build the containers, start them and wait until they are ready; docs/containers.md
	@$(PYTHON) -m deploy.compose run

docker-stop: ## stop and remove the containers; their volumes stay
	@$(PYTHON) -m deploy.compose stop

test: ## linters and all tests; ARGS="-k upload" hands arguments to pytest and leaves the linters out
	@$(LAUNCH) test $(ARGS)

hosts: ## the tests that ask the service, against two hosts in turns; ARGS="-k upload" for some of them
	@$(LAUNCH) hosts $(ARGS)

benchmark: ## figures beside the raw limit of the same run, more than an hour; PARTS="flows views"
	@$(LAUNCH) install-dev
	@$(TEST_PYTHON) -m benchmarks.entries $(PARTS)

picture: ## draw docs/data-model.svg from the models again; needs graphviz
	@$(LAUNCH) install-dev
	@$(TEST_PYTHON) -m pyrostorage_site.diagram

faults: ## every kill and crash 20 times with production's patience, about an hour; ROUNDS=5 for fewer
	@mkdir -p var && rm -f var/faults.jsonl
	@FAULT_ROUNDS=$(or $(ROUNDS),20) FAULT_REPORT=$(CURDIR)/var/faults.jsonl $(LAUNCH) test curation/tests/faults -p no:randomly
	@$(PYTHON) -m curation.tests.faults.table var/faults.jsonl

lint: ## ruff, mypy, bandit, djlint
	@$(LAUNCH) lint

format: ## let ruff arrange the code
	@$(LAUNCH) install-dev
	@$(TEST_PYTHON) -m ruff format --extend-exclude .venv-test .
	@$(TEST_PYTHON) -m ruff check --fix --extend-exclude .venv-test .

lock: ## lock requirements.in and requirements-dev.in again; UPGRADE=1 takes newer releases
	@$(LAUNCH) install-dev
	@$(LOCK) $(if $(UPGRADE),--upgrade) requirements.in -o requirements.txt
	@$(LOCK) $(if $(UPGRADE),--upgrade) -c requirements.txt requirements-dev.in -o requirements-dev.txt

clean: ## remove the virtual environments and caches, never DATA_DIR
	@rm -rf .venv .venv-test .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage htmlcov
	@find . -name __pycache__ -not -path './var/*' -type d -prune -exec rm -rf {} +
