# make demo and make test do all the set-up they need, and make test-citus URL=… all but the server; see README.md.
SWIFT ?= swift
PREFIX ?= /usr/local
RELEASE := .build/release

.PHONY: build demo test test-citus torture bench fuzz sanitize lint format install clean setup

# Of a test that crashes, the top of the stack is what one reads; without this, it is far above the libraries' list.
export SWIFT_BACKTRACE ?= images=none,registers=none,threads=crashed,limit=16,top=0

build: setup
	$(SWIFT) build -c release --product daybook

demo: build
	$(RELEASE)/daybook demo .build/demo

# The tests run the release build, and the command beside it.
test: setup lint
	$(SWIFT) build -c release --build-tests $(SWIFT_FLAGS)
	$(SWIFT) test -c release --skip-build $(SWIFT_FLAGS) $(TEST_FLAGS)

# The same tests with their databases on a server that has Citus, made and dropped there by the user of URL; tests that
# stop their server or fill its disk still start their own. Whether the server will do is tried first, and told once.
TEST_EXTENSIONS ?= citus
test-citus:
	@case '$(URL)' in postgres://*|postgresql://*) ;; *) \
		echo "give the server: make test-citus URL=postgresql://USER@HOST:PORT/DATABASE" >&2; exit 1;; esac
	@$(MAKE) --no-print-directory setup lint
	$(SWIFT) build -c release --build-tests $(SWIFT_FLAGS)
	@export DAYBOOK_TEST_SERVER='$(URL)' DAYBOOK_TEST_EXTENSIONS='$(TEST_EXTENSIONS)'; \
	$(SWIFT) test -c release --skip-build $(SWIFT_FLAGS) --filter TestDatabaseTests || { \
		echo "no test was run: URL is to name a superuser, on a server that has $(TEST_EXTENSIONS)" >&2; exit 1; }; \
	$(SWIFT) test -c release --skip-build $(SWIFT_FLAGS) $(TEST_FLAGS)

# Kills the program, its connections and its server a few hundred times, and fills disks (as root, on Linux); lets an API
# fail in 1,000 random ways; rotates and compresses logs in 10,000 random ways; reads through 100 runs; restates 5,000
# random histories.
TORTURE_TESTS ?= CrashTests|CommandLoadTests|RotationTests|HTTPFaultTests|ReaderTests|RestatementPropertyTests
torture: setup
	$(SWIFT) build -c release --build-tests $(SWIFT_FLAGS)
	DAYBOOK_TORTURE=1 $(SWIFT) test -c release --skip-build --filter '$(TORTURE_TESTS)' $(SWIFT_FLAGS) $(TEST_FLAGS)

# One table of medians against PostgreSQL's own COPY; BENCH_FLAGS="--json" for machines.
bench: build
	$(SWIFT) build -c release --product Benchmarks
	$(RELEASE)/Benchmarks $(BENCH_FLAGS)

# Gives the parsers mutated input for FUZZ_SECONDS: by libFuzzer under the address sanitizer where the toolchain has
# them, else by seeded mutation. A find lands in .build/fuzz/finds; in FUZZ_INPUTS, a test replays it.
# Leaks are not looked for: the leak detector takes Swift's tagged pointers to globals for leaks.
FUZZ_SECONDS ?= 60
FUZZ_SEED ?= 1
FUZZ_BUILD := $(SWIFT) build -c release --product Fuzz --scratch-path .build/fuzz
FUZZ_INPUTS := Tests/EventsTests/Fixtures/inputs
LIBFUZZER := -Xswiftc -sanitize=fuzzer,address -Xswiftc -DLIBFUZZER -Xswiftc -g \
	$(if $(filter Linux,$(shell uname)),-Xswiftc -use-ld=lld)
fuzz:
	@mkdir -p .build/fuzz/corpus .build/fuzz/finds
	@if $(FUZZ_BUILD) $(LIBFUZZER) >.build/fuzz/build.log 2>&1; then \
		echo "fuzzing with libFuzzer and the address sanitizer for $(FUZZ_SECONDS) s"; \
		SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0 .build/fuzz/release/Fuzz -max_len=4096 -timeout=10 \
			-print_final_stats=1 -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=.build/fuzz/finds/ \
			.build/fuzz/corpus $(FUZZ_INPUTS) >.build/fuzz/fuzz.log 2>&1 \
		&& grep -a '^stat::' .build/fuzz/fuzz.log \
		|| { grep -avE 'NEW|REDUCE|pulse' .build/fuzz/fuzz.log | tail -n 60; exit 1; }; \
	else \
		echo "fuzzing with seeded mutations for $(FUZZ_SECONDS) s: no libFuzzer here, see .build/fuzz/build.log"; \
		{ $(FUZZ_BUILD) --sanitize=address >>.build/fuzz/build.log 2>&1 || $(FUZZ_BUILD); } && \
		ASAN_OPTIONS=detect_leaks=0 .build/fuzz/release/Fuzz $(FUZZ_SECONDS) $(FUZZ_SEED) .build/fuzz/finds $(FUZZ_INPUTS); \
	fi

