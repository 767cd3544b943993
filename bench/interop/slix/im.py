"""Roster, subscriptions, presence and messages between two slixmpp clients."""

import asyncio

import slixmpp

from harness import DOMAIN, Failed, check, main, want

ALICE, BOB, CAROL = (f"{n}@{DOMAIN}" for n in ("alice", "bob", "carol"))


async def clear(*clients):
    """Remove every contact, so that no check depends on another."""
    for c in clients:
        for contact in await c.items():
            await c.set_item(contact, subscription="remove")
        c.inbox.clear()


@check("roster set, push to every interested resource, get, remove")
async def _(client):
    one = await client("alice", resource="one").online()
    two = await client("alice", resource="two").online()
    await clear(one)
    two.inbox.clear()
    await one.set_item("romeo@example.net", "Roméo & <Co>", ("Friends", "Vérone"))
    for c in (one, two):
        await c.push("romeo@example.net", name="Roméo & <Co>", subscription="none")
    item = (await two.items()).get("romeo@example.net")
    want(item and item["name"] == "Roméo & <Co>" and sorted(item["groups"]) == ["Friends", "Vérone"], f"got {item}")
    await two.set_item("romeo@example.net", "Romeo")
    await one.push("romeo@example.net", name="Romeo")
    item = (await one.items())["romeo@example.net"]
    want(not item["groups"], f"groups that were not in the set stayed: {item}")
    await one.set_item("romeo@example.net", subscription="remove")
    for c in (one, two):
        await c.push("romeo@example.net", subscription="remove")
    want(await one.items() == {}, "still there after the removal")


@check("roster of 200 contacts")
async def _(client):
    a = await client("carol").online()
    await clear(a)
    await asyncio.gather(*(a.set_item(f"contact{i}@example.net", f"Contact {i}", ("Many",)) for i in range(200)))
    got = await a.items()
    want(len(got) == 200 and got["contact199@example.net"]["name"] == "Contact 199", f"{len(got)} contacts")
    await clear(a)


@check("removing an unknown contact is item-not-found")
async def _(client):
    a = await client("alice").online()
    iq = a.make_iq_set()
    iq["roster"]["items"] = {"unheard@example.net": {"subscription": "remove"}}
    condition = await a.refused(iq)
    want(condition == "item-not-found", condition)


async def befriend(a, b):
    """Subscribe both ways, each step seen by both sides (RFC 6121 §3.1)."""
    alice, bob = a.boundjid.bare, b.boundjid.bare
    a.send_presence_subscription(pto=bob, ptype="subscribe")
    await a.push(bob, ask="subscribe", subscription="none")
    await b.presence("subscribe", alice)
    b.send_presence_subscription(pto=alice, ptype="subscribed")
    await b.push(alice, subscription="from")
    await a.push(bob, subscription="to")
    await a.presence("subscribed", bob)
    await a.presence("available", bob)
    b.send_presence_subscription(pto=alice, ptype="subscribe")
    await a.presence("subscribe", bob)
    a.send_presence_subscription(pto=bob, ptype="subscribed")
    await b.push(alice, subscription="both")
    await a.push(bob, subscription="both")
    await b.presence("subscribed", alice)
    await b.presence("available", alice)


@check("subscription both ways, with roster pushes and presence")
async def _(client):
    a, b = await client("alice").online(), await client("bob").online()
    await clear(a, b)
    await befriend(a, b)
    want((await a.items())[BOB]["subscription"] == "both", "alice's roster")
    want((await b.items())[ALICE]["subscription"] == "both", "bob's roster")


@check("presence: show, status and priority reach the contact; probe at login; unavailable at logout")
async def _(client):
    a, b = await client("alice").online(), await client("bob").online()
    await clear(a, b)
    await befriend(a, b)
    b.send_presence(pshow="dnd", pstatus="Busy – <do> & not disturb", ppriority=7)
    p = await a.presence("dnd", BOB)
    want(p["status"] == "Busy – <do> & not disturb" and p["priority"] == 7, f"{p}")
    late = await client("alice", resource="late").login()
    late.send_presence()
    await late.presence("dnd", BOB, status="Busy – <do> & not disturb")
    await b.close()
    await a.presence("unavailable", BOB)


@check("a subscription request waits for its contact")
async def _(client):
    a, b = await client("alice").online(), await client("bob").online()
    await clear(a, b)
    await b.close()
    a.send_presence_subscription(pto=BOB, ptype="subscribe")
    await a.push(BOB, ask="subscribe")
    b = await client("bob").login()
    await b.get_roster()
    b.send_presence()
    await b.presence("subscribe", ALICE)
    b.send_presence_subscription(pto=ALICE, ptype="unsubscribed")
    await a.presence("unsubscribed", BOB)
    await clear(a)


