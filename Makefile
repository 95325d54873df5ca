# make repro         the whole study from a fresh clone, on all cores
# make test          the test suite
# make test-kernels  the tests that depend on the processor's kernels, under many of them
# make dag           the stages on one screen
# make docs          README, docs/ and cards as a site: work/site/index.html
PYTHON ?= $(shell command -v python3.12 || command -v python3)
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
export PATH := $(BIN):$(PATH)

.PHONY: repro test test-kernels lint dag docs environment linked clean

repro: environment
	python -m stages launch

# two workers share the processors: OpenMP's threads wait asleep, not by spinning
test test-kernels: export OMP_WAIT_POLICY := PASSIVE

test: environment
	python -m pytest -n 2 --dist loadfile

test-kernels: environment
	python -m tests.kernels

lint: environment
	ruff check .
	ruff format --check .
	mypy

dag: environment
	@python -m stages dag

docs: environment
	sphinx-build -q -W --keep-going -E -c docs . work/site

# an environment that .venv is a link to is used as it is; else there is one of the study's own
environment: $(if $(shell test -L $(VENV) && echo linked),linked,$(VENV)/.installed)

linked:
	@test -x $(BIN)/python || { echo "error: $(VENV): expected an environment, found a link to" \
	  "$$(readlink $(VENV)), where there is no bin/python; remove it (rm $(VENV))" >&2; exit 1; }
	@$(BIN)/python -m stages.commands.environment

$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 12))' || \
	  { echo "error: $(PYTHON): expected Python 3.12 or newer, got $$($(PYTHON) -V); set PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m stages offline-plots
	@touch $@

clean:
	rm -rf work $(VENV)
