# Needs Python >= 3.11, a stable Rust toolchain and make; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FUZZ_SECONDS ?= 60
# Tests run in so many processes at a time, those that depend on real time aside.
JOBS ?= 2
# CLIENTS=no tests without real clients, which are fetched and built for minutes.
CLIENTS ?= yes
WITHOUT_CLIENTS := $(if $(filter no,$(CLIENTS)),--ignore=tests/clients)

# Folders of tests that `make quick` leaves out: they run servers, load and the documents' commands.
SLOW := clients server bench docs

# What package managers and compilers print goes to a log in target/logs, which is shown where they fail.
QUIETLY := $(CURDIR)/.ci/quietly

RUST_SOURCES := $(shell find rust -name '*.rs' -not -path '*/target/*') $(shell find . -maxdepth 3 -name Cargo.toml -not -path './target/*') Cargo.lock
PYTHON_SOURCES := $(shell find python -name '*.py' -o -name '*.pyi')

.PHONY: test pytest rust-tests pythons quick clients clients-notice claude-code demo lint lint-rust lint-python build wheel bench fuzz clean
.DELETE_ON_ERROR:

test: rust-tests pythons
	@$(MAKE) --no-print-directory pytest

# Tests run on all cores at first, then those that depend on real time, one at a time. What fails (exit
# code 1) runs once more, alone: a test that passes then is printed as FLAKY. A test that fails twice
# fails the run, and so does at once whatever is not a failed test: a collection error, a crash.
PYTEST := $(BIN)/pytest $(WITHOUT_CLIENTS)
PARALLEL := -n $(JOBS) --dist worksteal --max-worker-restart=0

pytest: build target/wheels/.built $(if $(filter no,$(CLIENTS)),,clients) tests/h2spec/bin/h2spec \
	tests/actionlint/bin/actionlint
	@failed=; \
	run() { echo "pytest $$*"; $(PYTEST) "$$@" || { code=$$?; test $$code -eq 1 || exit $$code; failed=yes; }; }; \
	run --cache-clear $(PARALLEL) -m "not realtime"; \
	run -m realtime; \
	test -z "$$failed" || { \
		echo "Once more, what failed:"; \
		$(PYTEST) --last-failed --last-failed-no-failures=none --second-run; }

# For every few minutes: the tests that take neither real time, real clients nor whole processes.
quick: build
	@$(BIN)/pytest -q $(PARALLEL) -m "not realtime and not slow" $(SLOW:%=--ignore=tests/%)

rust-tests:
	cargo test --workspace --locked --quiet

# Every other CPython from 3.11 on that is found, pyenv's included: the framing tests, and served answers.
pythons: $(VENV)/.built
	@$(BIN)/python .ci/pythons.py

# What tests compare with: real clients, each with the dependencies that it asks for, and codecs in
# JavaScript where there is a node to run them. Those that are built take what is fetched by their
# language's own tool: without it, or without a network for it, their tests are skipped.
SDKS := tests/clients/aws_sdk
NO_CLIENT = echo "No $@: tests of this client are skipped" >&2

clients: clients-notice .venv-clients/older/.installed .venv-clients/newest/.installed .venv-clients/frameworks/.installed \
	$(SDKS)_js/node_modules tests/clients/frameworks_js/node_modules \
	tests/node/node_modules benches/node/node_modules \
	$(SDKS)_go/bin/client $(SDKS)_java/target/client.jar $(SDKS)_rust/target/debug/client

clients-notice:
	@test -e .venv-clients/frameworks/.installed || echo "Real clients: 5 to 10 minutes the first time;" \
		"'make -j2 clients' is faster, and 'make test CLIENTS=no' does without" >&2

.venv-clients/%/.installed: tests/clients/%.txt
	@$(PYTHON) -m venv --clear $(@D)
	@$(QUIETLY) clients-$* "Installing the Python clients $*: about a minute" \
		$(@D)/bin/python -m pip install --disable-pip-version-check --no-compile --no-deps -r $<
	@touch $@

%/node_modules: %/package-lock.json
	@$(QUIETLY) npm-$(subst /,-,$*) "Fetching the JavaScript packages of $*: about a minute" \
		npm ci --prefix $* --no-audit --no-fund || { rm -rf $@; $(NO_CLIENT); }
	@mkdir -p $@ && touch $@

# 235 MB, so only on request; without it, its tests are skipped.
claude-code: tests/clients/claude_code/node_modules

# A suite for HTTP/2 servers; without a Go toolchain, or a network for it, its test is skipped.
tests/h2spec/bin/h2spec: tests/h2spec/go.mod tests/h2spec/go.sum
	@if cd tests/h2spec && $(QUIETLY) h2spec-modules "Fetching h2spec" go mod download; then \
		$(QUIETLY) h2spec "Building h2spec: under a minute" \
			go build -buildvcs=false -o bin/h2spec github.com/summerwind/h2spec/cmd/h2spec; \
	else echo "No $@: its test is skipped" >&2; fi

# Reads the workflows as GitHub does.
tests/actionlint/bin/actionlint: tests/actionlint/go.mod tests/actionlint/go.sum
	@if cd tests/actionlint && $(QUIETLY) actionlint-modules "Fetching actionlint" go mod download; then \
		$(QUIETLY) actionlint "Building actionlint: under a minute" \
			go build -buildvcs=false -o bin/actionlint github.com/rhysd/actionlint/cmd/actionlint; \
	else echo "No $@: its test is skipped" >&2; fi

