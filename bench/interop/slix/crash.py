"""What survives when the server is killed with SIGKILL, and how it says goodbye on SIGTERM."""

import asyncio

import slixmpp

from harness import DEADLINE, DOMAIN, SERVER, Failed, check, main, want

BOB = f"bob@{DOMAIN}"


async def server(verb):
    """Have the server started, stopped or killed; return when that is done."""
    process = await asyncio.create_subprocess_exec(SERVER, verb, stdout=asyncio.subprocess.DEVNULL)
    code = await asyncio.wait_for(process.wait(), 4 * DEADLINE)
    want(code == 0, f"server {verb}: exit code {code}")


async def gone(lost):
    """lost is a client's future disconnected, taken while it was connected."""
    try:
        await asyncio.wait_for(asyncio.shield(lost), DEADLINE)
    except asyncio.TimeoutError:
        raise Failed("the connection is still open") from None


@check("after kill -9 and a restart: reconnect; roster, subscription, offline message and vCard are there")
async def _(client):
    a, b = await client("alice").online(), await client("bob").online()
    for contact in await a.items():
        await a.set_item(contact, subscription="remove")
    await a.set_item("keep@example.net", "Keep me", ("Kept",))
    a.send_presence_subscription(pto=BOB, ptype="subscribe")
    await a.push(BOB, ask="subscribe")
    await b.presence("subscribe", a.boundjid.bare)
    b.send_presence_subscription(pto=a.boundjid.bare, ptype="subscribed")
    await a.push(BOB, subscription="to")
    card = a.plugin["xep_0054"].make_vcard()
    card["FN"] = "Kept Name"
    await a.plugin["xep_0054"].publish_vcard(card, timeout=DEADLINE)
    await b.close()
    a.send_message(mto=BOB, mbody="kept through the crash", mtype="chat")
    await a.plugin["xep_0199"].send_ping(slixmpp.JID(DOMAIN), timeout=DEADLINE)

    lost = a.disconnected
    await server("kill")
    await gone(lost)
    await server("start")

    await a.login()  # the same client again
    got = await a.items()
    kept = got.get("keep@example.net")
    want(kept and kept["name"] == "Keep me" and kept["groups"] == ["Kept"], f"roster {got}")
    want(got.get(BOB, {}).get("subscription") == "to", f"subscription {got}")
    vcard = await a.plugin["xep_0054"].get_vcard(local=False, timeout=DEADLINE)
    want(vcard["vcard_temp"]["FN"] == "Kept Name", f"{vcard}")
    a.send_presence()
    b = await client("bob").login()
    b.send_presence()
    await b.message("kept through the crash")
    await a.presence("available", BOB)
    for contact in await a.items():
        await a.set_item(contact, subscription="remove")


@check("on SIGTERM the stream ends with system-shutdown and the server exits 0 in time")
async def _(client):
    a = await client("alice").online()
    lost = a.disconnected
    stopping = asyncio.create_task(server("stop"))
    e = await a.expect("stream error", lambda s: s.name == "error")
    want(e["condition"] == "system-shutdown", f"{e}")
    await gone(lost)
    await stopping
    await server("start")
    await a.login()


main("slixmpp")
