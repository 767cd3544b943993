# `make help` lists the targets. Everything runs with Go, make and git alone, but for interop
# (Debian packages) and docker.
GO         ?= go
FUZZTIME   ?= 30s
BENCH      ?= .
CRASHES    ?= 5000
CONNS      ?= 1000000
BENCHTIME  ?= 1s
STATICCHECK = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
COMMIT     := $(shell git rev-parse --short=12 HEAD 2>/dev/null)
LDFLAGS     = -X main.commit=$(COMMIT) -buildid=
GOVULNCHECK = $(GO) run golang.org/x/vuln/cmd/govulncheck@v1.3.0

.PHONY: all build run test unit race vuln soak internet leak attack lint fuzz bench bench-rosters bench-store bench-xml bench-idle bench-million bench-chat bench-peers profile cover interop demo-roster docker clean help

all: build

build: ## build bin/; the same commit gives the same bytes anywhere
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

run: build ## build, and serve on the built-in configuration or ./roost.conf
	./bin/roost serve

test: lint unit race ## everything that needs no network beyond the module proxy, and no root

lint: ## formatting, vet, staticcheck
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "gofmt these files:"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(STATICCHECK) ./...

unit: ## tests without the race detector: allocation budgets count only here
	$(GO) test ./...

race: ## tests under the race detector, which also scribbles over returned buffers
	$(GO) test -race ./...

vuln: ## known faults in what is linked in; says so when the database cannot be reached
	@out=$$($(GOVULNCHECK) ./... 2>&1); code=$$?; echo "$$out"; \
	case "$$code $$out" in 0*) ;; *"no such host"*|*"dial tcp"*|*"connection refused"*|*"Forbidden"*|*"i/o timeout"*) \
	  echo "skipped: the vulnerability database cannot be reached";; *) exit $$code;; esac

soak: ## kill the store's process CRASHES (5000) times; every acknowledged change must be there
	ROSTERDB_CRASHES=$(CRASHES) $(GO) test -count=1 -timeout 0 -run '^TestCrash$$' -v ./rosterdb

INTERNET       ?= 1000
INTERNET_WAVES ?= 50
internet: ## INTERNET (1000) domains in one process write to each other while links are cut and servers restarted
	ROOST_INTERNET_DOMAINS=$(INTERNET) ROOST_INTERNET_WAVES=$(INTERNET_WAVES) $(GO) test -count=1 -timeout 0 -run '^TestInternet$$' -v ./router/s2s

leak: ## CONNS (1000000) connections and a tenth as many sessions come and go; nothing may be left
	ROOST_CONNS=$(CONNS) $(GO) test -count=1 -timeout 0 -run '^(TestLeak|TestHalfHandshakes)$$' -v ./netio ./router/c2s

ATTACK          ?= 20s
ATTACK_SESSIONS ?= 1000
attack: ## each abuse for ATTACK (20s) beside ATTACK_SESSIONS (1000) ordinary sessions: latency, memory, what is left
	ROOST_ATTACK=$(ATTACK) ROOST_ATTACK_SESSIONS=$(ATTACK_SESSIONS) $(GO) test -count=1 -timeout 0 -run '^TestAttack$$' ./cmd/roost

fuzz: ## every fuzz target for FUZZTIME (30s)
	@for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	    echo "== $$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
	  done; \
	done

bench: ## benchmarks with allocations: BENCH=regexp BENCHTIME=1s
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem ./...

bench-rosters: ## rosters: get, set (beside the bare disk), pushes, bulk load, logins with 30 and 1000 contacts, resident memory
	$(GO) test -run '^$$' -bench '^Benchmark(Read|Set|Subscription|Since|Load100000)$$' -benchmem ./rosterdb
	$(GO) test -run '^$$' -bench '^Benchmark(RosterGet|Push)$$' ./router/roster
	$(GO) test -run '^$$' -bench '^BenchmarkRosterLogin$$' -benchtime 3s ./cmd/roost
	$(GO) test -run '^$$' -bench '^BenchmarkStoreMemory$$' -benchtime 1x ./cmd/roost

STORE_USERS ?= 1000000
STORE_READS ?= 500000
bench-store: ## resident memory and start of a server with STORE_USERS (1000000) rosters of 30; 1.7 GB under TMPDIR, removed afterwards
	ROOST_STORE_USERS=$(STORE_USERS) ROOST_STORE_READS=$(STORE_READS) $(GO) test -timeout 1h -run '^$$' -bench '^BenchmarkStoreMemory$$' -benchtime 1x ./cmd/roost

bench-xml: ## the tokenizer beside encoding/xml and libexpat (needs cc and libexpat1-dev)
	$(GO) test -run '^$$' -bench Corpus -benchmem ./xmlstream
	sh bench/xmlcorpus/expat.sh

bench-idle: build ## memory of idle sessions, CPU of logins: Roost, and peers that are installed (SCALE=small for short runs)
	bash bench/run.sh idle

bench-million: ## a million sessions in one process without sockets, and 90 000 with sockets in five (5 minutes, 2 GB)
	$(GO) test -timeout 1h -run '^$$' -bench '^BenchmarkMillion$$' -benchtime 1x ./router/c2s
	ROOST_IDLE_SERVERS=5 ROOST_IDLE_SESSIONS=18000 $(GO) test -timeout 1h -run '^$$' -bench '^BenchmarkIdleProcess$$/tls=false' -benchtime 1x ./cmd/roost

bench-chat: build ## throughput, latency and CPU of messages and presence, likewise; beside a bare relay on the same loops
	bash bench/run.sh chat
	$(GO) test -run '^$$' -bench '^BenchmarkRelay$$' -benchtime 1x ./cmd/roost

bench-peers: build ## all of that against Roost, Prosody and ejabberd in turn (installed when root), into bench/RESULTS.md and a page; QUICK=1 in ten minutes
	bash bench/peers.sh

profile: ## CPU and memory profile of the routing benchmarks, into *.prof
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchtime 3s -cpuprofile cpu.prof -memprofile mem.prof -o router.test ./router
	@echo "look with: $(GO) tool pprof router.test cpu.prof"

cover: ## coverage over all packages, into cover.html
	$(GO) test -coverpkg=./... -coverprofile=cover.out ./...
	$(GO) tool cover -html=cover.out -o cover.html
	@$(GO) tool cover -func=cover.out | tail -1

interop: build ## real clients from Debian packages against bin/roost
	bash bench/interop/run.sh

demo-roster: build ## a web application that owns rosters, with a Roost and two XMPP clients: open the page that it prints
	$(GO) build -trimpath -o bin/demoroster ./bench/demoroster
	./bin/demoroster -roost bin/roost

docker: ## container image roost:latest
	docker build -f packaging/Dockerfile -t roost:latest .

clean: ## remove what was built
	rm -rf bin cover.out cover.html *.prof *.test

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12
