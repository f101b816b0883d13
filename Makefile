# Everything a developer does here, by one word each. `make` alone lists the words.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# pytest's arguments, e.g. make test ARGS="-x tests/test_ctx_cookies.py"
ARGS ?=

# Tests and tools start hundreds of processes, each of which would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help venv run test chromium check typing format matrix bench bench-asgi bench-served compare upstream fuzz docs clean
.PHONY: firefox browsers autobahn
.PHONY: generated lower-bounds dist docs-site coverage bench-instructions bench-breadth check-breadth surface

help: ## list these commands
	@echo "Tuile. Usage: make COMMAND"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-16s%s\n", $$1, $$2 }'

# Two stamps: the package alone is enough to run the example, everything else wants the tools as well. They are older
# than pyproject.toml whenever it changed, and then make installs again.
$(VENV)/.package: pyproject.toml
	@tools/make-venv "$(PYTHON)" $(VENV)
	@touch $@

$(VENV)/.tools: $(VENV)/.package pyproject.toml
	@tools/make-venv "$(PYTHON)" $(VENV) dev
	@touch $@

venv: $(VENV)/.tools ## make .venv: the package (editable) and the developer's tools

run: $(VENV)/.package ## serve the cookie example on http://127.0.0.1:5000, or the next free port
	@$(BIN)/python tools/run_example.py

firefox: $(VENV)/.tools ## find a Firefox for `make browsers`, install it by apt-get if need be
	@tools/install-firefox

browsers: $(VENV)/.tools ## play 2000 cookie cases in Chromium and Firefox, compare with the jar, write docs/browsers.md
	@tools/install-chromium
	@tools/install-firefox
	$(BIN)/python -m tests.browser.compare --write $(ARGS)

chromium: $(VENV)/.tools ## find a Chromium for the browser tests, install it by apt-get if need be
	@tools/install-chromium

services: ## find the servers that tests of session stores start, install them by apt-get if need be
	@tools/install-services

test: $(VENV)/.tools ## run all tests, in a real browser too (ARGS="..." goes to pytest)
	@tools/install-chromium
	@tools/install-firefox
	@tools/install-services
	$(BIN)/python -m pytest -n auto --dist worksteal --durations=25 $(ARGS)

screenshot: $(VENV)/.tools ## take the picture of the README again
	$(BIN)/python tools/screenshot.py

coverage: $(VENV)/.tools ## run the tests (without the browser), print what they do not reach and the slowest of them
	$(BIN)/python -m pytest -n auto --dist worksteal --ignore=tests/browser --cov --cov-report=term:skip-covered --durations=25 $(ARGS)

check: $(VENV)/.tools ## ruff, mypy (strict), import layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tools/flatten.py --check

generated: $(VENV)/.tools ## write the fast path from its sources
	$(BIN)/python tools/flatten.py

typing: $(VENV)/.tools ## pyright on src; mypy, pyright and its completions on typing_tests/ and the docs, against the built wheel
	$(BIN)/python tools/check_types.py

format: $(VENV)/.tools ## let ruff put the code into form
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

matrix: ## run the tests (without the browser) on every CPython from 3.10 on that this machine has
	$(PYTHON) tools/matrix.py $(ARGS)

dist: $(VENV)/.tools ## build sdist and wheel into dist/, check their contents, test the wheel with `src` out of the way
	$(BIN)/python tools/check_dist.py $(ARGS)

lower-bounds: $(VENV)/.tools ## run the tests with the oldest release of each dependency that is admitted
	$(BIN)/python tools/lower_bounds.py $(ARGS)

bench: $(VENV)/.tools ## one request through the WSGI callable, beside other frameworks
	$(BIN)/python benchmarks/in_process.py $(ARGS)

bench-instructions: $(VENV)/.tools ## count the instructions of warm requests (ARGS="--source OTHER/src --source src" compares)
	$(BIN)/python benchmarks/instructions.py $(ARGS)

bench-breadth: $(VENV)/.tools ## 500 everyday works on Flask and on Tuile, the worst first (ARGS="--quick", ARGS="cookies")
	$(BIN)/python benchmarks/breadth/run.py $(ARGS)

check-breadth: $(VENV)/.tools ## count the instructions of these works and compare with the floors (ARGS="--raise-floors")
	$(BIN)/python benchmarks/breadth/run.py --check $(ARGS)

bench-asgi: $(VENV)/.tools ## one request through the ASGI callable, beside other frameworks (ARGS="--rounds 5")
	$(BIN)/python benchmarks/asgi.py $(ARGS)

bench-served: $(VENV)/.tools ## requests through a real server, beside other frameworks
	$(BIN)/python benchmarks/served.py $(ARGS)

autobahn: $(VENV)/.tools ## run Autobahn's WebSocket cases against an echo in Tuile and a bare one (needs CPython 2.7)
	$(BIN)/python tools/autobahn.py $(ARGS)

compare: $(VENV)/.tools ## run two unmodified applications on Flask and on Tuile behind four servers, and compare every byte
	$(BIN)/python tests/upstream/compare.py $(ARGS)

upstream: $(VENV)/.tools ## run Flask's, Werkzeug's and the extensions' own tests on Tuile (ARGS="flask", ARGS="--quick")
	$(BIN)/python tests/upstream/run.py $(ARGS)

fuzz: $(VENV)/.tools ## run random programs on Flask and on Tuile, and compare all that is seen (ARGS="--requests 200000 --seed 7")
	$(BIN)/python tests/fuzz/run.py $(ARGS)

bench-sessions: $(VENV)/.tools ## one request with a session on the server, beside Flask-Session
	$(BIN)/python tests/sessions/judge.py --prepare
	.judge/bin/python -W ignore benchmarks/sessions.py $(ARGS)

judge: $(VENV)/.tools ## count what session stores lose when 8 processes change one session, with two controls that lose
	$(BIN)/python tests/sessions/judge.py $(ARGS)

surface: $(VENV)/.tools ## write tests/surface_differences.toml anew: what extensions see otherwise than on Flask
	$(BIN)/python tests/surface_update.py

docs: $(VENV)/.tools ## check README and docs/: links lead somewhere, Python blocks compile
	$(BIN)/python -m pytest -q tests/test_docs.py

.docs-site/.installed: pyproject.toml
	@tools/make-venv "$(PYTHON)" .docs-site docs
	@touch $@

docs-site: .docs-site/.installed ## build the documentation site into site/; warnings are errors
	NO_MKDOCS_2_WARNING=1 .docs-site/bin/mkdocs build --quiet
	.docs-site/bin/python tools/check_site.py

clean: ## remove everything that make has made
	rm -rf $(VENV) .judge .matrix .lower-bounds .upstream .typing .dist .docs-site site .autobahn .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .browsers build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