# The tests under the address sanitizer and under the thread sanitizer, as release builds. Leaks are not looked for,
# as above, and because XCTest itself has some.
SANITIZE_TESTS ?= PostgresTests|EventsTests|ExtractTests|WarehouseTests|PipelineTests
sanitize: sanitize-address sanitize-thread
sanitize-%: setup
	$(SWIFT) build -c release --build-tests --sanitize=$* --scratch-path .build/sanitize-$*
	SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0 $(SWIFT) test -c release --skip-build --sanitize=$* \
		--scratch-path .build/sanitize-$* --filter '$(SANITIZE_TESTS)'

lint:
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests

format:
	$(SWIFT) format --in-place --recursive Package.swift Sources Tests

# One binary that needs no checkout and no Swift. Time zones live in a part of Foundation that the linker
# drops from a static binary unless it is asked for by name.
# Foundation speaks HTTP through libcurl, which like libpq stays a library of the system; without its -dev package there is
# no file of the name that the linker looks for.
install: setup
	@mkdir -p .build/lib
	@curl="$$(PATH="$$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null | sed -n 's/.*libcurl\.so\.4 .*=> //p' | head -n 1)"; \
		[ -z "$$curl" ] || ln -sf "$$curl" .build/lib/libcurl.so
	$(SWIFT) build -c release --product daybook --static-swift-stdlib --scratch-path .build/static \
		-Xlinker -L"$(CURDIR)/.build/lib" -Xlinker -u -Xlinker '$$s30FoundationInternationalization12_TimeZoneICUCMn' -Xlinker -s
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 .build/static/release/daybook $(DESTDIR)$(PREFIX)/bin/daybook

clean:
	rm -rf .build

# Installs libpq's headers and PostgreSQL on Debian and its kin where they are missing.
# Compressed files are read by installed programs; igzip (isal) is several times faster than gzip, and welcome.
setup:
	@command -v $(SWIFT) >/dev/null || { \
		echo "Swift 6 is missing: see https://www.swift.org/install" >&2; exit 1; }
	@have_server() { \
		command -v pg_ctl >/dev/null || ls /usr/lib/postgresql/*/bin/pg_ctl >/dev/null 2>&1 \
			|| ls /opt/homebrew/opt/postgresql*/bin/pg_ctl /usr/local/opt/postgresql*/bin/pg_ctl >/dev/null 2>&1; }; \
	have_libpq() { \
		ls /usr/include/postgresql/libpq-fe.h /usr/include/libpq-fe.h >/dev/null 2>&1 \
			|| ls /opt/homebrew/opt/libpq/include/libpq-fe.h /usr/local/opt/libpq/include/libpq-fe.h >/dev/null 2>&1 \
			|| pkg-config --exists libpq 2>/dev/null; }; \
	have_curl() { \
		[ "$$(uname)" != Linux ] || PATH="$$PATH:/sbin:/usr/sbin" ldconfig -p | grep -q 'libcurl\.so\.4'; }; \
	have() { command -v "$$1" >/dev/null; }; \
	need=""; \
	have_libpq || need="$$need libpq-dev"; \
	have_server || need="$$need postgresql"; \
	have_curl || need="$$need libcurl4"; \
	for tool in gzip bzip2 zstd xz:xz-utils; do have "$${tool%%:*}" || need="$$need $${tool##*:}"; done; \
	if ! have igzip && have apt-get; then \
		sudo=""; [ "$$(id -u)" = 0 ] || sudo="sudo"; \
		$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy isal >/dev/null 2>&1 || true; \
	fi; \
	[ -z "$$need" ] && exit 0; \
	if have apt-get; then \
		sudo=""; [ "$$(id -u)" = 0 ] || sudo="sudo"; \
		echo "installing$$need"; \
		$$sudo apt-get update -q && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy pkg-config $$need; \
	else \
		echo "missing:$$need (Debian's names): install PostgreSQL 14 or later and libpq's headers," \
			"for instance with: brew install postgresql@16 libpq" >&2; exit 1; \
	fi
