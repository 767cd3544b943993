#!/usr/bin/env bash
# run.sh [-k] [roost|prosody]: check a server with real clients out of Debian packages, over loopback only.
#   -k        keep the working directory (logs, certificates, data) and say where it is
#   roost     bin/roost of this tree, the default
#   prosody   the Debian package, to prove that the checks themselves are right
# One line per check: `ok NAME`, `FAIL NAME: reason`, `skip NAME: reason`; the last line counts them. The exit code is 1
# when a check failed. Packages that are missing are installed when that is possible (root and apt-get); what then still
# is missing is skipped. The server is started here, on free ports, with a configuration and data of its own.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

keep=
while getopts k flag; do
    case $flag in
    k) keep=1 ;;
    *) sed -n '2,9s/^# //p' "$0" >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))

export INTEROP_TARGET=${1-roost} INTEROP_HOST=127.0.0.1 INTEROP_DOMAIN=interop.test INTEROP_LACKS=
export INTEROP_SERVER=$here/server.sh INTEROP_ROOST=${ROOST:-$root/bin/roost}
export INTEROP_BENCH=${BENCH:-$root/bin/roost-bench}
INTEROP_DIR=$(mktemp -d "${TMPDIR:-/tmp}/roost-interop.XXXXXX") || exit 1
export INTEROP_DIR INTEROP_CERTS=$INTEROP_DIR/certs INTEROP_USERS=$INTEROP_DIR/users
readonly results=$INTEROP_DIR/results python=/usr/bin/python3 program_seconds=300
: >"$results"

say() { printf '%s\n' "$*" | tee -a "$results"; }
fail() { say "FAIL $1: $2"; }
skip() { say "skip $1: $2"; }

readonly policy=/usr/sbin/policy-rc.d
policy_made=

finish() {
    [ -z "$policy_made" ] || rm -f "$policy"
    [ -s "$INTEROP_DIR/server.pid" ] && "$INTEROP_SERVER" kill
    if [ -n "$keep" ]; then echo "kept: $INTEROP_DIR" >&2; else rm -rf "$INTEROP_DIR"; fi
}
trap finish EXIT
trap 'exit 130' INT TERM

summary() {
    local passed failed skipped
    passed=$(grep -c '^ok ' "$results")
    failed=$(grep -c '^FAIL ' "$results")
    skipped=$(grep -c '^skip ' "$results")
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
    exit
}

# ---- packages

# A package that was removed can leave its folder behind, which import alone finds.
have_slixmpp() { "$python" -c 'import slixmpp.xmlstream' 2>/dev/null; }
have_strophe() { command -v cc >/dev/null && pkg-config --exists libstrophe 2>/dev/null; }
have_sendxmpp() { command -v go-sendxmpp >/dev/null; }
have_openssl() { command -v openssl >/dev/null; }
have_prosody() { [ "$INTEROP_TARGET" != prosody ] || command -v prosody >/dev/null; }
have_servers() { command -v prosody >/dev/null && command -v ejabberdctl >/dev/null && [ -d /usr/share/doc/lua-unbound ]; }
have_profanity() { command -v profanity >/dev/null && command -v tmux >/dev/null; }
have_browser() { [ -x /usr/bin/chromedriver ] && [ -x /usr/bin/chromium ] && "$python" -c 'import selenium.webdriver' 2>/dev/null; }

# install puts in what is missing, with one apt-get.
install_missing() {
    local packages=()
    have_openssl || packages+=(openssl)
    have_slixmpp || packages+=(python3 python3-slixmpp)
    have_strophe || packages+=(gcc libc6-dev pkg-config libstrophe-dev)
    have_sendxmpp || packages+=(go-sendxmpp)
    have_profanity || packages+=(profanity tmux)
    have_browser || packages+=(chromium chromium-driver python3-selenium)
    have_prosody || packages+=(prosody)
    have_servers || [ "$INTEROP_TARGET" != roost ] || packages+=(prosody lua-unbound ejabberd)
    [ ${#packages[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "not installed, and this is not root with apt-get: ${packages[*]}" >&2
        return 0
    fi
    echo "installing ${packages[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    # A service that a package brings along must not start: this run has its own ports.
    if [ ! -e "$policy" ]; then
        policy_made=1
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
    fi
    timeout 300 apt-get -qq update >"$INTEROP_DIR/apt.log" 2>&1
    local p
    timeout 600 apt-get -qq install -y --no-install-recommends "${packages[@]}" >>"$INTEROP_DIR/apt.log" 2>&1 ||
        for p in "${packages[@]}"; do # one that this release lacks must not keep the others out
            timeout 300 apt-get -qq install -y --no-install-recommends "$p" >>"$INTEROP_DIR/apt.log" 2>&1
        done
    [ -z "$policy_made" ] || rm -f "$policy"
    policy_made=
}

# ---- the server

free_ports() {
    "$python" - "$1" <<'EOF'
import socket, sys
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in held))
EOF
}

