# `make run` and `make test` are all that a newcomer needs; each sets up what is missing, once.
PYTHON ?= python3
VENV   := .venv
READY  := $(VENV)/.ready
# Sizes for `make bench`: records in the embedded logstore, events for the analysis.
RECORDS ?= 100000 1000000 10000000
EVENTS  ?= 100000 1000000 10000000

.PHONY: run test check setup notebooks bench bench-quick clean

run: $(READY)      ## the sink on the embedded cloud, as config.ini is shipped
	@$(VENV)/bin/sink run

test: $(READY)     ## every test
	@ALIBABA_CLOUD_ECS_METADATA_DISABLED=true $(VENV)/bin/pytest

check: $(READY)    ## formatting, lint and types
	@$(VENV)/bin/ruff format --check . && $(VENV)/bin/ruff check . && $(VENV)/bin/mypy

notebooks: $(READY) ## Jupyter on the notebooks
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[notebooks]'
	@$(VENV)/bin/jupyter lab notebooks

bench: $(READY)    ## every benchmark: writes docs/benchmarks.md
	@$(VENV)/bin/python -m benchmarks.throughput --verify
	@$(VENV)/bin/python -m benchmarks.throughput --sizes 5000 20000 80000 --processes 1 2 4 \
		--json docs/throughput.json
	@$(VENV)/bin/python -m benchmarks.reaction --sizes 5000 20000 --json docs/reaction.json
	@$(VENV)/bin/python -m benchmarks.standing --json docs/standing.json
	@$(VENV)/bin/python -m benchmarks.embedded --sizes $(RECORDS) --json docs/embedded.json
	@$(VENV)/bin/python -m benchmarks.analysis --sizes $(EVENTS) --json docs/analysis.json
	@$(VENV)/bin/python -m benchmarks.page docs

bench-quick: $(READY) ## the same in a minute, to see that it works
	@for each in throughput reaction standing embedded analysis; do \
		$(VENV)/bin/python -m benchmarks.$$each --quick || exit; \
	done

setup: $(READY)    ## the set-up alone, into .venv

$(READY): pyproject.toml constraints.txt
	@echo "Setting up $(VENV) once; this takes a minute or two"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(READY)

clean:             ## remove what the set-up and the runs made
	rm -rf $(VENV) data
