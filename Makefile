# Needs Python >= 3.11, a stable Rust toolchain and make; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FUZZ_SECONDS ?= 60

RUST_SOURCES := $(shell find rust -name '*.rs' -not -path '*/target/*') $(shell find . -maxdepth 3 -name Cargo.toml -not -path './target/*') Cargo.lock

.PHONY: test demo lint build fuzz bench clean
.DELETE_ON_ERROR:

test: build tests/node/node_modules
	$(BIN)/pytest

# An independent codec to compare with, where there is a node to run it.
tests/node/node_modules: tests/node/package-lock.json
	if command -v npm >/dev/null; then npm ci --prefix tests/node --silent --no-audit --no-fund; fi
	mkdir -p $@ && touch $@

demo: build
	$(BIN)/python examples/demo.py

lint: build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo test --workspace --locked
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest bedrock_frames._core

build: $(VENV)/.built

$(VENV)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1' 'maturin>=1.14,<2'
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

$(VENV)/.built: $(VENV)/.installed $(RUST_SOURCES)
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin develop --release --locked --quiet --extras server
	touch $@

# Mutates frames, mends their checksums, and checks what the codec says of them.
fuzz:
	$(PYTHON) rust/fuzz/seed.py
	mkdir -p rust/fuzz/artifacts/repaired
	cd rust/fuzz && cargo run --quiet --release --locked --bin repaired -- corpus/repaired \
		-max_total_time=$(FUZZ_SECONDS) -artifact_prefix=artifacts/repaired/

clean:
	rm -rf $(VENV) target
