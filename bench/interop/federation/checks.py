"""Roost, Prosody and ejabberd in pairs: what users of one say to users of another, in each way in which servers know each other."""

import asyncio
import itertools
import logging
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "slix"))

import dns
import servers
from harness import DEADLINE, Failed, run, run_check, want
from servers import DIR, KINDS, USERS, Roost, Setting

SETTINGS = (
    Setting("dialback", tls="no"),
    Setting("dialback after TLS", tls="required"),
    Setting("certificates", tls="required", certificate="ca", proof="certificate"),
    Setting("certificates over IPv6", tls="required", certificate="ca", proof="certificate", address="::1"),
)
MANY = int(os.environ.get("INTEROP_MESSAGES", "10000"))
WINDOW = 1000  # of them on their way at once: the clients are slow readers


def make_certificates():
    """An authority; for each server a certificate of it, and one that is signed by itself."""
    certs = DIR / "certs"
    certs.mkdir(parents=True)

    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=certs, check=True, capture_output=True)

    def request(name, subject, *more):
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256",
                "-subj", f"/CN={subject}", "-keyout", f"{name}-key.pem", *more)

    request("ca", "federation checks", "-x509", "-days", "2", "-out", "ca.pem")
    for kind in KINDS:
        name = ("-addext", f"subjectAltName=DNS:{kind.name}.example")
        request(f"self-{kind.name}", f"{kind.name}.example", "-x509", "-days", "2", *name, "-out", f"self-{kind.name}.pem")
        request(f"ca-{kind.name}", f"{kind.name}.example", *name, "-out", "csr.pem")
        (certs / "ext").write_text(f"subjectAltName = DNS:{kind.name}.example\nextendedKeyUsage = serverAuth, clientAuth\n")
        openssl("x509", "-req", "-in", "csr.pem", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days", "2",
                "-sha256", "-extfile", "ext", "-out", f"ca-{kind.name}.pem")


def person(client, user, server):
    """A client that is not logged in yet."""
    return client(user, password=USERS[user], mech="PLAIN", resource="r", at=server)


async def two(client, a, b):
    """alice at a and bob at b, available."""
    return await asyncio.gather(person(client, "alice", a).online(), person(client, "bob", b).online())


async def befriend(one, other):
    """one asks for the other's presence, and gets it."""
    mine, theirs = one.boundjid.bare, other.boundjid.bare
    one.send_presence_subscription(pto=theirs, ptype="subscribe")
    await other.presence("subscribe", mine)
    other.send_presence_subscription(pto=mine, ptype="subscribed")
    await one.presence("subscribed", theirs)
    await one.push(theirs, subscription="both" if one.friends else "to")
    await one.presence("available", theirs)
    other.friends = True


async def subscriptions(client, a, b):
    """Subscriptions both ways, and presence after it: changes, going and coming."""
    alice, bob = await two(client, a, b)
    alice.friends = bob.friends = False
    await befriend(alice, bob)
    await befriend(bob, alice)
    for one, other in ((alice, bob), (bob, alice)):
        one.send_presence(pshow="away", pstatus="über <Grenzen> & Meere")
        await other.presence("away", one.boundjid.bare, status="über <Grenzen> & Meere")
    await alice.close()
    await bob.presence("unavailable", alice.boundjid.bare)
    alice = await person(client, "alice", a).online()
    await bob.presence("available", alice.boundjid.bare)
    await alice.presence("away", bob.boundjid.bare)  # the answer to the probe
    await bob.close()
    await alice.presence("unavailable", bob.boundjid.bare)
    bob = await person(client, "bob", b).online()
    await alice.presence("available", bob.boundjid.bare)
    await bob.presence("available", alice.boundjid.bare)


async def messages(client, a, b):
    """Messages both ways, to bare and full addresses; iq both ways; errors for who is not there."""
    alice, bob = await two(client, a, b)
    for one, other in ((alice, bob), (bob, alice)):
        for to in (other.boundjid.full, other.boundjid.bare):
            body = f"to {to}: <&> 'ü' \U0001F426"
            one.send_message(mto=to, mbody=body, mtype="chat")
            got = await other.message(body)
            want(got["from"] == one.boundjid, f"from {got['from']}")
        server = other.boundjid.domain
        await one.plugin["xep_0199"].send_ping(server, timeout=DEADLINE)
        version = await one.plugin["xep_0092"].get_version(server, timeout=DEADLINE)
        want(version["software_version"]["name"], f"version of {server}: {version}")
        condition = await one.refused(one.make_iq_get(queryxmlns="urn:example:unheard", ito=server))
        want(condition in ("service-unavailable", "feature-not-implemented"), f"an unknown iq to {server}: {condition}")


async def offline(client, a, b):
    """Messages both ways for who is not there yet."""
    for here, there in ((a, b), (b, a)):
        alice = await person(client, "alice", here).online()
        alice.send_message(mto=f"bob@{there.domain}", mbody="kept", mtype="chat")
        # A stanza that comes after it on the same way shows that it has arrived.
        await alice.plugin["xep_0092"].get_version(there.domain, timeout=DEADLINE)
        bob = await person(client, "bob", there).online()
        got = await bob.message("kept")
        want(got["from"] == alice.boundjid, f"from {got['from']}")
        await bob.close()