@check("unsubscribing ends both directions of presence")
async def _(client):
    a, b = await client("alice").online(), await client("bob").online()
    await clear(a, b)
    await befriend(a, b)
    await a.set_item(BOB, subscription="remove")
    await a.push(BOB, subscription="remove")
    await b.push(ALICE, subscription="none")
    await b.presence("unavailable", ALICE)
    await clear(b)


@check("chat both ways, bodies unchanged")
async def _(client):
    a, b = await client("alice").online(), await client("bob").online()
    for body in ("plain", "<b>&amp; \"quoted\" 'too' ]]> é 漢字 🦉", "  spaces and\nlines\t", "x" * 60000):
        a.send_message(mto=BOB, mbody=body, mtype="chat")
        m = await b.message(body)
        want(m["from"] == a.boundjid and m["type"] == "chat", f"from {m['from']}, type {m['type']}")
        m.reply(body).send()
        m = await a.message(body)
        want(m["from"] == b.boundjid and m["to"] == a.boundjid, f"{m['from']} → {m['to']}")


@check("a thousand messages arrive in order")
async def _(client):
    a, b = await client("alice").online(), await client("bob").online()
    for i in range(1000):
        a.send_message(mto=b.boundjid, mbody=f"number {i}", mtype="chat")
    for i in range(1000):
        m = await b.expect(f"message {i}", lambda s: s.name == "message")
        want(m["body"] == f"number {i}", f"number {i} should come, {m['body']!r} came")


@check("a message to a full address reaches that resource, one to the bare address the best one")
async def _(client):
    a = await client("alice").online()
    low, high = await client("bob", resource="low").online(), await client("bob", resource="high").online()
    low.send_presence(ppriority=-1)
    await high.expect("the other's priority", lambda s: s.name == "presence" and s["from"] == low.boundjid and s["priority"] == -1)
    a.send_message(mto=low.boundjid, mbody="to low", mtype="chat")
    a.send_message(mto=BOB, mbody="to bob", mtype="chat")
    await low.message("to low")
    await high.message("to bob")
    a.send_message(mto=low.boundjid, mbody="last", mtype="chat")
    await low.message("last")
    want(not any(s.name == "message" for s in low.inbox), "a negative priority got a message for the bare address")


@check("offline messages come at the next login, in order, with their time")
async def _(client):
    a = await client("alice").online()
    b = await client("bob").online()
    await b.close()
    for body in ("first while away", "second while away"):
        a.send_message(mto=BOB, mbody=body, mtype="chat")
    # The answer to a request to the same address shows that both were handled before.
    await a.plugin["xep_0199"].send_ping(slixmpp.JID(DOMAIN), timeout=15)
    b = await client("bob").login()
    b.send_presence()
    for body in ("first while away", "second while away"):
        m = await b.expect("an offline message", lambda s: s.name == "message")
        want(m["body"] == body, f"{m['body']!r} came, {body!r} should")
        want(m["delay"]["stamp"], f"no delay in {m}")
    await b.close()
    b = await client("bob").online()
    a.send_message(mto=BOB, mbody="only this", mtype="chat")
    m = await b.expect("a message", lambda s: s.name == "message")
    want(m["body"] == "only this", f"delivered twice: {m}")


@check("a message to nobody is answered")
async def _(client):
    a = await client("alice").online()
    a.send_message(mto=f"nobody@{DOMAIN}", mbody="hello?", mtype="chat")
    m = await a.expect("an error", lambda s: s.name == "message" and s["type"] == "error")
    want(m["error"]["condition"] == "service-unavailable", f"{m}")


@check("directed presence reaches a stranger and ends with the session")
async def _(client):
    a, c = await client("alice").online(), await client("carol").online()
    await clear(a, c)
    a.send_presence(pto=CAROL, pshow="chat")
    await c.presence("chat", ALICE)
    await a.close()
    await c.presence("unavailable", ALICE)


@check("a connection that breaks makes the contact unavailable")
async def _(client):
    a, b = await client("alice").online(), await client("bob").online()
    await clear(a, b)
    await befriend(a, b)
    b.abort()  # no </stream:stream>
    await a.presence("unavailable", BOB)
    await clear(a)


@check("a second session with the same full address replaces the first")
async def _(client):
    one = await client("alice", resource="same").online()
    gone = one.disconnected
    two = await client("alice", resource="same").login()
    if two.boundjid.resource != "same":  # RFC 6120 §7.7.2.2: the server may also choose another
        return
    try:
        await asyncio.wait_for(asyncio.shield(gone), 15)
    except asyncio.TimeoutError:
        raise Failed("two sessions have one address") from None


main("slixmpp")
