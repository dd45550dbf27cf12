# The verbs of this project; CI calls the same ones.
#   make demo      install, then fine-tune, generate, score and rank on the sandbox's brain task
#   make report    a page of what make demo measured before, in runs/report
#   make test      install, then all tests (make test-fast: those under half a second each)
#   make lint      ruff, and mypy --strict on ldbench, baselines and sandbox
#   make docs      the documentation site, in build/site; a broken link fails it
#   make leaderboards  measure the committed rows again (many hours on two cores), and write boards and pages
#   make gauntlet  put the known failures through the metrics of the sandbox's tasks again (half an hour on one core)
#   make data      rebuild the sandbox's frozen data in build/sandbox and compare with the committed ones
#   make backbone  pretrain the sandbox's backbone anew in build/backbone (up to two hours on two cores)

PYTHON ?= python3
BIN := .venv/bin
OUT ?= runs/demo
# an unpinned torch pulls a CUDA build of gigabytes; the constraint reaches isolated builds too
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

WORKERS ?= 2
# parts of the tests in order, so that a module's fixtures are made in one of them; who is done first takes over. Three
# for two cores: while one waits, as for Ray or a browser, none is idle
PYTEST := $(BIN)/python -m pytest -n 3 --dist worksteal
# else both workers compile all tests, and each program that a test starts compiles the suite, every time
unexport PYTHONDONTWRITEBYTECODE

# two installations at a time would meet in one folder
.NOTPARALLEL:
.PHONY: install demo report test test-fast test-slow lint docs leaderboards gauntlet data backbone clean

# pip would compile on one processor; some packages hold files of newer Pythons, which it passes over, too
INSTALL := $(BIN)/pip install --quiet --no-compile --editable
COMPILE := $(BIN)/python -m compileall -qq -j 0 .venv || true

install: .venv/installed

# what a run needs
.venv/base: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(INSTALL) .
	$(COMPILE)
	touch $@

# with all extras, for developers; in one go, as pip looks through all packages each time
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(INSTALL) ".[sandbox,clinical,bias,ray,browser,test,lint,docs]"
	$(COMPILE)
	touch .venv/base $@

# where the extras are, they too follow a change of constraints.txt
VENV := $(or $(wildcard .venv/installed),.venv/base)

demo: $(VENV)
	$(BIN)/ldbench run sandbox-brain-t2i real basic-ft --out $(OUT)
	$(BIN)/ldbench report $(OUT)

# before the installation, which takes minutes
$(OUT):
	$(error $(OUT): expected the results of make demo, got no such folder; run make demo first)

report: $(OUT) $(VENV)
	$(BIN)/ldbench report $(OUT) --format html --out runs/report

test: install
	$(PYTEST)

test-fast: install
	$(PYTEST) -m "not slow"

test-slow: install
	$(PYTEST) -m slow

lint: install
	$(BIN)/ruff check .
	$(BIN)/mypy --num-workers auto

docs: install
	$(BIN)/mkdocs build --strict

leaderboards: install
	sh leaderboards/measure.sh $(BIN)/ldbench runs/leaderboards $(WORKERS)
	cd runs/leaderboards && find sandbox-* \( -name result.json -o -name units.json -o -name fresh.json \) -exec cp --parents {} $(CURDIR)/leaderboards/results \;
	$(BIN)/ldbench leaderboard build leaderboards/results --out leaderboards
	$(BIN)/python -m leaderboards.pages

gauntlet: install
	sh leaderboards/gauntlet.sh $(BIN)/ldbench leaderboards/gauntlet

data: install
	OMP_NUM_THREADS=1 $(BIN)/python -m recipes.sandbox.rebuild --out build/sandbox

backbone: install
	$(BIN)/python -m recipes.tiny_sd.pretrain --out build/backbone

clean:
	rm -rf build dist runs .pytest_cache .mypy_cache .ruff_cache .hypothesis
