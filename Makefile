# make repro   the whole study from a fresh clone
# make test    the test suite
# make dag     the stages on one screen
PYTHON ?= $(shell command -v python3.12 || command -v python3)
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
export PATH := $(BIN):$(PATH)

.PHONY: repro test lint dag clean

repro: $(VENV)/.installed
	dvc repro

test: $(VENV)/.installed
	python -m pytest -n 2 --dist loadfile

lint: $(VENV)/.installed
	ruff check .
	ruff format --check .

dag: $(VENV)/.installed
	@python -m stages dag

$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 12))' || \
	  { echo "error: $(PYTHON): expected Python 3.12 or newer, got $$($(PYTHON) -V); set PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m stages offline-plots
	@touch $@

clean:
	rm -rf work $(VENV)
