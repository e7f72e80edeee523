# Farebox. `make help` lists what there is.
SHELL := /bin/bash
GO    ?= go
LINT  := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
FUZZTIME ?= 10s
# Every package but the stories, which are never cached.
UNIT  = $$($(GO) list ./... | grep -v '/e2e$$')

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: build
build: ## build bin/farebox (no cgo)
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/farebox ./cmd/farebox

.PHONY: demo
demo: ## real calls through a real Envoy to a real model: cost per team (ARGS=--once ends by itself)
	CGO_ENABLED=0 $(GO) run ./e2e/demo $(ARGS)

.PHONY: test
test: need-gcc parts ## all tests with the race detector, the e2e stories included (needs gcc)
	$(GO) test -race -timeout 60m $(UNIT)
	$(GO) test -race -count=1 -timeout 60m ./e2e

.PHONY: unit
unit: need-gcc ## all tests but the e2e stories
	$(GO) test -race $(UNIT)

.PHONY: e2e
e2e: need-gcc parts ## the e2e stories alone, against a real Envoy
	$(GO) test -race -count=1 -v -timeout 60m ./e2e

.PHONY: parts
parts: ## fetch Envoy, the test model and official clients into .cache (pinned, hashes checked)
	$(GO) run ./e2e/harness/fetch

# $(call debian,CONDITION,WHAT,PACKAGES,AFTER) installs packages where the condition
# fails, and then does what comes after.
sudo   = $$([ "$$(id -u)" = 0 ] || echo sudo)
debian = @if $(1); then echo "deps: $(2) is here"; else echo "deps: installing $(3) from Debian"; \
	  $(sudo) apt-get update -q && $(sudo) apt-get install -qy --no-install-recommends $(3) $(if $(4),&& $(4)); fi
# Debian starts a service that the tests do not use.
unstarted = { ! test -d /run/systemd/system || $(sudo) systemctl disable --now $(1); }

.PHONY: deps
deps: ## install Node.js, npm, redis-server and Alertmanager from Debian where there are none (stories and tests need them)
	$(call debian,command -v node >/dev/null && command -v npm >/dev/null,Node.js with npm,nodejs npm)
	$(call debian,command -v redis-server >/dev/null || command -v valkey-server >/dev/null,a Redis server,redis-server)
	$(call debian,command -v prometheus-alertmanager >/dev/null || command -v alertmanager >/dev/null,Alertmanager,prometheus-alertmanager,$(call unstarted,prometheus-alertmanager))

.PHONY: prices
prices: ## make the built-in price table and docs/prices-lint.md of their pinned sources
	$(GO) run ./policy/price/generate

.PHONY: oracle
oracle: ## hold prices against the calculators of litellm and genai-prices, which are fetched into .cache
	ORACLE=1 $(GO) test -count=1 -run TestOracle -v ./policy/price

.PHONY: conformance
conformance: ## dialects against recorded answers of providers (FAREBOX_SAMPLES names their archive)
	@test -n "$$FAREBOX_SAMPLES" || { echo "FAREBOX_SAMPLES is not set: it names the archive of recorded answers"; exit 1; }
	$(GO) test -count=1 -v -run 'TestRecordings|TestCountedText|TestGuessedText|TestGuessedBounds' ./tokenizer/dialects

.PHONY: bench
bench: ## CPU per call of Farebox with budgets and without, a no-op processor and Envoy alone (ARGS="-o json")
	CGO_ENABLED=0 $(GO) run ./e2e/bench $(ARGS)

.PHONY: bench-budgets
bench-budgets: ## what it takes to reserve and settle a call against five budgets, in memory and over Redis
	CGO_ENABLED=0 $(GO) test -run '^$$' -bench 'Memory|ReserveAndSettle|Leases' ./policy/budget ./policy/budget/redisstore

.PHONY: fuzz
fuzz: need-gcc ## each fuzz target for FUZZTIME (10s); what reaches new code is kept in .cache/fuzz and tried first next time
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$pkg -args -test.fuzzcachedir=$(CURDIR)/.cache/fuzz/$$pkg; \
	  done; done

.PHONY: lint
lint: ## format, vet and linters
	@test -z "$$(gofmt -l . )" || { echo "not gofmt'ed:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(LINT) run --allow-parallel-runners ./...

.PHONY: check
check: lint test ## lint, test, and a tree that stays clean
	@test -z "$$(git status --porcelain)" || { git status --short; exit 1; }

.PHONY: need-gcc
need-gcc:
	@command -v gcc >/dev/null || { echo "the race detector needs gcc (Debian: apt-get install gcc libc6-dev)"; exit 1; }
