# make demo and make test do all the set-up they need; see README.md.
SWIFT ?= swift
PREFIX ?= /usr/local
RELEASE := .build/release

.PHONY: build demo test bench lint format install clean setup

build: setup
	$(SWIFT) build -c release --product daybook

demo: build
	$(RELEASE)/daybook demo .build/demo

# The tests run the release build, and the command beside it.
test: setup lint
	$(SWIFT) build -c release --build-tests $(SWIFT_FLAGS)
	$(SWIFT) test -c release --skip-build $(SWIFT_FLAGS) $(TEST_FLAGS)

# One table of medians against PostgreSQL's own COPY; BENCH_FLAGS="--json" for machines.
bench: build
	$(SWIFT) build -c release --product Benchmarks
	$(RELEASE)/Benchmarks $(BENCH_FLAGS)

lint:
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests

format:
	$(SWIFT) format --in-place --recursive Package.swift Sources Tests

# One binary that needs no checkout and no Swift. Time zones live in a part of Foundation that the linker
# drops from a static binary unless it is asked for by name.
install: setup
	$(SWIFT) build -c release --product daybook --static-swift-stdlib --scratch-path .build/static \
		-Xlinker -u -Xlinker '$$s30FoundationInternationalization12_TimeZoneICUCMn' -Xlinker -s
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 .build/static/release/daybook $(DESTDIR)$(PREFIX)/bin/daybook

clean:
	rm -rf .build

# Installs libpq's headers and PostgreSQL on Debian and its kin where they are missing.
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
	have() { command -v "$$1" >/dev/null; }; \
	need=""; \
	have_libpq || need="$$need libpq-dev"; \
	have_server || need="$$need postgresql"; \
	[ -z "$$need" ] && exit 0; \
	if have apt-get; then \
		sudo=""; [ "$$(id -u)" = 0 ] || sudo="sudo"; \
		echo "installing$$need"; \
		$$sudo apt-get update -q && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy pkg-config $$need; \
	else \
		echo "missing:$$need (Debian's names): install PostgreSQL 14 or later and libpq's headers," \
			"for instance with: brew install postgresql@16 libpq" >&2; exit 1; \
	fi
