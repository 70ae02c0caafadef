# Needs Python >= 3.11, a stable Rust toolchain and make; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FUZZ_SECONDS ?= 60
# CLIENTS=no tests without real clients, which are fetched and built for minutes.
CLIENTS ?= yes
WITHOUT_CLIENTS := $(if $(filter no,$(CLIENTS)),--ignore=tests/clients)

# Folders of tests that `make quick` leaves out: they run servers, load and the documents' commands.
SLOW := clients server bench docs

RUST_SOURCES := $(shell find rust -name '*.rs' -not -path '*/target/*') $(shell find . -maxdepth 3 -name Cargo.toml -not -path './target/*') Cargo.lock

.PHONY: test quick clients demo lint build wheel bench fuzz clean
.DELETE_ON_ERROR:

# What fails (exit code 1) runs once more, alone: a test that passes then is printed as FLAKY. A test
# that fails twice fails the run, and so does at once whatever is not a failed test: a collection error, a crash.
test: build wheel $(if $(filter no,$(CLIENTS)),,clients) tests/h2spec/bin/h2spec
	$(BIN)/pytest --cache-clear $(WITHOUT_CLIENTS) || { \
		code=$$?; test $$code -eq 1 || exit $$code; \
		echo "Once more, what failed:"; \
		$(BIN)/pytest $(WITHOUT_CLIENTS) --last-failed --last-failed-no-failures=none --second-run; }

# For every few minutes: the tests that take neither real time, real clients nor whole processes.
quick: build
	$(BIN)/pytest -q -m "not realtime" $(SLOW:%=--ignore=tests/%)

# What tests compare with: real clients, each with the dependencies that it asks for, and codecs in
# JavaScript where there is a node to run them. Those that are built take what is fetched by their
# language's own tool: without it, or without a network for it, their tests are skipped.
SDKS := tests/clients/aws_sdk
NO_CLIENT = echo "No $@: tests of this client are skipped" >&2
CLIENTS_TAKE = echo "Fetching and building $(@D): a few minutes for all clients, once; 'make test CLIENTS=no' does without" >&2

clients: .venv-clients/older/.installed .venv-clients/newest/.installed .venv-clients/frameworks/.installed \
	$(SDKS)_js/node_modules tests/clients/frameworks_js/node_modules \
	tests/node/node_modules benches/node/node_modules \
	$(SDKS)_go/bin/client $(SDKS)_java/target/client.jar $(SDKS)_rust/target/debug/client

.venv-clients/%/.installed: tests/clients/%.txt
	@$(CLIENTS_TAKE)
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps -r $<
	touch $@

%/node_modules: %/package-lock.json
	if ! command -v npm >/dev/null || ! npm ci --prefix $* --silent --no-audit --no-fund; then \
		rm -rf $@; $(NO_CLIENT); fi
	mkdir -p $@ && touch $@

# A suite for HTTP/2 servers; without a Go toolchain, or a network for it, its test is skipped.
tests/h2spec/bin/h2spec: tests/h2spec/go.mod tests/h2spec/go.sum
	if cd tests/h2spec && go mod download; then \
		go build -buildvcs=false -o bin/h2spec github.com/summerwind/h2spec/cmd/h2spec; \
	else echo "No $@: its test is skipped" >&2; fi

$(SDKS)_go/bin/client: $(wildcard $(SDKS)_go/*.go) $(SDKS)_go/go.mod $(SDKS)_go/go.sum
	if cd $(SDKS)_go && go mod download; then \
		go build -buildvcs=false -o bin/client .; \
	else $(NO_CLIENT); fi

$(SDKS)_java/target/client.jar: $(wildcard $(SDKS)_java/src/*.java) $(SDKS)_java/pom.xml
	rm -rf $(@D)
	if cd $(SDKS)_java && mvn --quiet -Dstyle.color=never dependency:copy-dependencies; then \
		javac -Xlint:all -Werror -d target/classes -cp 'target/dependency/*' src/*.java && \
		jar --create --file target/client.jar -C target/classes .; \
	else $(NO_CLIENT); fi

$(SDKS)_rust/target/debug/client: $(wildcard $(SDKS)_rust/src/*.rs) $(SDKS)_rust/Cargo.toml $(SDKS)_rust/Cargo.lock
	if cd $(SDKS)_rust && cargo fetch --quiet --locked; then \
		cargo build --quiet --offline --locked && touch target/debug/client; \
	else $(NO_CLIENT); fi

# Measures all that is claimed, on a machine that does nothing else; BENCH chooses.
bench: build benches/node/node_modules
	$(BIN)/python -m benches.run $(BENCH)

# Needs the server and boto3 alone. What pip and cargo say goes to a log, which is shown where they fail.
DEMO_LOG := $(VENV)/demo.log

demo: $(VENV)/.demo
	@$(BIN)/python examples/demo.py

$(VENV)/.demo: pyproject.toml $(RUST_SOURCES)
	@echo "Building bedrock-frames into $(VENV): the first time, this takes a few minutes (log: $(DEMO_LOG))"
	@mkdir -p $(VENV)
	@{ { test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); } && \
		$(BIN)/python -m pip install --upgrade 'pip>=25.1' 'maturin>=1.14,<2' 'boto3>=1.44' && \
		VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin develop --release --locked --extras server; \
	} >$(DEMO_LOG) 2>&1 || { cat $(DEMO_LOG) >&2; exit 1; }
	@touch $@

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
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin develop --release --locked --quiet --extras server,bench
	touch $@

# For the test of the README's installation: pip alone would compile everything again.
wheel: target/wheels/.built

target/wheels/.built: $(VENV)/.built
	rm -rf $(@D)
	$(BIN)/maturin build --release --locked --quiet --interpreter $(BIN)/python --out $(@D)
	touch $@

# Mutates frames, mends their checksums, and checks what the codec says of them.
fuzz:
	$(PYTHON) rust/fuzz/seed.py
	mkdir -p rust/fuzz/artifacts/repaired
	cd rust/fuzz && cargo run --quiet --release --locked --bin repaired -- corpus/repaired \
		-max_total_time=$(FUZZ_SECONDS) -artifact_prefix=artifacts/repaired/

clean:
	rm -rf $(VENV) .venv-clients target $(SDKS)_go/bin $(SDKS)_java/target $(SDKS)_rust/target
