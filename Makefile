# Everything works from a fresh clone: what is missing is installed first, into .venv.

SHELL := /bin/sh
BIN := .venv/bin
INSTALLED := .venv/installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
# Compiled files make each of the many starts faster.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: serve test check format coverage bench bench-scale install lock schema references graphiql console
.SILENT:

serve: $(INSTALLED)
	$(BIN)/team-access serve

# On two cores: tests also wait, for disks and for time to pass, and the third process uses that.
test: $(INSTALLED)
	$(BIN)/pytest -n 3

check: $(INSTALLED)
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet || { echo '"make format" reformats these files.' >&2; exit 1; }
	$(BIN)/mypy --no-error-summary .
	$(BIN)/lint-imports
	$(BIN)/pytest tests/checks

format: $(INSTALLED)
	$(BIN)/ruff check --quiet --fix
	$(BIN)/ruff format --quiet

# Of lines and branches, in all processes that the tests start. Takes twice as long as the tests. Without the tests
# that measure CPU time or memory, which coverage multiplies.
coverage: $(INSTALLED)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 2 -m "not measures"; status=$$?; \
	    $(BIN)/coverage combine --quiet && $(BIN)/coverage report && exit $$status

bench: $(INSTALLED)
	$(BIN)/python -m bench
	$(BIN)/python -m bench.api_calls
	$(BIN)/python -m bench.reports --rows 200000 --rounds 3
	$(BIN)/python -m bench.download
	$(BIN)/python -m bench.exports

bench-scale: $(INSTALLED)
	$(BIN)/python -m bench.scale

install: $(INSTALLED)

# The second file is what production installs: the same versions, without the tools of development.
lock: $(INSTALLED)
	$(BIN)/pip install -qq 'uv>=0.13'
	$(BIN)/python -c '$(build_requirements)' | $(COMPILE) --upgrade --group dev --output-file requirements.lock pyproject.toml -
	$(BIN)/python -c '$(build_requirements)' | $(COMPILE) --constraints requirements.lock \
	    --output-file deploy/requirements.lock pyproject.toml -

schema: $(INSTALLED)
	$(BIN)/team-access schema print > schema/schema.graphql

references: $(INSTALLED)
	$(BIN)/python -m docs.references

graphiql:
	web/graphiql/build

console:
	web/console/build

# Written last: an install that was cut short is done again.
$(INSTALLED): requirements.lock pyproject.toml
	$(BIN)/python -c '' 2>/dev/null || { rm -rf .venv && $(newest_python) && $$python -m venv .venv; }
	$(BIN)/pip install -qq --require-hashes --no-deps -r requirements.lock
	$(BIN)/pip install -qq --no-deps --no-build-isolation -e .
	touch $@

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
    --no-emit-index-url --custom-compile-command 'make lock'

# The build's own tools are pinned with the rest, so that building downloads nothing.
build_requirements = import tomllib; \
    print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")

# One that runs: a name may be a version manager's, with nothing behind it.
define newest_python
for python in python3.14 python3.13 python3.12 python3.11 python3 none; do \
    $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
done; \
if [ $$python = none ]; then \
    echo 'Install Python 3.11 or newer, with its venv module (Debian: apt install python3 python3-venv).' >&2; \
    exit 1; \
fi
endef
