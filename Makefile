# Two commands set everything up by themselves: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test quick faults soak bench bench-quick check test-deploy contracts lock clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 22

demo: $(VENV)/.embedded ## play a town on this machine and open its dashboard (FRESH=1 starts afresh)
	@$(BIN)/coprod demo $(if $(FRESH),--fresh)

# Most tests wait most of the time, so three run side by side on two cores; a file stays together.
BESIDE := -n 3 --dist loadfile

test: check ## run everything that proves the project
	@$(BIN)/python -m pytest $(BESIDE) $(ARGS)

QUICK := not (postgres or kafka or browser or system or simulation or deploy or faults)
quick: $(VENV)/.dev ## run what needs no server, in less than a minute
	@$(BIN)/python -m pytest -q $(BESIDE) -m "$(QUICK)" $(ARGS)

check: $(VENV)/.dev ## lint, types and import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

faults: $(VENV)/.dev ## break everything that can be broken here, and write docs/faults.md
	@$(BIN)/python -m pytest -v -m faults --write-faults docs/faults.md tests/faults $(ARGS)

SCHEDULES ?= 1000000
soak: $(VENV)/.dev ## play a million simulated schedules (SCHEDULES=n for fewer), from a new seed each time
	@$(BIN)/python -m tests.simulation --schedules $(SCHEDULES) --first $(or $(FIRST),$(shell date +%s)000)

BENCHMARKS := stages rendering growth rebuild append drain small fold replicas commands imports streams
bench: $(VENV)/.dev .venv-peers/.done ## measure everything beside its peers; raw results go to benchmarks/results
	@mkdir -p benchmarks/results
	@for name in $(BENCHMARKS); do echo "== $$name"; \
	  $(BIN)/python -W ignore -m benchmarks.$$name --json benchmarks/results/$$name.json || exit 1; done
	@echo "== small, three million events"; $(BIN)/python -W ignore -m benchmarks.small --events 3000000 --rounds 1 \
	  --peers raw_aiokafka,ours,kafka_streams:memory-2,quix --json benchmarks/results/small-long.json
	@for log in embedded kafka; do echo "== latency, $$log"; $(BIN)/python -W ignore -m benchmarks.latency \
	  --log $$log --rates 50,500,2000 --json benchmarks/results/latency-$$log.json || exit 1; done

bench-quick: $(VENV)/.dev .venv-peers/.done ## the same in a few minutes, for a look while developing
	@$(BIN)/python -W ignore -m benchmarks.stages --events 20000
	@$(BIN)/python -W ignore -m benchmarks.rendering --people 50 --seconds 1
	@$(BIN)/python -W ignore -m benchmarks.rebuild --facts 100000
	@$(BIN)/python -W ignore -m benchmarks.append --seconds 2 --rounds 2
	@$(BIN)/python -W ignore -m benchmarks.drain --events 30000 --rounds 3
	@$(BIN)/python -W ignore -m benchmarks.small --events 50000 --rounds 1 \
	  --peers raw_aiokafka,ours,quix,kafka_streams:memory-2
	@$(BIN)/python -W ignore -m benchmarks.fold --events 50000 --rounds 2 --contestants raw,fold
	@$(BIN)/python -W ignore -m benchmarks.commands --seconds 2 --rounds 3 --services 10
	@$(BIN)/python -W ignore -m benchmarks.latency --rates 50 --seconds 10
	@$(BIN)/python -W ignore -m benchmarks.streams --clients 2000 --seconds 10

test-deploy: $(VENV)/.dev ## build the image and bring the compose deployment up for true
	@$(BIN)/python -m pytest -m deploy tests/deploy $(ARGS)

contracts: $(VENV)/.dev ## write AsyncAPI documents and JSON Schemas from the models again
	@$(BIN)/python -m tools contracts

lock: $(VENV)/.dev ## pin the newest dependencies, with hashes and without any address
	@cd requirements && for set in dev peers runtime embedded; do \
	  ../$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --upgrade --quiet $$set.in --output-file $$set.txt $$(case $$set in runtime|embedded) echo "-c dev.txt";; esac) || exit 1; done

clean: ## remove the environment and the demo's data (not anybody else's)
	@rm -rf $(VENV) .venv-peers .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@[ ! -d .coprod ] || echo "data of a deployment is left in .coprod; remove it with: rm -r .coprod"

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name it with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "This Python cannot make environments; on Debian or Ubuntu: apt-get install python3-venv"; exit 1; }

.venv-peers/.done: requirements/peers.txt
	@echo "Installing the benchmarks' peers into .venv-peers ..."
	@$(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/.%: requirements/%.txt $(VENV)/bin/python pyproject.toml
	@echo "Installing pinned dependencies into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