prepare() {
    if [ "$INTEROP_TARGET" = roost ] && [ ! -x "$INTEROP_ROOST" ]; then
        fail "the server" "$INTEROP_ROOST is not there: run make build"
        return 1
    fi
    read -r INTEROP_PORT INTEROP_TLS_PORT INTEROP_HTTP_PORT < <(free_ports 3)
    export INTEROP_PORT INTEROP_TLS_PORT INTEROP_HTTP_PORT
    cat >"$INTEROP_USERS" <<'EOF'
alice:wonderland
bob:büilder & <1> "x"
carol:carol's secret
dave:dave
juliet:capulet
user1:secret
user2:secret
EOF
    "$here/certs.sh" "$INTEROP_CERTS" "$INTEROP_DOMAIN" || { fail "the server" "no certificates"; return 1; }
    local why name password
    why=$("$INTEROP_SERVER" configure 2>&1) || { fail "the server" "configuration refused: ${why//$'\n'/ | }"; return 1; }
    while IFS=: read -r name password; do
        why=$(printf '%s\n' "$password" | "$INTEROP_SERVER" add "$name" 2>&1) ||
            { fail "the server" "account $name refused: ${why//$'\n'/ | }"; return 1; }
    done <"$INTEROP_USERS"
    why=$("$INTEROP_SERVER" start 2>&1) || { fail "the server" "${why//$'\n'/ | }"; return 1; }
    say "ok the server starts with its configuration and accounts"
}

# run NAME COMMAND…: run one program of checks; its results go to the screen and are counted.
run() {
    local name=$1 code before after
    shift
    if [ -s "$INTEROP_DIR/server.code" ]; then # a check before may have left it so
        "$INTEROP_SERVER" start || { fail "$name" "the server is gone and does not start"; return; }
    fi
    before=$(wc -l <"$results")
    timeout -k 5 "$program_seconds" "$@" 2>"$INTEROP_DIR/$name.log" </dev/null | grep --line-buffered -E '^(ok|FAIL|skip) ' | tee -a "$results"
    code=${PIPESTATUS[0]}
    after=$(tail -n "+$((before + 1))" "$results")
    case $code in
    0) [ -n "$after" ] || fail "$name" "it checked nothing" ;;
    124 | 137) fail "$name" "not done after $program_seconds s" ;;
    *) grep -q '^FAIL ' <<<"$after" || fail "$name" "exit code $code: $(tail -n 1 "$INTEROP_DIR/$name.log")" ;;
    esac
}

# ---- the clients

slixmpp_checks() {
    local part
    for part in login features im crash; do
        if have_slixmpp; then
            run "slixmpp-$part" "$python" -B "$here/slix/$part.py"
        else
            skip "slixmpp $part" "the package python3-slixmpp is not installed"
        fi
    done
}

strophe_checks() {
    local bin=$INTEROP_DIR/strophe flags
    if ! have_strophe; then
        skip libstrophe "the packages gcc, pkg-config and libstrophe-dev are not installed"
        return
    fi
    read -ra flags < <(pkg-config --cflags --libs libstrophe)
    if ! cc -std=c11 -Wall -Wextra -O1 -o "$bin" "$here/strophe/strophe.c" "${flags[@]}" 2>"$INTEROP_DIR/cc.log"; then
        fail libstrophe "does not compile: $(head -n 1 "$INTEROP_DIR/cc.log")"
        return
    fi
    local login=("carol@$INTEROP_DOMAIN/strophe" "carol's secret" "$INTEROP_HOST")
    run strophe-starttls "$bin" "over STARTTLS" "${login[@]}" "$INTEROP_PORT" "$INTEROP_CERTS/ca.pem" starttls
    run strophe-tls "$bin" "over direct TLS" "${login[@]}" "$INTEROP_TLS_PORT" "$INTEROP_CERTS/ca.pem" tls
    cat >"$INTEROP_DIR/tls12.cnf" <<'EOF'
openssl_conf = init
[init]
ssl_conf = ssl
[ssl]
system_default = limits
[limits]
MaxProtocol = TLSv1.2
EOF
    run strophe-tls12 env OPENSSL_CONF="$INTEROP_DIR/tls12.cnf" \
        "$bin" "over TLS 1.2" "${login[@]}" "$INTEROP_PORT" "$INTEROP_CERTS/ca.pem" starttls
}

