# Short names for the commands that README.md and .ci/run give in full.
.PHONY: install test lint types quickstart clean

install:
	pip install '.[dev]'

test:
	pytest

lint:
	ruff check .
	ruff format --check .

# From another folder, so that the installed package is checked: run `make install` after a change.
types:
	cd "$$(mktemp -d)" && mypy --config-file "$(CURDIR)/pyproject.toml" -p mctl

quickstart:
	mctl quickstart

# Caches and builds; artifacts stay.
clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find mctl exporters validators tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