$(SDKS)_go/bin/client: $(wildcard $(SDKS)_go/*.go) $(SDKS)_go/go.mod $(SDKS)_go/go.sum
	@if cd $(SDKS)_go && $(QUIETLY) go-modules "Fetching the Go client's modules" go mod download; then \
		$(QUIETLY) go-client "Building the Go client: about a minute" \
			go build -buildvcs=false -o bin/client .; \
	else $(NO_CLIENT); fi

$(SDKS)_java/target/client.jar: $(wildcard $(SDKS)_java/src/*.java) $(SDKS)_java/pom.xml
	@rm -rf $(@D)
	@if cd $(SDKS)_java && $(QUIETLY) java-client "Fetching the Java client: under a minute" \
		mvn --quiet -Dstyle.color=never dependency:copy-dependencies; then \
		javac -Xlint:all -Werror -d target/classes -cp 'target/dependency/*' src/*.java && \
		jar --create --file target/client.jar -C target/classes .; \
	else $(NO_CLIENT); fi

$(SDKS)_rust/target/debug/client: $(wildcard $(SDKS)_rust/src/*.rs) $(SDKS)_rust/Cargo.toml $(SDKS)_rust/Cargo.lock
	@if cd $(SDKS)_rust && $(QUIETLY) rust-crates "Fetching the Rust client's crates" cargo fetch --locked; then \
		$(QUIETLY) rust-client "Building the Rust client: 2 to 4 minutes" cargo build --offline --locked && \
			touch target/debug/client; \
	else $(NO_CLIENT); fi

# Measures all that is claimed, on a machine that does nothing else; BENCH chooses.
bench: build benches/node/node_modules
	$(BIN)/python -m benches.run $(BENCH)

# Needs the server and boto3 alone.
demo: $(VENV)/.demo
	@$(BIN)/python examples/demo.py

$(VENV)/.demo: pyproject.toml $(RUST_SOURCES)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(QUIETLY) demo-tools "Installing build tools and boto3 into $(VENV)" $(BIN)/python -m pip install --upgrade \
		'pip>=25.1' 'maturin>=1.14,<2' 'boto3>=1.44'
	@$(BUILD) server
	@touch $@

# With link-time optimisation over all crates: most of it runs on one core.
# ZIG=yes builds what is installed, tested and packed as it is published: zig links it against an old glibc.
# Both take the same options and the same interpreter, so that nothing is compiled twice.
ZIG ?= no
ZIG_OPTIONS := --locked --zig --strip --compatibility manylinux_2_28
WITH_ZIG := env PATH="$(CURDIR)/$(BIN):$$PATH"
BUILD = $(QUIETLY) build "Building bedrock-frames into $(VENV): $(BUILD_TAKES)" \
	$(if $(filter yes,$(ZIG)),$(BUILD_WITH_ZIG),$(BUILD_HERE))
BUILD_HERE = env VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin develop --release --locked --extras
BUILD_WITH_ZIG = $(WITH_ZIG) sh -c '$(BIN)/python -m pip install ziglang && $(BIN)/python -m pip install \
	--no-build-isolation -C build-args="$(ZIG_OPTIONS)" -e ".[$$1]"' build
BUILD_TAKES := 3 to 6 minutes the first time, 1 to 2 after a change in Rust

lint: lint-rust lint-python

lint-rust:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
	@# Compiled for a free-threaded Python too: CI may have none to run.
	PYO3_CONFIG_FILE=$(CURDIR)/rust/python/free-threaded.txt \
		cargo clippy --package bedrock-frames-python --lib --locked --quiet -- -D warnings

lint-python: build
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest bedrock_frames._core

build: $(VENV)/.built

$(VENV)/.installed: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(QUIETLY) build-tools "Installing build tools into $(VENV)" \
		$(BIN)/python -m pip install --upgrade 'pip>=25.1' 'maturin>=1.14,<2'
	@$(QUIETLY) test-tools "Installing test tools into $(VENV): about a minute" \
		$(BIN)/python -m pip install --group dev
	@touch $@

$(VENV)/.built: $(VENV)/.installed $(RUST_SOURCES)
	@$(BUILD) server,bench
	@touch $@

# As it is published, for systems older than this one too.
wheel: target/manylinux/.built

target/manylinux/.built: $(VENV)/.installed $(if $(filter yes,$(ZIG)),$(VENV)/.built) $(RUST_SOURCES) $(PYTHON_SOURCES)
	@$(QUIETLY) zig "Installing zig into $(VENV)" $(BIN)/python -m pip install ziglang
	@rm -rf $(@D)
	@$(QUIETLY) manylinux "Building the manylinux wheel: minutes, unless with ZIG=yes" \
		$(WITH_ZIG) $(BIN)/maturin build --release $(ZIG_OPTIONS) \
		--interpreter $(CURDIR)/$(BIN)/python --out $(@D)
	@touch $@

# For tests that install a wheel: this system's, of what is built already.
target/wheels/.built: $(VENV)/.built $(PYTHON_SOURCES)
	@rm -rf $(@D)
	@$(QUIETLY) wheel "Packing the wheel" \
		$(BIN)/maturin build --release --locked --interpreter $(BIN)/python --out $(@D)
	@touch $@

# Mutates frames, mends their checksums, and checks what the codec says of them.
fuzz:
	$(PYTHON) rust/fuzz/seed.py
	mkdir -p rust/fuzz/artifacts/repaired
	cd rust/fuzz && cargo run --quiet --release --locked --bin repaired -- corpus/repaired \
		-max_total_time=$(FUZZ_SECONDS) -artifact_prefix=artifacts/repaired/

clean:
	rm -rf $(VENV) .venv-clients .venv-pythons target $(SDKS)_go/bin $(SDKS)_java/target $(SDKS)_rust/target
