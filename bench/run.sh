#!/usr/bin/env bash
# Runs scenarios against every server that is installed, each started afresh, and prints one table. Used by
# `make bench-idle`, `make bench-chat` and, for both, bench/peers.sh:
#
#   bench/run.sh idle|chat|peers
#
# SERVERS ("roost prosody"; roost-classic is Roost with tls_key_exchange = classic) and TLS_MODES ("none starttls") choose; the results stay in OUT (bench/out). SCALE=small makes
# short runs of a tenth of the size, RESUME=on has TLS sessions resumed. ROUNDS repeats all of it, the servers the other way round
# in each second round; from the second on the results stay in directories that end in its number.
set -euo pipefail
cd "$(dirname "$0")/.."
ROOT=$PWD
ROOST=${ROOST:-$ROOT/bin/roost}
BENCH=${BENCH:-$ROOT/bin/roost-bench}
OUT=${OUT:-$ROOT/bench/out}
SERVERS=${SERVERS:-roost prosody ejabberd}
TLS_MODES=${TLS_MODES:-none starttls}
SCALE=${SCALE:-full}
RESUME=${RESUME:-off}
ROUNDS=${ROUNDS:-1}
DOMAIN=localhost
PID=

# Rows: name, accounts, contacts, scenario, its variables.
rows() {
    case $1/$SCALE in
    idle/full) echo "idle 12000 0 idle users=12000,from=2000,steps=5,quiet=15s,hold=20s" ;;
    idle/small) echo "idle 1200 0 idle users=1200,from=200,steps=5,quiet=2s,hold=2s" ;;
    chat/full)
        echo "chat-100x1 200 0 chat users=200,window=1"
        echo "chat-100x16 200 0 chat users=200,window=16"
        echo "chat-2000x1 4000 0 chat users=4000,window=1"
        echo "chat-2000x16 4000 0 chat users=4000,window=16"
        echo "presence 1000 20 presence users=1000,contacts=20"
        echo "presence-closed 1000 20 presence users=1000,contacts=20,rate=0,window=1"
        ;;
    chat/small)
        echo "chat-10x1 20 0 chat users=20,window=1,hold=2s"
        echo "chat-10x16 20 0 chat users=20,window=16,hold=2s"
        echo "presence 100 20 presence users=100,contacts=20,rate=200,hold=2s"
        echo "presence-closed 100 20 presence users=100,contacts=20,rate=0,window=1,hold=2s"
        ;;
    peers/quick) # smaller and shorter; servers give memory back some seconds after logins
        echo "idle 6000 0 idle users=6000,from=1500,steps=4,quiet=8s,hold=2s"
        echo "chat-100x1 200 0 chat users=200,window=1,hold=3s"
        echo "chat-100x16 200 0 chat users=200,window=16,hold=3s"
        echo "chat-2000x1 4000 0 chat users=4000,window=1,hold=3s"
        echo "chat-2000x16 4000 0 chat users=4000,window=16,hold=3s"
        echo "presence 1000 20 presence users=1000,contacts=20,hold=3s"
        echo "presence-closed 1000 20 presence users=1000,contacts=20,rate=0,window=1,hold=3s"
        ;;
    peers/*) rows idle && rows chat ;;
    *) echo "bench/run.sh: there is no $1 at SCALE=$SCALE; use idle, chat or peers, full or small" >&2; exit 2 ;;
    esac
}

stop() {
    [ -n "$PID" ] || return 0
    kill "$PID" 2>/dev/null || true
    for _ in $(seq 50); do # some wait for their clients, who are gone
        kill -0 "$PID" 2>/dev/null || break
        sleep 0.1
    done
    kill -9 "$PID" 2>/dev/null || true
    wait "$PID" 2>/dev/null || true
    PID=
    rm -rf "$WORK"
}
trap stop EXIT

# free_port sets PORT to one on which nobody listens, below those that connections come from.
free_port() {
    PORT=$((20000 + RANDOM % 10000))
    while (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; do PORT=$((PORT + 1)); done
}

# start SERVER: configures and starts it in a directory of its own, and waits until it listens.
start() {
    WORK=$(mktemp -d)
    free_port
    cd "$WORK"
    target_configure >configure.log 2>&1 || { cat configure.log >&2; exit 1; }
    (target_serve) >serve.log 2>&1 &
    PID=$!
    cd "$ROOT"
    for _ in $(seq 100); do
        kill -0 "$PID" 2>/dev/null || break
        if (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then return 0; fi
        sleep 0.1
    done
    echo "bench/run.sh: $1 does not listen on port $PORT:" >&2
    tail -20 "$WORK/serve.log" >&2
    exit 1
}

# measure SERVER MODE DIR SCENARIO VARIABLES: one run, its result into DIR. A run that fails is a result, too.
measure() {
    start "$1"
    rm -f "$3/result.json"
    "$BENCH" run "$4" -q -a "127.0.0.1:$PORT" -d "$DOMAIN" --tls "$2" --resume "$RESUME" --set "$5" --pid "$PID" \
        --label "$1 $2" -o "$3" >"$WORK/run.log" || grep -E '^(error|FAILED)' "$WORK/run.log" >&2 || tail -3 "$WORK/run.log" >&2
    [ -f "$3/result.json" ] || exit 1
    stop
}

# round NUMBER WHAT SERVER…
round() {
    local number=$1 list name scenario vars mode results server dir
    list=$(rows "$2")
    shift 2
    while read -r name USERS CONTACTS scenario vars; do
        results=()
        for mode in $TLS_MODES; do
            for server; do
                [ -f "bench/servers/$server.sh" ] || continue
                . "bench/servers/$server.sh"
                if ! target_here; then continue; fi
                dir=$OUT/$name/$server-$mode
                [ "$number" = 1 ] || dir+=-$number
                measure "$server" "$mode" "$dir" "$scenario" "$vars"
                results+=("$dir/result.json")
            done
        done
        echo
        echo "== $name: $scenario $vars"
        "$BENCH" show "${results[@]}"
    done <<<"$list"
}

order=$SERVERS
for i in $(seq "$ROUNDS"); do
    # shellcheck disable=SC2086 # the names are words
    round "$i" "$1" $order
    order=$(tr ' ' '\n' <<<"$order" | tac | tr '\n' ' ')
done
