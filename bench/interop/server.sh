#!/usr/bin/env bash
# server.sh VERB: run the server under test as the checks ask for it.
#   configure    write its configuration
#   add USER     make an account; the password comes on standard input
#   start        start it and wait until it accepts connections
#   stop         SIGTERM; succeeds when it exits 0 in time
#   kill         SIGKILL, and wait until it is gone
# What it runs is in target_$INTEROP_TARGET.sh. Files are in $INTEROP_DIR: server.pid, server.code (written when it ended),
# server.log.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/target_$INTEROP_TARGET.sh"
cd "$INTEROP_DIR" || exit 1

readonly start_seconds=30 stop_seconds=15

# within SECONDS COMMAND…: try the command until it succeeds or the time is over.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.05
    done
}

ended() { [ -s server.code ]; }
accepts() { (exec 3<>"/dev/tcp/$INTEROP_HOST/$1") 2>/dev/null; }
ready_or_ended() { ended || { accepts "$INTEROP_PORT" && accepts "$INTEROP_TLS_PORT"; }; }

case ${1-} in
configure)
    target_configure
    ;;
add)
    target_add "$2"
    ;;
start)
    rm -f server.code server.pid
    # The outer shell stays to write down how the server ended.
    (
        target_serve >>server.log 2>&1 &
        echo $! >server.pid
        wait $!
        echo $? >server.code
    ) </dev/null >/dev/null 2>&1 &
    if ! within "$start_seconds" ready_or_ended || ended; then
        echo "the server did not start; the end of its log:" >&2
        tail -n 5 server.log >&2
        exit 1
    fi
    ;;
stop | kill)
    [ -s server.pid ] || exit 0
    pid=$(cat server.pid)
    if [ "$1" = stop ]; then kill -TERM "$pid" 2>/dev/null; else kill -KILL "$pid" 2>/dev/null; fi
    if ! within "$stop_seconds" ended; then
        echo "the server still runs $stop_seconds s after $1" >&2
        kill -KILL "$pid" 2>/dev/null
        exit 1
    fi
    code=$(cat server.code)
    rm -f server.pid
    if [ "$1" = stop ] && [ "$code" != 0 ]; then
        echo "the server exited with code $code after SIGTERM" >&2
        exit 1
    fi
    ;;
*)
    sed -n '2,9s/^# //p' "$0" >&2
    exit 2
    ;;
esac