sendxmpp_checks() {
    if ! have_sendxmpp || ! have_slixmpp; then
        skip go-sendxmpp "the packages go-sendxmpp and python3-slixmpp are not installed"
        return
    fi
    run go-sendxmpp "$python" -B "$here/slix/sendxmpp.py"
}

profanity_checks() {
    if ! have_profanity || ! have_slixmpp; then
        skip profanity "the packages profanity, tmux and python3-slixmpp are not installed"
        return
    fi
    run profanity "$python" -B "$here/slix/profanity.py"
}

openssl_checks() { run openssl "$python" -B "$here/openssl/records.py"; }

# The demo of make demo-roster in a browser; it has a server of its own.
demo_checks() {
    [ "$INTEROP_TARGET" = roost ] || return 0
    if ! have_browser; then
        skip demo "the packages chromium, chromium-driver and python3-selenium are not installed"
        return
    fi
    if ! command -v go >/dev/null; then
        skip demo "go is not there to build it"
        return
    fi
    if ! (cd "$root" && go build -o "$INTEROP_DIR/demoroster" ./bench/demoroster) 2>"$INTEROP_DIR/go.log"; then
        fail demo "does not compile: $(head -n 2 "$INTEROP_DIR/go.log" | tail -n 1)"
        return
    fi
    run demo "$python" -B "$here/demo.py" "$INTEROP_DIR/demoroster" "$INTEROP_ROOST"
}

# The server's own page in a browser.
page_checks() {
    [ "$INTEROP_TARGET" = roost ] || return 0
    if ! have_browser; then
        skip page "the packages chromium, chromium-driver and python3-selenium are not installed"
        return
    fi
    run page "$python" -B "$here/page.py"
}

# The pages that roost-bench draws, in a browser.
report_checks() {
    if ! have_browser; then
        skip report "the packages chromium, chromium-driver and python3-selenium are not installed"
        return
    fi
    if [ ! -x "$INTEROP_BENCH" ]; then
        skip report "$INTEROP_BENCH is not there: run make build"
        return
    fi
    run report "$python" -B "$here/report.py"
}

# Roost, Prosody and ejabberd in pairs; all have ports and data of their own. What is not installed is skipped there.
federation_checks() {
    [ "$INTEROP_TARGET" = roost ] || return 0
    if ! have_slixmpp; then
        skip federation "the package python3-slixmpp is not installed"
        return
    fi
    run federation "$python" -B "$here/federation/checks.py"
}

# INTEROP_ONLY names one group of checks: openssl, slixmpp, strophe, sendxmpp, profanity, demo, page, report or federation.
wanted() { [ -z "${INTEROP_ONLY-}" ] || [ "$INTEROP_ONLY" = "$1" ]; }

case $INTEROP_TARGET in
roost) ;;
prosody) export INTEROP_LACKS="DIGEST-MD5,SCRAM-SHA-512,tls-server-end-point,EXTERNAL,ALPN,presence privacy" ;;
*) echo "run.sh: no target $INTEROP_TARGET; roost and prosody exist" >&2; exit 2 ;;
esac

install_missing
if [ ! -x "$python" ] || ! have_openssl; then
    skip "every check" "python3 and openssl are needed to prepare them"
    summary
fi
prepare || summary
wanted openssl && openssl_checks
wanted slixmpp && slixmpp_checks
wanted strophe && strophe_checks
wanted sendxmpp && sendxmpp_checks
wanted profanity && profanity_checks
wanted demo && demo_checks
wanted page && page_checks
wanted report && report_checks
wanted federation && federation_checks
summary
