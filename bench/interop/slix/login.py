"""Logging in with slixmpp: each mechanism, STARTTLS and direct TLS, and what must be refused."""

import asyncio
import ssl

from harness import CERTS, DEADLINE, DOMAIN, HOST, TLS12, TLS13, TLS_PORT, Failed, check, main, want


def login(title, mech, needs=None, direct=False, **kw):
    @check(title, needs)
    async def _(client):
        c = await client("alice", mech=mech, **kw).login(direct=direct)
        want(c.mechanism == mech, f"logged in with {c.mechanism}")
        want(c.boundjid.bare == f"alice@{DOMAIN}" and c.boundjid.resource, f"bound to {c.boundjid}")
        want(isinstance(c.socket, ssl.SSLObject), "the stream has no TLS")


for mech in ("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", "DIGEST-MD5"):
    login(f"login {mech} over STARTTLS", mech, needs=mech)
login("login SCRAM-SHA-1 over TLS 1.2", "SCRAM-SHA-1", tls=TLS12)
login("login SCRAM-SHA-1-PLUS with tls-unique over TLS 1.2", "SCRAM-SHA-1-PLUS", tls=TLS12, binding="native")
for mech in ("SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"):
    for tls in (TLS12, TLS13):
        login(f"login {mech} with tls-server-end-point over TLS {tls.name[4:].replace('_', '.')}", mech,
              needs="tls-server-end-point", tls=tls, binding="tls-server-end-point")
login("login SCRAM-SHA-1 over direct TLS", "SCRAM-SHA-1", direct=True)
login("login PLAIN over direct TLS with ALPN", "PLAIN", direct=True, alpn=["xmpp-client"])


@check("login with a client certificate (EXTERNAL)", "EXTERNAL")
async def _(client):
    c = await client("juliet", mech="EXTERNAL", cert="juliet").login()
    want(c.mechanism == "EXTERNAL" and c.boundjid.bare == f"juliet@{DOMAIN}", f"{c.mechanism}, bound to {c.boundjid}")


@check("a client certificate of a stranger is no login", "EXTERNAL")
async def _(client):
    c = client("juliet", mech="EXTERNAL", cert="stranger")
    event = await c.open()
    want(event != "session_start", "logged in")


@check("login as slixmpp chooses by itself, TLS 1.2", "native choice")
async def _(client):
    await client("alice", mech="any", tls=TLS12, binding="native").login()


@check("login as slixmpp chooses by itself, TLS 1.3", "native choice")
async def _(client):
    await client("alice", mech="any", tls=TLS13, binding="native").login()


@check("login with a password outside ASCII")
async def _(client):
    for mech in ("PLAIN", "SCRAM-SHA-1"):
        await client("bob", mech=mech).login()


def refused(title, user, mech, needs=None):
    @check(title, needs)
    async def _(client):
        c = client(user, password="certainly wrong", mech=mech)
        event = await c.open()
        want(event != "session_start", "logged in")
        want(c.refusals[:1] == ["not-authorized"], f"{event}, refused with {c.refusals}")


for mech in ("PLAIN", "SCRAM-SHA-1", "DIGEST-MD5"):
    refused(f"wrong password, {mech}", "alice", mech, needs=mech)
    refused(f"unknown user, {mech}", "nobody", mech, needs=mech)


@check("no login without TLS")
async def _(client):
    c = client("alice")
    event = await c.open(plain=True)
    want(event != "session_start", "logged in without TLS")


@check("the requested resource is bound, and two at once")
async def _(client):
    one = await client("alice", resource="desk").login()
    two = await client("alice", resource="pocket").login()
    want((one.boundjid.resource, two.boundjid.resource) == ("desk", "pocket"), f"bound {one.boundjid} and {two.boundjid}")


async def shake(alpn):
    """Open direct TLS with these ALPN names and return the one the server chose."""
    context = ssl.create_default_context(cafile=CERTS / "ca.pem")
    if alpn:
        context.set_alpn_protocols(alpn)
    opening = asyncio.open_connection(HOST, TLS_PORT, ssl=context, server_hostname=DOMAIN)
    _, writer = await asyncio.wait_for(opening, DEADLINE)
    chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol()
    writer.transport.abort()
    return chosen


@check("ALPN xmpp-client is chosen on direct TLS", "ALPN")
async def _(client):
    got = await shake(["h2", "xmpp-client"])
    want(got == "xmpp-client", f"chosen: {got}")


@check("ALPN of another protocol is refused on direct TLS", "ALPN")
async def _(client):
    try:
        got = await shake(["h2"])
    except ssl.SSLError:
        return
    raise Failed(f"accepted, chosen: {got}")


main("slixmpp")
