# `make demo` and `make test` need Python 3.11 or later and make, and nothing else. uv is used where it is.
PYTHON ?= python3
BIN := .venv/bin
SEED ?= 1
STAMP := .venv/.ready
DEMO := .venv/.ready-for-demo
SAID := .venv/check.log
CHECK := $(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports
# Most tests wait for processes, disks and the paces of chats, so there are three workers for each core.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(3 * (os.cpu_count() or 1))')

PIN := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
  --no-emit-index-url --no-emit-find-links

unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test checked tested test-long test-slice check compiled setup bench lock words release clean

demo: $(DEMO)             ## the page in the browser, on the built-in engine
	$(BIN)/darkroom demo

test: $(STAMP)            ## lint, types, import rules and every test
	$(MAKE) --no-print-directory -j2 checked tested

checked:                  # beside the tests, which wait now and then; what it says comes after theirs, and at once if it fails
	@($(CHECK)) >$(SAID) 2>&1 || { cat $(SAID); exit 1; }

tested: compiled
	$(BIN)/pytest -n $(WORKERS) --dist worksteal; ended=$$?; cat $(SAID); exit $$ended

test-long: $(STAMP)       ## what takes long: hundreds of runs under faults, long walks, large tables
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m long

test-slice: $(STAMP)      ## a slice of it, which SEED picks: a third, one variant of each test, and a few long walks
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m long --slice $(SEED) --hypothesis-seed $(SEED)

check: $(STAMP)           ## all of it but the tests
	$(CHECK)

compiled: $(STAMP)        ## once, and not again in each worker and in each program that a test starts
	$(BIN)/python -m compileall -qq bot comfy
	$(BIN)/pytest --collect-only -qq >/dev/null || true

setup: $(STAMP)           ## a virtual environment with everything that tests need

bench: $(STAMP)           ## the client beside its peers; installs them into an environment of their own
	./benchmarks/run

$(STAMP): requirements/test.lock pyproject.toml
	@PYTHON=$(PYTHON) tools/setup test
	@touch $@

$(DEMO): requirements/demo.lock pyproject.toml
	@PYTHON=$(PYTHON) tools/setup demo
	@touch $@

lock:                     ## pin the newest versions that pyproject.toml admits (needs uv); demo and image have the pins of test
	$(PIN) --all-extras --group test --group build -o requirements/test.lock pyproject.toml
	$(PIN) --extra engine --group build -c requirements/test.lock -o requirements/demo.lock pyproject.toml
	$(PIN) --all-extras -c requirements/test.lock -o requirements/image.lock pyproject.toml
	$(PIN) --group build -c requirements/test.lock -o requirements/build.lock
	echo uv | $(PIN) -o requirements/uv.lock -

release: $(STAMP)         ## make release VERSION=1.2.3: version, changelog, commit, tag, sdist and wheel; nothing is pushed
	$(BIN)/python tools/release.py $(VERSION)

words: $(STAMP)           ## gather the words shown to people into bot/locale/darkroom.pot
	mkdir -p bot/locale
	$(BIN)/pybabel --quiet extract --no-location --omit-header -k _ -o bot/locale/darkroom.pot bot

clean:                    ## forget the environment
	rm -rf .venv
