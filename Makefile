# make demo | make test set everything up in .venv; nothing here needs sudo. Debian, Ubuntu or WSL2; Python >= 3.11.
.DEFAULT_GOAL := help
.PHONY: help demo test audit lint typecheck bench clean host
SHELL := /bin/sh
VENV := .venv
# A test process a core; more than eight wait for the disk and for Docker.
WORKERS := $(shell n=$$(nproc); [ $$n -gt 8 ] && n=8; echo $$n)
START := $(shell date +%s.%N)
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check --quiet --quiet --retries 10 --timeout 60

help:
	@echo "make demo       set up, then optimise the programs in examples/"
	@echo "make test       set up, then run the tests"
	@echo "make audit      set up, then attack our own verdict: exploits and honest programs"
	@echo "make lint       ruff    make typecheck  mypy    make bench  all benchmarks    make clean"

host:
	@test "$$(uname -s)" = Linux || { echo "codeopt runs on Linux: on macOS or Windows use WSL2 or Docker (docker run -it -v \"$$PWD:/w\" -w /w python:3.12 make demo)" >&2; exit 2; }

$(VENV)/bin/python: | host
	@set -e; found=; \
	for name in $(PYTHON) python3.13 python3.12 python3.11 python3 python3.14 python; do \
	  if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then found=$$name; break; fi; \
	done; \
	test -n "$$found" || { echo "no Python >= 3.11 found: apt install python3 python3-venv, or name one: make PYTHON=/path/to/python3.12 ..." >&2; exit 2; }; \
	$$found -c 'import ensurepip, venv' >/dev/null 2>&1 || { echo "$$found has no venv module: apt install python3-venv" >&2; exit 2; }; \
	rm -rf $(VENV); \
	$$found -m venv $(VENV) || { rm -rf $(VENV); echo "$$found -m venv failed: apt install python3-venv" >&2; exit 2; }

# A stamp is newer than pyproject.toml when the install is up to date.
$(VENV)/.core: pyproject.toml | $(VENV)/bin/python
	@echo "installing codeopt into $(VENV) ..."
	@$(PIP) install --editable . || { echo "pip could not install: check the network, then run make again" >&2; exit 2; }
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	@echo "installing codeopt and its tests' needs into $(VENV) ..."
	@$(PIP) install --editable '.[dev]' || { echo "pip could not install: check the network, then run make again" >&2; exit 2; }
	@touch $@ $(VENV)/.core

demo: host $(VENV)/.core
	@seconds=$$($(VENV)/bin/python -c "import time; print(f'{time.time() - $(START):.1f}')"); \
	echo "set up in $$seconds s"; \
	exec $(VENV)/bin/python benchmarks/demo.py --setup-seconds $$seconds $(DEMO)

test: host $(VENV)/.dev
	@failed=0; \
	$(VENV)/bin/python -m pytest -m 'not alone' -n $(WORKERS) --dist loadfile || failed=1; \
	$(VENV)/bin/python -m pytest -m alone || failed=1; \
	exit $$failed

audit: host $(VENV)/.core
	@$(VENV)/bin/codeopt audit $(AUDIT)

lint: host $(VENV)/.dev
	@$(VENV)/bin/ruff check .

typecheck: host $(VENV)/.dev
	@$(VENV)/bin/mypy -p codeopt

bench: host $(VENV)/.dev
	@set -e; for file in benchmarks/*.py; do case $$file in */_*) continue;; esac; echo "== $$file"; $(VENV)/bin/python $$file; done

clean:
	@rm -rf $(VENV) build dist src/codeopt.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .codeopt
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