async def many(client, a, b):
    """Many messages each way, in order."""
    for here, there in ((a, b), (b, a)):
        alice, bob = await two(client, here, there)
        seen, news = [], asyncio.Event()

        def keep(stanza):
            seen.append(stanza["body"])
            news.set()

        bob._keep = keep
        bob.remove_handler("messages")
        bob.add_event_handler("message", keep)
        to = bob.boundjid.full
        for start in range(0, MANY, 250):
            alice.send_raw("".join(f"<message to='{to}' type='chat'><body>n{i}</body></message>"
                                   for i in range(start, min(start + 250, MANY))))
            while len(seen) < min(start + 250, MANY) - (WINDOW if start + 250 < MANY else 0):
                news.clear()
                try:
                    await asyncio.wait_for(news.wait(), DEADLINE)
                except asyncio.TimeoutError:
                    raise Failed(f"from {here.domain} to {there.domain}: {len(seen)} of {MANY} have come") from None
        wrong = next((f"place {i}: {body}" for i, body in enumerate(seen) if body != f"n{i}"), None)
        want(wrong is None and len(seen) == MANY, f"from {here.domain} to {there.domain}: {len(seen)}; {wrong}")
        await asyncio.gather(alice.close(), bob.close())


async def reach(one, other, what):
    """Send until something arrives, since a server may be left alone for a while after a failure; it may be what was sent before."""
    end = asyncio.get_running_loop().time() + 2 * DEADLINE
    for n in itertools.count():
        one.send_message(mto=other.boundjid.full, mbody=f"{what} {n}", mtype="chat")
        try:
            return await other.expect("message", lambda s: s.name == "message" and s["type"] == "chat" and s["body"].startswith(what), 1)
        except Failed:
            if asyncio.get_running_loop().time() > end:
                raise Failed(f"nothing from {one.boundjid} reaches {other.boundjid} again") from None


async def killed(client, a, b):
    """kill -9 of each side while streams are open; the other side finds it again, whoever speaks first."""
    for dead, alive in ((a, b), (b, a)):
        alice, bob = await two(client, alive, dead)
        await reach(alice, bob, "before")
        await reach(bob, alice, "before")
        await dead.end(signal.SIGKILL)
        bob.abort()
        await dead.start()
        bob = await person(client, "bob", dead).online()
        await reach(alice, bob, "after")
        await reach(bob, alice, "after")
        await asyncio.gather(alice.close(), bob.close())


def proofs(a, b):
    """What Roost's log says about how it and the other server know each other."""
    async def check(_):
        roost, other = (a, b) if isinstance(a, Roost) else (b, a)
        log, setting = roost.text(), roost.setting
        for line in ("stream to another server open", "stream from another server accepted"):
            found = [l for l in log.splitlines() if line in l and f"domain={other.domain}" in l]
            want(found, f"no line {line!r} for {other.domain}")
            for l in found:
                for field in (f"by={setting.proof}", f"tls={str(setting.tls != 'no').lower()}"):
                    want(field in l, f"not {field}: {l}")
                want("to another" not in line or "at=" not in l or ("[::1]" in l) == (setting.address == "::1"), f"another address: {l}")
    return check


async def pair(setting, a, b):
    """The checks of one pair; how many have failed."""
    checks = [subscriptions, messages, offline]
    if setting.proof == "certificate" and setting.address != "::1":
        checks.append(many)
    if setting.address != "::1":
        checks.append(killed)
    if not isinstance(a, Roost):
        checks = [messages]  # the control: are the servers and the checks right without us?
    failed = 0
    for check in checks:
        what = {subscriptions: "subscriptions and presence", messages: "messages and iq", offline: "offline messages",
                many: f"{MANY} messages each way in order", killed: "kill -9 of either side"}[check]
        failed += not await run_check(f"federation, {setting.name}: {a.name} and {b.name}: {what}", lambda c: check(c, a, b))
    if isinstance(a, Roost):
        failed += not await run_check(f"federation, {setting.name}: {a.name} and {b.name}: how they know each other", proofs(a, b))
    return failed


async def checks():
    make_certificates()
    names = await dns.serve(), await dns.serve(literal=True)
    kinds = [k for k in KINDS if k.installed()]
    for k in KINDS:
        if k not in kinds:
            print(f"skip federation with {k.name}: its packages are not installed", flush=True)
    failed = 0
    for setting in SETTINGS:
        if os.environ.get("INTEROP_SETTING", setting.name) != setting.name:
            continue
        if setting.address == "::1" and not servers.have_ipv6():
            print(f"skip federation, {setting.name}: this machine has no ::1", flush=True)
            continue
        running = [k(setting, *names) for k in kinds]
        try:
            await asyncio.gather(*(s.start() for s in running))
            for a, b in itertools.combinations(running, 2):
                failed += await pair(setting, a, b)
        except (RuntimeError, OSError) as e:
            print(f"FAIL federation, {setting.name}: {e}", flush=True)
            failed += 1
        finally:
            await asyncio.gather(*(s.end() for s in running))
    return failed


if __name__ == "__main__":
    shutil.rmtree(DIR, ignore_errors=True)
    logging.getLogger("slixmpp").setLevel(logging.INFO)
    run(checks())
