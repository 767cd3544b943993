# How the benchmarks run ejabberd (Debian package ejabberd), tuned as its manual says: kernel poll, raised limits of processes and
# ports, no shapers, passwords stored as they are, errors only in the log. The accounts and rosters are imported as XEP-0227 before
# it listens. Sourced by bench/run.sh.

target_here() { command -v ejabberdctl >/dev/null && command -v erl >/dev/null; }

# ejabberdctl changes to a user of its own and starts a name service that stays behind; the virtual machine alone does neither.
ejabberd_vm() { # CONFIGURATION FLAG…
    export EJABBERD_CONFIG_PATH=$WORK/$1 EJABBERD_LOG_PATH=$WORK/ejabberd.log ERL_LIBS=${ERL_LIBS:-/usr/lib/x86_64-linux-gnu:/usr/lib/erlang/lib}
    export ERL_CRASH_DUMP=$WORK/crash ERL_CRASH_DUMP_BYTES=0 HOME=$WORK
    shift
    exec erl -noinput +K true +P 1000000 +Q 65536 -mnesia dir "\"$WORK/mnesia\"" -s ejabberd "$@"
}

target_configure() {
    "$BENCH" prepare -f xep0227 -d "$DOMAIN" --users "$USERS" --contacts "$CONTACTS" -o society >/dev/null
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=$DOMAIN" \
        -addext "subjectAltName=DNS:$DOMAIN" -keyout key.pem -out cert.pem 2>/dev/null
    cat cert.pem key.pem >both.pem
    cat >import.yml <<EOC
hosts: [ "$DOMAIN" ]
loglevel: error
certfiles: [ "$WORK/both.pem" ]
auth_method: internal
auth_password_format: plain
listen: []
modules:
  mod_roster: {}
  mod_disco: {}
  mod_ping: {}
EOC
    sed '/^listen:/d' import.yml >ejabberd.yml
    cat >>ejabberd.yml <<EOC
listen:
  - port: $PORT
    ip: "127.0.0.1"
    module: ejabberd_c2s
    backlog: 4096
    starttls: true
    starttls_required: false
    shaper: none
    access: all
EOC
    (ejabberd_vm import.yml -eval "
        F = fun(F) -> case lists:keymember(ejabberd, 1, application:which_applications()) of true -> ok; false -> timer:sleep(100), F(F) end end,
        F(F), ok = ejabberd_piefxis:import_file(<<\"$WORK/society/society.xml\">>), init:stop().") </dev/null
}

target_serve() { ejabberd_vm ejabberd.yml </dev/null; }
