# Two commands on a fresh machine: `make demo` and `make test`. Each sets up what it needs, once.
#
#   make demo                  the main job on a real photograph
#   make demo PHOTO=me.jpg     … on one of yours
#   make test                  the tests
#   make lint                  style, types, import contract
#   make format                put the style right
#   make clean                 remove what these commands set up

PYTHON ?= python3
VENV ?= .venv
OUT ?= out
# Installed before the tests' other needs, so that it is this build of PyTorch: TORCH=torch takes the newest.
TORCH ?= torch==2.13.0
BIN := $(VENV)/bin
# The astronaut picture that scikit-image carries: NASA, public domain.
ASTRONAUT = $(shell $(BIN)/python -c "import pathlib, skimage.data as d; print(pathlib.Path(d.__file__).parent / 'astronaut.png')")
PHOTO ?= $(ASTRONAUT)

# A step that fails halfway leaves nothing that looks done.
.DELETE_ON_ERROR:
.PHONY: demo test lint format clean

demo: $(VENV)/.demo
	$(BIN)/vitruvian pose "$(PHOTO)" --output "$(OUT)"
	@echo "Look at the overlay (.jpg) and read the landmarks (.json) in $(OUT)/:"
	@ls "$(OUT)"

# By as many processes as there are cores, at most four: each has networks of its own in memory.
test: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

lint: $(VENV)/.lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy tests/typing examples
	MYPYPATH=benchmarks $(BIN)/mypy benchmarks
	$(BIN)/lint-imports

format: $(VENV)/.lint
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf "$(VENV)" "$(OUT)"

# A stamp for each set of dependencies: offline reruns install nothing, but a kernel that has changed.
$(VENV)/.demo $(VENV)/.test $(VENV)/.lint: $(VENV)/.%: pyproject.toml $(wildcard src/vitruvian/kernels/*.[ch]) | $(BIN)/python
	$(if $(filter test,$*),$(BIN)/python -m pip install --quiet $(TORCH))
	$(BIN)/python -m pip install --quiet --editable ".[$*]"
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c "import sys; sys.exit('Vitruvian needs Python 3.11 or newer; try: make PYTHON=python3.12 ...' if sys.version_info < (3, 11) else 0)"
	$(PYTHON) -m venv "$(VENV)"
