# `make demo` and `make test` set up .venv by themselves; again, that takes a moment.
PYTHON ?= python3
SET_UP = $(PYTHON) -m surgical_perception.runtime.set_up
# Triton's kernels are tested everywhere: where there is no GPU, by its interpreter.
SET_UP_TEST = $(SET_UP) --with test --with gpu
ARGS ?=

.PHONY: help setup demo test lint format benchmark clean distclean

help:
	@echo 'make setup      set up .venv, with all that demo and tests need'
	@echo 'make demo       register a real CT to a C-arm sequence by the real ROS 2 nodes'
	@echo 'make test       run the tests (ARGS="-k name" for some of them)'
	@echo 'make lint       check style; make format applies it'
	@echo 'make benchmark  measure renderer and registration (minutes)'
	@echo 'make clean      remove results and caches; make distclean removes .venv as well'

setup:
	@$(SET_UP_TEST)

demo:
	@$(SET_UP)
	@.venv/bin/surgical-perception demo $(ARGS)

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

clean:
	@rm -rf results build install log .pytest_cache .ruff_cache .hypothesis
	@find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +

distclean: clean
	@rm -rf .venv .venv.lock *.egg-info
