# `make run` and `make test` are all that a newcomer needs; each sets up what is missing, once.
PYTHON ?= python3
VENV   := .venv
READY  := $(VENV)/.ready

.PHONY: run test check setup notebooks bench bench-quick bench-analysis clean

run: $(READY)      ## the sink on the embedded cloud, as config.ini is shipped
	@$(VENV)/bin/sink run

test: $(READY)     ## every test
	@ALIBABA_CLOUD_ECS_METADATA_DISABLED=true $(VENV)/bin/pytest

check: $(READY)    ## formatting, lint and types
	@$(VENV)/bin/ruff format --check . && $(VENV)/bin/ruff check . && $(VENV)/bin/mypy

notebooks: $(READY) ## Jupyter on the notebooks
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[notebooks]'
	@$(VENV)/bin/jupyter lab notebooks

bench: $(READY)    ## the sink beside others, and the embedded cloud: writes docs/benchmarks.md
	@$(VENV)/bin/python -m benchmarks.throughput --verify
	@$(VENV)/bin/python -m benchmarks.throughput --sizes 5000 20000 80000 --processes 1 2 4 \
		--json docs/throughput.json
	@$(VENV)/bin/python -m benchmarks.embedded --json docs/embedded.json
	@$(VENV)/bin/python -m benchmarks.page docs

bench-quick: $(READY) ## the same in seconds, to see that it works
	@$(VENV)/bin/python -m benchmarks.throughput --quick
	@$(VENV)/bin/python -m benchmarks.embedded --quick

bench-analysis: $(READY) ## the analysis beside the plain DuckDB query, in time and memory
	@$(VENV)/bin/python -m benchmarks.analysis

setup: $(READY)    ## the set-up alone, into .venv

$(READY): pyproject.toml constraints.txt
	@echo "Setting up $(VENV) once; this takes a minute or two"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(READY)

clean:             ## remove what the set-up and the runs made
	rm -rf $(VENV) data
