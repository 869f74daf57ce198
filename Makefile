# make demo   fabricate a corpus, train on it, show an SDR table   (minutes)
# make test   every test                                         (minutes)
# make lint   style                 make bench   speeds
# make setup  only the environment, in .venv; the others do it themselves
#
# PYTHON=python3.12 chooses another Python; DEMO=folder another place for the demo;
# WORKERS=0 runs the tests in one process, WORKERS=3 in three (auto: one a core, 4 at
# most); TESTS=tests/test_losses.py some of them.

VENV := .venv
PY := $(VENV)/bin/python
DEMO := demo
TESTS := tests
WORKERS := auto
ifndef PYTHON
PYTHON := $(shell for p in python3.12 python3.11 python3.13 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	>/dev/null 2>&1 && echo $$p && break; done)
endif

.PHONY: demo test lint bench setup
.DELETE_ON_ERROR:

setup: $(VENV)/ready

REQUIREMENTS := requirements.txt requirements-dev.txt requirements-beam.txt \
	requirements-observers.txt requirements-nodeps.txt constraints.txt

$(VENV)/ready: $(REQUIREMENTS)
	@test -n "$(PYTHON)" || { echo "VIMSS needs Python 3.11, 3.12 or 3.13;" \
		"install one, or name it: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make environments; on Debian and Ubuntu:" \
		"apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check \
		-r requirements-dev.txt -c constraints.txt
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps \
		-r requirements-nodeps.txt -c constraints.txt || { \
		echo "tinysoundfont has no wheel for this Python and could not be compiled:" \
		"install a C++ compiler and Python's headers (Debian: apt-get install" \
		"g++ python3-dev), or use Python 3.11 or 3.12"; exit 1; }
	@touch $@

test: setup
	$(PY) -m pytest -n $(WORKERS) --dist worksteal $(TESTS)

lint: setup
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

bench: setup
	$(PY) -m benchmarks.chamber
	$(PY) -m benchmarks.wave_unet
	$(PY) -m benchmarks.records
	$(PY) -m benchmarks.museval

# The third step fails unless the model stands 5 dB SI-SDR above the mixture.  The rest
# shows what VIMSS ships: two oboists who are told apart by sight, and what labels and
# video are worth on some of the pieces that the third step scored.
HELD_BACK := data.train_pieces=0 data.validation_pieces=0
demo: setup
	$(PY) Prepare.py with chamber_demo data.raw=$(DEMO)/corpus \
		data.records=$(DEMO)/records
	$(PY) Training.py with chamber_demo data.records=$(DEMO)/records -F $(DEMO)/runs
	$(PY) Evaluate.py with run=$(DEMO)/runs evaluation.required_si_sdri=5
	rm -rf $(DEMO)/shipped && mkdir -p $(DEMO) && cp -r pretrained $(DEMO)/shipped
	$(PY) Prepare.py with chamber_twins $(HELD_BACK) data.test_pieces=1 \
		data.raw=$(DEMO)/twins data.records=$(DEMO)/records
	$(PY) Predict.py with run=$(DEMO)/shipped/twins players=2 \
		input=`ls $(DEMO)/twins/10_*/Vid_*.mp4` output=$(DEMO)/players
	$(PY) Prepare.py with chamber_filmed $(HELD_BACK) data.test_pieces=4 \
		data.raw=$(DEMO)/filmed data.records=$(DEMO)/records
	$(PY) Evaluate.py conditions with run=$(DEMO)/shipped/ensemble \
		data.records=$(DEMO)/records
