#!/usr/bin/env bash
# Roost beside its peers: `make bench-peers`, with QUICK=1 in ten minutes.
#
#   bench/peers.sh [all|report]
#
# Prosody and ejabberd are installed from Debian packages where they are missing and this is root; what then still is missing
# is left out. Every server runs the same scenarios in turn (bench/run.sh; ROUNDS, SERVERS, TLS_MODES and OUT as there), on free ports, with data of its
# own. Then `report` writes OUT/peers.html and bench/RESULTS.md (RESULTS) from the results that are in OUT. NOTE is a sentence about this
# run for RESULTS.md: what else the machine did, say.
set -euo pipefail
cd "$(dirname "$0")/.."
export ROOST=${ROOST:-$PWD/bin/roost} BENCH=${BENCH:-$PWD/bin/roost-bench} OUT=${OUT:-$PWD/bench/out/peers}
export SERVERS=${SERVERS:-roost prosody ejabberd} SCALE=${QUICK:+quick}
export SCALE=${SCALE:-full} ROUNDS=${ROUNDS:-$((${QUICK:+1} + 0 ? 1 : 3))}
RESULTS=${RESULTS:-bench/RESULTS.md}

readonly policy=/usr/sbin/policy-rc.d
policy_made=
unmake_policy() {
    [ -z "$policy_made" ] || rm -f "$policy"
    policy_made=
}
trap unmake_policy EXIT

# install_missing puts in the packages of the servers that were asked for.
install_missing() {
    local server log packages=()
    for server in $SERVERS; do
        case $server in
        prosody) command -v prosody >/dev/null || packages+=(prosody) ;;
        ejabberd) command -v ejabberdctl >/dev/null || packages+=(ejabberd) ;;
        esac
    done
    command -v openssl >/dev/null || packages+=(openssl)
    [ ${#packages[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "not installed, and this is not root with apt-get: ${packages[*]}" >&2
        return 0
    fi
    echo "installing ${packages[*]}" >&2
    # The service that a package brings along must not start: these runs have their own ports. A policy that is there stays.
    if [ ! -e "$policy" ]; then
        policy_made=1
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
    fi
    log=$(mktemp)
    if ! { DEBIAN_FRONTEND=noninteractive timeout 300 apt-get -qq update &&
        DEBIAN_FRONTEND=noninteractive timeout 600 apt-get -qq install -y --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
        echo "apt-get could not; these are left out. Its last words:" >&2
        tail -3 "$log" >&2
    fi
    rm -f "$log"
    unmake_policy
}

# versions prints NAME VERSION, a line each.
versions() {
    "$ROOST" version | head -1
    dpkg-query -W -f '${Package} ${Version}, Debian package\n' prosody ejabberd 2>/dev/null || true
}

# preface prints what RESULTS.md says before the tables.
preface() {
    cat <<EOT
# Roost beside its peers

Written by \`make bench-peers\`; made on $(date -u -r "$OUT/command" +%Y-%m-%d) by

    $(cat "$OUT/command")

with

$(versions | sed 's/^/- /')

Each server was started afresh for each run, alone, with accounts of its own, tuned as its manual says (servers/*.sh), and they took turns. Every
figure is the median over the runs, with the extremes in brackets, or a fitted slope with its standard error.

How to read them:

- CPU is user and system time of the server's processes, bytes are resident memory over the number of sessions; neither contains the load
  tester, which makes the same load for all.
- In a closed loop (chat; presence with rate 0) the load tester sends as fast as answers come, and both share the
  machine's processors. Rates and latencies there are those of the pair. Where the server takes all that is left, the rate is the server's; a
  server that takes a few microseconds for a message leaves the load tester as the bottleneck, and its rate is a lower bound.
- CPU for each message falls with the load, because what has gathered is sent with one call: compare rows of the same scenario.
- \`bytes per socket: kernel\` is read of the whole machine, so that other work shows; it is the kernel's and alike for all.
EOT
    if [ -s "$OUT/note" ]; then printf '\n%s\n' "$(cat "$OUT/note")"; fi
    echo
}

report() {
    local list
    mapfile -t list < <(find "$OUT" -name result.json -printf '%T@ %p\n' | sort -n | cut -d' ' -f2-) # as they were run
    [ ${#list[@]} -gt 0 ] || { echo "bench/peers.sh: no result in $OUT" >&2; exit 1; }
    "$BENCH" report --title "Roost beside its peers" -o "$OUT/peers.html" "${list[@]}"
    { preface && "$BENCH" report --markdown "${list[@]}"; } >"$OUT/RESULTS.md"
    mv "$OUT/RESULTS.md" "$RESULTS"
    echo "wrote $OUT/peers.html and $RESULTS"
}

case ${1:-all} in
all)
    install_missing
    rm -rf "$OUT" && mkdir -p "$OUT"
    echo "QUICK=${QUICK:-} ROUNDS=$ROUNDS SERVERS=\"$SERVERS\" TLS_MODES=\"${TLS_MODES:-none starttls}\" make bench-peers" >"$OUT/command"
    echo "${NOTE:-}" >"$OUT/note"
    bash bench/run.sh peers &
    trap 'kill $! 2>/dev/null; exit 130' INT TERM # it ends its server
    wait $!
    report
    ;;
report) report ;;
*) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
