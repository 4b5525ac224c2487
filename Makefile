# make demo | test | kills | sweep | crash-sweep | interleavings | paused | explore | conformance | fuzz | outlives | growth | benchmarks | peers | lint | venv
# make PYTHON=/path/to/python3.12 venv
#
# All paths are relative, so the checkout may lie in a folder with spaces in its name. One environment serves all
# targets: the demo's gate runs the shop's own tests, so it needs pytest as well.
SHELL = /bin/sh
.DELETE_ON_ERROR:
.PHONY: demo test kills sweep crash-sweep interleavings paused explore conformance fuzz outlives growth benchmarks peers lint venv

export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_NO_INPUT = 1
# Hundreds of processes import the same modules: compiled once, they start in half the time.
unexport PYTHONDONTWRITEBYTECODE

VENV = .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/installed
PYTEST_ARGS ?=

demo: venv
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python examples/demo.py $(DEMO_ARGS)

# Three at a time on two cores: most tests wait for other processes a quarter of their time.
test: venv
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n 3 --dist loadgroup $(PYTEST_ARGS)

# Every kind of process killed at every stage, each in a run of its own, and then one after the other in few runs.
kills: venv
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n 2 tests/system/test_kills.py tests/system/test_campaign.py \
	    -k "test_a_kill_of or test_every_kind" -m "long or not long"

# In virtual time: every crash point with new seeds, 2,000 lives with more than one fault, 10,000 paused holders.
sweep: venv
	SWEEP_LIVES=$${SWEEP_LIVES:-2000} PAUSED_TRIALS=$${PAUSED_TRIALS:-10000} SWEEP_SEED=$${SWEEP_SEED:-$$(date +%s)} \
	    PAUSED_SEED=$${SWEEP_SEED:-$$(date +%s)} $(BIN)/python -m pytest -q -n 2 tests/simulation --timeout 0 $(PYTEST_ARGS)

# With real processes: ended before and after every crash point, and at a second one in the recovery; how long each took.
crash-sweep: venv
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m chaos crash-sweep $(SWEEP_ARGS)

# 1,000 seeded interleavings of five tasks on real git, with kills anywhere: nothing lost, doubled, or removed alive.
interleavings: venv
	INTERLEAVINGS=$${INTERLEAVINGS:-1000} INTERLEAVINGS_SEED=$${INTERLEAVINGS_SEED:-$$(date +%s)} \
	    TRAIN_STEP=1 $(BIN)/python -m pytest -q -s -n 2 tests/gitops/test_git_interleavings.py tests/gitops/test_git_trains.py \
	    --timeout 0 $(PYTEST_ARGS)

# 200 real Schedulers stopped by a signal at random moments, and continued before or after their successor has begun; then
# everything stopped at once, 20 times for up to 90 s, and continued one after the other.
paused: venv
	PAUSED_REAL=$${PAUSED_REAL:-200} PAUSED_SEED=$${PAUSED_SEED:-$$(date +%s)} \
	    ALL_STOPPED=$${ALL_STOPPED:-20} ALL_STOPPED_S=$${ALL_STOPPED_S:-90} ALL_STOPPED_SEED=$${PAUSED_SEED:-$$(date +%s)} \
	    $(BIN)/python -m pytest -q -s tests/system/test_paused_scheduler.py tests/system/test_all_stopped.py --timeout 0

# The property tests on examples nobody has seen yet: what fails is printed, and becomes a test of its own.
explore: venv
	HYPOTHESIS_PROFILE=random $(BIN)/python -m pytest -n 2 -m hypothesis $(PYTEST_ARGS)

# Every case of supervision on the pure core, on the simulated system and on real processes, as a table; then the laws of
# the core under 1,000 made-up lives of 50 steps.
conformance: venv
	$(BIN)/python -m tests.conformance $(PYTEST_ARGS)
	LAWS=full $(BIN)/python -m pytest -q --durations=1 tests/supervisors/test_strategy_laws.py -k TestTree

# Bytes from strangers at every listener for a minute. FUZZ_SEED=1 FUZZ_SECONDS=600 make fuzz
fuzz: venv
	FUZZ_SECONDS=$${FUZZ_SECONDS:-60} FUZZ_SEED=$${FUZZ_SEED:-$$(date +%s)} \
	    $(BIN)/python -m pytest -q -s tests/supervisors/test_foreign_bytes.py -k thrown --timeout 0

# 200 kills of somebody above others, at every stage; then 2,000 lives of an actor. Seeds are printed.
outlives: venv
	OUTLIVES_KILLS=$${OUTLIVES_KILLS:-200} OUTLIVES_SEED=$${OUTLIVES_SEED:-$$(date +%s)} \
	    $(BIN)/python -m pytest -q -s tests/supervisors/test_nothing_outlives.py --timeout 0

growth: venv
	GROWTH_CYCLES=$${GROWTH_CYCLES:-2000} $(BIN)/python -m pytest -q -s tests/supervisors/test_nothing_grows.py --timeout 0

# Every benchmark runs, and finds something for each of its rows.
benchmarks: venv
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -q tests/docs/test_benchmarks.py -m "long or not long"

# This project beside its durable peers, which get an environment of their own: a table here, JSON and a plot in
# build/benchmarks. PEERS_ARGS="--runs 9" make peers
peers: venv build/peers/installed
	$(BIN)/python benchmarks/throughput.py --out build/benchmarks $(PEERS_ARGS)

build/peers/installed: requirements/benchmarks.lock
	$(BIN)/python -m venv --clear build/peers
	build/peers/bin/python -m pip install --quiet --require-hashes -r requirements/benchmarks.lock
	@touch $@

lint: venv
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

venv: $(STAMP)

$(STAMP): requirements/test.lock pyproject.toml setup.cfg
	@set -eu; \
	fit='import sys, pip; raise SystemExit(sys.version_info < (3, 11))'; \
	if ! $(BIN)/python -c "$$fit" 2>/dev/null; then \
	    found=; \
	    for each in "$(PYTHON)" python3 python3.13 python3.12 python3.11; do \
	        if [ -n "$$each" ] && "$$each" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null; \
	        then found=$$each; break; fi; \
	    done; \
	    if [ -z "$$found" ]; then \
	        echo "No Python 3.11 or newer was found. Install one, or name it: make PYTHON=/path/to/python3.11" >&2; \
	        exit 1; \
	    fi; \
	    "$$found" -m venv --clear $(VENV); \
	fi
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/test.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
