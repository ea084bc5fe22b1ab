# `make demo` and `make test` set up .venv by themselves; again, that takes a moment.
PYTHON ?= python3
SET_UP = $(PYTHON) -m surgical_perception.runtime.set_up --with view
# Triton's kernels are tested everywhere: where there is no GPU, by its interpreter.
SET_UP_TEST = $(SET_UP) --with test --with gpu
ARGS ?=

.PHONY: help setup demo demo-xray demo-endo demo-learned test lint format benchmark clean distclean

help:
	@echo 'make setup      set up .venv, with all that demo and tests need'
	@echo 'make demo       both halves by the real ROS 2 nodes: a CT registered to a C-arm sequence,'
	@echo '                tissue tracked in a stereo endoscope; make demo-xray, make demo-endo for one'
	@echo 'make demo-learned  the first without a start, by networks that were trained for its CT'
	@echo 'make test       run the tests (ARGS="-k name" for some of them)'
	@echo 'make lint       check style; make format applies it'
	@echo 'make benchmark  measure renderer, registration and tracking (minutes)'
	@echo 'make clean      remove results and caches; make distclean removes .venv as well'

setup:
	@$(SET_UP_TEST)

demo:
	@$(SET_UP)
	@.venv/bin/surgical-perception demo $(ARGS)

demo-xray demo-endo demo-learned:
	@$(SET_UP)
	@.venv/bin/surgical-perception demo --only $(@:demo-%=%) $(ARGS)

test:
	@$(SET_UP_TEST)
	@.venv/bin/python -m pytest $(ARGS)

lint:
	@$(SET_UP_TEST)
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .

format:
	@$(SET_UP_TEST)
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

benchmark:
	@$(SET_UP_TEST) --with bench
	@.venv/bin/python benchmarks/renderer.py
	@.venv/bin/python benchmarks/registration.py $(ARGS)
	@.venv/bin/python benchmarks/tracking.py

clean:
	@rm -rf results build install log .pytest_cache .ruff_cache .hypothesis
	@find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +

distclean: clean
	@rm -rf .venv .venv.lock *.egg-info
