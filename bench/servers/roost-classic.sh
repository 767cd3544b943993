# Roost with keys of TLS that are agreed on by X25519 alone: what the hybrid costs a login. Sourced like roost.sh.
. bench/servers/roost.sh
KEYS=classic
