# Everything a user types. uv comes from the package registry that pip is set up for.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
export HF_HUB_DISABLE_TELEMETRY := 1
export PYTHONUNBUFFERED := 1
# Empty means no: where it is set, as in many containers, every process would compile every module anew. What is imported is compiled
# once by that; compiling all that is installed takes over a minute on two cores, and three quarters of it are never imported.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: repro full test coverage ui lint docs notebooks clean install checkout

repro: checkout $(VENV)/.suite  ## Install, run the whole pipeline on the demo data, fill the MLflow store
	lle pipeline run
	lle mlflow sync
	@echo "open reports/index.html, read reports/leaderboard.md, browse with: make ui"

full: checkout $(VENV)/.suite  ## Train and measure every method, not only those of the default suite (many hours on two cores)
	lle config full
	lle pipeline run
	lle mlflow sync

test: install  ## Install what is missing and run the tests
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python -m tests.workers 3 --dist loadfile --no-loadscope-reorder

TESTS ?= tests
coverage: install  ## Run the tests (or those of TESTS=folder) and report which lines and branches they reach: build/coverage/html/index.html
	mkdir -p build/coverage
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --cov --cov-report term --cov-report html $(TESTS)

ui: $(VENV)/.suite  ## Browse the runs at http://127.0.0.1:5000
	mlflow ui --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db}" --host 127.0.0.1 --port 5000

lint: install  ## Check style and types
	ruff check .
	ruff format --check .
	mypy

docs: install  ## Build the documentation site, strictly: build/site/index.html
	python -m mkdocs build --strict

notebooks: install  ## Make docs/notebooks from examples/*.py, without outputs, and build/notebooks, where they are run
	mkdir -p build/notebooks
	for script in examples/*.py; do name=$$(basename $$script .py).ipynb; \
	  jupytext --quiet --to ipynb --update --output docs/notebooks/$$name $$script && cp docs/notebooks/$$name build/notebooks \
	  && jupyter execute --inplace build/notebooks/$$name || exit 1; done

clean:  ## Remove the environment and everything that a command makes again; results in git stay
	rm -rf $(VENV) build mlflow.db mlartifacts mlruns .pytest_cache .mypy_cache .ruff_cache

# DVC works in git checkouts alone: that is said before minutes of installing, not after.
checkout:
	@command -v git >/dev/null || { echo "Error: git is not installed, and DVC needs it. Install git, then run make again." >&2; exit 1; }
	@git rev-parse --git-dir >/dev/null 2>&1 || { echo "Error: this folder is no git checkout that you may use, and DVC needs one" \
	  "(a ZIP download has none): clone the repository, or run: git init && git add -A && git commit -m start." \
	  "Where the checkout belongs to another user: git config --global --add safe.directory '$(CURDIR)'." >&2; exit 1; }

install: $(VENV)/.installed

# The pipeline needs less than tests, style and documentation do.
$(VENV)/.suite: EXTRAS := suite
$(VENV)/.installed: EXTRAS := suite,dev
$(VENV)/.suite $(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[$(EXTRAS)]'
	touch $(VENV)/.suite $@
