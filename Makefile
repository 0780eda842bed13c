# What people type; `make` alone lists it. PYTHON=python3.12 takes another Python, in a virtual
# environment of its own; ARGS="..." is handed on to pytest or to the command that a target runs.
PYTHON ?= python3
VENV ?= .venv$(patsubst python%,-%,$(patsubst python3,,$(notdir $(PYTHON))))
BIN := $(VENV)/bin
VERSIONS := 3.10 3.11 3.12 3.13
DATA ?= $(or $(KWS_DATA),$(firstword $(wildcard data ../shared/data)),data)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

include firmware/host/host.mk
include firmware/firmware.mk
generate generate-check: $(VENV)/.runtime

.PHONY: help
help:  ## List the targets
	@sed -n 's/^\([a-z][a-z%-]*\):.*  ## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | sed 's/%/NAME/' \
	    | awk -F'|' '{ printf "%-22s %s\n", $$1, $$2 }'

# -- what people do with it ------------------------------------------------------------------------
.PHONY: demo
demo: $(VENV)/.runtime  ## Spot the words in a recording, then say how to use the microphone
	@echo "Words in examples/commands.wav:"
	@$(BIN)/kws-listen --wav examples/commands.wav $(ARGS)
	@echo
	@$(BIN)/python -c 'import sounddevice' 2>/dev/null \
	    || echo "First, for the microphone:  sudo apt-get install libportaudio2"
	@echo "To listen to the microphone:  $(BIN)/kws-listen"

train-%: $(VENV)/.tests host  ## Train a model of train/experiments from the recordings in DATA
	$(BIN)/kws-train $* --data "$(DATA)/speech_commands" $(ARGS)

.PHONY: eval
eval: $(VENV)/.dev  ## Judge every model on the test set in DATA
	@for model in $(notdir $(patsubst %/,%,$(dir $(wildcard models/*/manifest.json)))); do \
	    $(BIN)/kws-eval --model "$$model" --data "$(DATA)/speech_commands_test" $(ARGS) || exit 1; \
	done

# -- checks ----------------------------------------------------------------------------------------
.PHONY: test test-firmware test-all test-runtime lint format bench bench-firmware
test: tools $(VENV)/.tests cmsis-nn host sanitized generate-check  ## Set up what the tests need and run them all
	$(BIN)/python -m pytest -n auto $(ARGS)

test-firmware: tools $(VENV)/.tests host generate-check  ## Ten minutes of words through every emulated board
	$(BIN)/python -m pytest tests/test_qemu.py tests/test_boards.py tests/test_firmware.py --minutes 10 $(ARGS)

test-all: tools host sanitized  ## The runtime's tests on every Python from 3.10 to 3.13 that is installed
	@ran=; failed=; absent=; \
	for version in $(VERSIONS); do \
	    python=; \
	    for one in python$$version "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$$version.*/bin/python; do \
	        if [ -z "$$python" ] && "$$one" -c 'import ensurepip' 2>/dev/null; then python=$$one; fi; \
	    done; \
	    if [ -z "$$python" ]; then absent="$$absent $$version"; \
	    elif $(MAKE) --no-print-directory test-runtime PYTHON="$$python" VENV=.venv-$$version; \
	    then ran="$$ran $$version"; \
	    else failed="$$failed $$version"; fi; \
	done; \
	echo "passed on Python:$${ran:- none}; failed on:$${failed:- none};" \
	    "not installed here:$${absent:- none}"; \
	[ -z "$$failed" ] && [ -n "$$ran" ]

.PHONY: test-pi
test-pi:  ## Install and test the runtime in an emulated arm64 Debian, as root
	.ci/test-pi $(ARGS)

test-runtime: $(VENV)/.dev cmsis-nn host sanitized
	$(BIN)/python -m pytest -n auto -m 'not train' $(ARGS)

C_FILES = $(wildcard firmware/include/*.h firmware/src/*.[ch] firmware/src/kernels/*.h \
    firmware/src/kernels/*/*.[ch] firmware/board/*.[ch] firmware/board/*/*.[ch] \
    firmware/host/*.[ch] tests/*.c)

lint: $(VENV)/.dev  ## ruff, mypy and clang-format, changing nothing
	@command -v clang-format >/dev/null \
	    || { echo "make lint needs: sudo apt-get install clang-format" >&2; exit 1; }
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	clang-format --dry-run -Werror $(C_FILES)

format: $(VENV)/.dev  ## Let ruff and clang-format rewrite what lint would refuse
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	clang-format -i $(C_FILES)

bench: $(VENV)/.dev host cmsis-nn  ## Measure speed and memory; nothing else should run
	@for script in $(wildcard tests/bench_*.py); do $(BIN)/python "$$script" $(ARGS) || exit 1; done

bench-firmware: $(VENV)/.dev host | cross-compiler  ## Flash, RAM, instructions and time of each model on the boards
	@$(BIN)/python tests/bench_firmware.py $(ARGS)

.PHONY: clean
clean:  ## Remove what was built, but neither environments, data nor trainings
	rm -rf firmware/build build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find app train tests examples -name __pycache__ -prune -exec rm -rf {} +

# -- set-up ----------------------------------------------------------------------------------------
# What tests and firmware need of the system, as PROGRAM:PACKAGE.
TOOLS := cc:gcc clang:clang espeak-ng:espeak-ng flite:flite arm-none-eabi-gcc:gcc-arm-none-eabi \
	qemu-system-arm:qemu-system-arm aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu \
	arm-linux-gnueabihf-gcc:gcc-arm-linux-gnueabihf qemu-aarch64-static:qemu-user-static

.PHONY: tools
tools:
	@missing=; \
	for pair in $(TOOLS); do \
	    command -v "$${pair%%:*}" >/dev/null || missing="$$missing $${pair##*:}"; \
	done; \
	if command -v clang >/dev/null && ! echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' \
	    | clang -fsanitize=fuzzer,address -x c - -o /dev/null 2>/dev/null; \
	then missing="$$missing libclang-rt-$$(clang -dumpversion | cut -d. -f1)-dev"; fi; \
	echo '#include <string.h>' | arm-none-eabi-gcc -E - >/dev/null 2>&1 \
	    || missing="$$missing libnewlib-arm-none-eabi"; \
	$(PYTHON) -c 'import ctypes.util, sys; sys.exit(not ctypes.util.find_library("portaudio"))' \
	    || missing="$$missing libportaudio2"; \
	[ -z "$$missing" ] || { echo "make test needs: sudo apt-get install$$missing" >&2; exit 1; }

# A stamp says that an extra is installed; one that holds more renews those that hold less.
$(VENV)/.runtime: pyproject.toml | $(BIN)/python
	@echo "Installing the runtime into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --quiet --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo "Installing the runtime and what tests need into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --quiet --editable '.[dev]'
	@touch $(VENV)/.runtime $@

# TensorFlow has wheels for 64-bit machines only; elsewhere its tests are left out, which pytest says.
$(VENV)/.tests: pyproject.toml | $(BIN)/python
	@echo "Installing the runtime, the training stack and what tests need into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --quiet --editable ".[dev$$($(BIN)/python -c \
	    'import sys; print(",train" if sys.maxsize > 2**32 else "")')]"
	@touch $(VENV)/.runtime $(VENV)/.dev $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { \
	    echo "$(PYTHON) is not Python 3.10 to 3.13; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	    echo "$(PYTHON) lacks its venv; run: sudo apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
