# hwgen's development targets; `make help` lists them. All set-up happens by itself, in .venv.
# JOBS=n sets the number of processes, HWGEN_SEED=n the seed of the one random run (it is printed), PYTHON=… what .venv is made from.
# Of fuzz: N=n networks, SEED=n.

JOBS  ?= $(shell nproc 2>/dev/null || echo 2)
VENV  := .venv
STAMP := $(VENV)/.installed
RUN   := $(VENV)/bin/python
BENCH  = $(MAKE) --no-print-directory -C testbenches PYTHON=$(abspath $(RUN)) JOBS=$(JOBS)

.DEFAULT_GOAL := help
.PHONY: help setup demo check lint types test regress fuzz passfuzz formal mutate bench readme clean distclean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 11

setup: $(STAMP) ## make .venv with everything in it (done by the other targets when needed)

$(STAMP): pyproject.toml constraints.txt scripts/setup.sh
	bash scripts/setup.sh $(VENV)
	@touch $@

demo: $(STAMP) ## train a small network, build its hardware, simulate it and show the result
	$(RUN) -m examples.digits_mlp.run

check: lint types ## before every commit: lint, types, quick tests (under three minutes)
	$(RUN) -m pytest -n $(JOBS) --dist worksteal -m "not slow" tests

lint: $(STAMP) ## ruff
	$(RUN) -m ruff check

types: $(STAMP) ## pyright, strict, on hwgen and passes
	$(RUN) -m pyright --project pyproject.toml

test: lint types ## everything that CI runs (under twenty minutes on two cores)
	$(RUN) -m pytest -n $(JOBS) --dist worksteal tests
	$(BENCH) quick

regress: $(STAMP) ## the whole cocotb regression, and all tests
	$(BENCH) regress
	$(RUN) -m pytest -n $(JOBS) --dist worksteal tests

fuzz: $(STAMP) ## random networks through the hardware: N=300 SEED=7 (a fresh seed is drawn and printed)
	$(BENCH) fuzz N=$(N) SEED=$(SEED)

passfuzz: $(STAMP) ## random networks through every pass, in exact arithmetic: N=100 SEED=7
	cd tests && $(abspath $(RUN)) -m pass_fuzz $(if $(N),--count $(N)) $(SEED)

formal: $(STAMP) ## proofs of the stream modules, exhaustion of small arithmetic (about five minutes on two cores)
	$(BENCH) formal

mutate: $(STAMP) ## break templates, passes and numerics on purpose and see the tests go red
	$(RUN) tests/mutation --jobs $(JOBS)

bench: $(STAMP) ## speed; estimates beside Yosys's counts; the clock beside the plainest path's
	$(RUN) -m benchmarks

readme: $(STAMP) ## write the operator table of README.md again
	$(RUN) scripts/update_readme.py

clean: ## remove what builds and tests leave (not .venv)
	rm -rf build dist .pytest_cache .ruff_cache .hypothesis *.egg-info
	$(MAKE) --no-print-directory -C testbenches clean
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean ## clean, and remove .venv
	rm -rf $(VENV)
