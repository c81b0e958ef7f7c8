# Every command for developers. Needs Python 3.11+, make and a package index.
PYTHON ?= python3
VENV := .venv
ROUNDS ?= 10
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test test-kafka test-random test-chaos test-deploy test-kubernetes test-gateways test-litellm check lint types types-of-tests contracts audit release format dashboards schema pictures bench bench-stages bench-quality soak calibrate fuzz clean

# More processes than cores, as tests with brokers and workers wait half of their time. A file stays in one process: what
# its tests share is made once. Files keep their order (tests/conftest.py): by default those with few tests, which take
# longest, would come last. Folders are named where a mark is only there: collecting all tests takes half a minute.
TWO := -n 2 --dist loadfile --no-loadscope-reorder
THREE := -n 3 --dist loadfile --no-loadscope-reorder

help: ## Show the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --upgrade pip
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --editable '.[demo]' --group dev
	@touch $@

demo: $(VENV)/.ready ## Find planted campaigns in simulated traffic, on an embedded broker
	$(BIN)/distillwatch demo

# Threads of numpy's linear algebra, one per core in each process, wait for each other: 13 % of a scenario's processor time.
test test-kafka test-random: export OMP_NUM_THREADS := 1

test: $(VENV)/.ready ## Run every test that needs no Java
	$(BIN)/python -m pytest -m "not kafka and not deploy and not kubernetes and not gateways" $(THREE)

test-kafka: $(VENV)/.ready ## Run the tests on Apache Kafka (needs Java 17 and Maven)
	$(BIN)/python -m pytest -m "kafka and not long" $(THREE) tests/integration

test-random: $(VENV)/.ready ## Run the property tests with other examples each time (ROUNDS=10: about a quarter of an hour)
	set -e; for round in $$(seq $(ROUNDS)); do $(BIN)/python -m pytest -m hypothesis --hypothesis-profile=random $(TWO) tests/unit; done

test-chaos: $(VENV)/.ready ## Disturb workers and brokers of Apache Kafka for long (about an hour)
	$(BIN)/python -m pytest -m kafka --chaos long tests/integration/chaos

test-deploy: $(VENV)/.ready ## Test page, rules, dashboards, image, compose and chart (installs their tools, as root)
	.ci/deploy-tools
	$(BIN)/python -m pytest -m deploy $(TWO) tests/deploy

test-kubernetes: $(VENV)/.ready ## Test the chart on a real API server (builds it once on a machine; needs Go, Java 17, Maven)
	.ci/deploy-tools helm
	.ci/kubernetes-tools
	$(BIN)/python -m pytest -m kubernetes tests/deploy

test-gateways: $(VENV)/.ready ## Run the tests on real gateways (installs them once on a machine; needs Go)
	PYTHON=$(PYTHON) .ci/gateway-tools
	$(BIN)/python -m pytest -m gateways $(TWO) tests/gateways

test-litellm: $(VENV)/.ready ## Run the gateway tests that need no Go: LiteLLM, Envoy, nginx, CrowdSec's clients
	PYTHON=$(PYTHON) .ci/gateway-tools litellm
	$(BIN)/python -m pytest -m gateways $(TWO) --ignore tests/gateways/test_real_spans.py tests/gateways

check: $(VENV)/.ready ## Check lint, format, types, import contracts and known vulnerabilities
	@$(MAKE) --no-print-directory --jobs 3 --keep-going lint types types-of-tests contracts audit

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/mypy

types-of-tests:
	$(BIN)/mypy --config-file tests/mypy.ini

contracts:
	$(BIN)/lint-imports --no-cache

# Waits for answers of a database most of its time.
audit:
	$(BIN)/python .ci/audit

release: ## Make wheel, source distribution and bill of materials of the last commit, in dist/
	PYTHON=$(PYTHON) .ci/release

format: $(VENV)/.ready ## Format, and apply automatic fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

dashboards: $(VENV)/.ready ## Regenerate the Grafana dashboards
	$(BIN)/python grafana/generate.py

schema: $(VENV)/.ready ## Write the schemas of alerts, reports and traces from their types
	$(BIN)/python -c 'from stream.core.alert_schema import text; print(text(), end="")' > deploy/alert.schema.json
	$(BIN)/python -c 'from stream.oversight.published import text; print(text(), end="")' > deploy/report.schema.json
	$(BIN)/python -c 'from stream.trace.trace_schema import text; print(text(), end="")' > deploy/trace.schema.json

pictures: $(VENV)/.ready ## Photograph the page of a demo (needs Chromium)
	$(BIN)/python grafana/photographs.py

bench: $(VENV)/.ready ## Measure the worker beside other frameworks (ARGS=--quick: minutes; needs Java 17 and Maven)
	PYTHON=$(PYTHON) .ci/bench-tools
	PYTHONPATH=.:tests/bench $(BIN)/python -m side_by_side $(ARGS)
	for what in accounts workers partitions; do PYTHONPATH=.:tests:tests/bench $(BIN)/python tests/bench/scale.py $$what; done

bench-stages: $(VENV)/.ready ## Run the micro-benchmarks of the stages
	$(BIN)/python -m pytest tests/bench --benchmark-enable --benchmark-only

bench-quality: $(VENV)/.ready ## Measure detections, false positives and tokens lost (ARGS=--quick: minutes)
	OMP_NUM_THREADS=1 PYTHONPATH=.:tests/bench $(BIN)/python -m quality $(ARGS)

soak: $(VENV)/.ready ## Run a month of traffic in hours while parts fail (ARGS="--hours 0.2"; needs Java 17 and Maven)
	PYTHONPATH=.:tests:tests/bench nice $(BIN)/python -m soak $(ARGS)

calibrate: $(VENV)/.ready ## Fit the score table on recorded snapshots (hours; then: git diff)
	OMP_NUM_THREADS=1 PYTHONPATH=.:tests/bench $(BIN)/python -m quality.calibrate $(ARGS)
	$(BIN)/ruff format --quiet stream/campaigns/scoring/table.py
	PYTHONPATH=.:tests/bench $(BIN)/python -m quality.model_page --write

fuzz: $(VENV)/.ready ## Decode a million hostile records and print the results
	$(BIN)/python tests/bench/fuzz.py

clean: ## Remove everything that the other commands created
	rm -rf $(VENV) .gateways .kubernetes .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
