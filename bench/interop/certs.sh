#!/usr/bin/env bash
# certs.sh DIR DOMAIN: make the certificates of the checks: an authority, the server's, one of a user (xmppAddr
# juliet@DOMAIN) and the same from an authority that the server does not know.
set -eu
dir=$1 domain=$2
mkdir -p "$dir"
cd "$dir"

# issue NAME AUTHORITY EXTENSIONS: a key and a certificate for it; AUTHORITY - signs itself.
issue() {
    local name=$1 by=$2 sign=()
    printf '%s\n' "$3" >"$name.ext"
    openssl ecparam -name prime256v1 -genkey -noout -out "$name-key.pem"
    openssl req -new -key "$name-key.pem" -subj "/CN=$name" -out "$name.csr"
    if [ "$by" = - ]; then sign=(-signkey "$name-key.pem"); else sign=(-CA "$by.pem" -CAkey "$by-key.pem" -CAcreateserial); fi
    openssl x509 -req -in "$name.csr" "${sign[@]}" -days 2 -sha256 -extfile "$name.ext" -out "$name.pem"
    rm "$name.csr" "$name.ext"
}

ca=$'basicConstraints = critical, CA:true\nkeyUsage = critical, keyCertSign, cRLSign\nsubjectKeyIdentifier = hash'
user="keyUsage = digitalSignature
extendedKeyUsage = clientAuth
subjectAltName = otherName:1.3.6.1.5.5.7.8.5;UTF8:juliet@$domain"
{
    issue ca - "$ca"
    issue other - "$ca"
    issue server ca "keyUsage = digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:$domain"
    issue juliet ca "$user"
    issue stranger other "$user"
} 2>openssl.log || { cat openssl.log >&2; exit 1; }
