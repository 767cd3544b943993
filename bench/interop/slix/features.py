"""Server features, asked by slixmpp."""

import slixmpp
from slixmpp.xmlstream import ET

from harness import DEADLINE, DOMAIN, check, main, want

SERVER = slixmpp.JID(DOMAIN)
ALICE, BOB = (f"{n}@{DOMAIN}" for n in ("alice", "bob"))


@check("ping of the server and of another client")
async def _(client):
    a, b = await client("alice").online(), await client("bob").online()
    await a.plugin["xep_0199"].send_ping(SERVER, timeout=DEADLINE)
    b.send_presence(pto=a.boundjid)  # a request reaches only who shares presence (RFC 6121 §8.5.3.1)
    await a.presence("available", BOB)
    await a.plugin["xep_0199"].send_ping(b.boundjid, timeout=DEADLINE)


@check("a stranger's request is answered as if nobody were there", "presence privacy")
async def _(client):
    a, b = await client("alice").online(), await client("bob").online()
    iq = a.make_iq_get(ito=b.boundjid)
    iq.append(ET.Element("{urn:xmpp:ping}ping"))
    want(await a.refused(iq) == "service-unavailable", "another error")


@check("disco#info of the server")
async def _(client):
    a = await client("alice").online()
    info = (await a.plugin["xep_0030"].get_info(jid=SERVER, timeout=DEADLINE))["disco_info"]
    want(any(i[0] == "server" and i[1] == "im" for i in info["identities"]), f"identities {info['identities']}")
    lacking = {"http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/disco#items", "urn:xmpp:ping",
               "jabber:iq:version", "vcard-temp"} - set(info["features"])
    want(not lacking, f"lacks {sorted(lacking)}")


@check("disco#items of the server")
async def _(client):
    a = await client("alice").online()
    await a.plugin["xep_0030"].get_items(jid=SERVER, timeout=DEADLINE)


@check("disco#info of the own account")
async def _(client):
    a = await client("alice").online()
    info = (await a.plugin["xep_0030"].get_info(jid=slixmpp.JID(ALICE), timeout=DEADLINE))["disco_info"]
    want(any(i[0] == "account" for i in info["identities"]), f"identities {info['identities']}")


@check("version of the server")
async def _(client):
    a = await client("alice").online()
    v = (await a.plugin["xep_0092"].get_version(SERVER, timeout=DEADLINE))["software_version"]
    want(v["name"] and v["version"], f"name {v['name']!r}, version {v['version']!r}")


@check("uptime of the server (last activity)")
async def _(client):
    a = await client("alice").online()
    last = await a.plugin["xep_0012"].get_last_activity(SERVER, timeout=DEADLINE)
    want(last["last_activity"]["seconds"] is not None, f"{last}")


@check("time of the server")
async def _(client):
    a = await client("alice").online()
    iq = a.make_iq_get(ito=SERVER)
    iq.append(ET.Element("{urn:xmpp:time}time"))
    answer = await a.ask(iq)
    utc = answer.xml.find("{urn:xmpp:time}time/{urn:xmpp:time}utc")
    want(utc is not None and utc.text and utc.text.endswith("Z"), f"{answer}")


@check("vCard: set, own, another's")
async def _(client):
    a, b = await client("alice").online(), await client("bob").online()
    card = a.plugin["xep_0054"].make_vcard()
    card["FN"] = "Alice Liddell & <Co>"
    card["NICKNAME"] = "Älice"
    await a.plugin["xep_0054"].publish_vcard(card, timeout=DEADLINE)
    for who, ask in ((a, None), (b, ALICE)):
        got = await who.plugin["xep_0054"].get_vcard(slixmpp.JID(ask) if ask else None, local=False, timeout=DEADLINE)
        want(got["vcard_temp"]["FN"] == "Alice Liddell & <Co>", f"{got}")


@check("private storage: what was stored comes back")
async def _(client):
    a = await client("alice").online()
    iq = a.make_iq_set()
    query = ET.SubElement(iq.xml, "{jabber:iq:private}query")
    ET.SubElement(query, "{exodus:prefs}exodus").text = "Hamlet & <Ophelia>"
    await a.ask(iq)
    iq = a.make_iq_get()
    ET.SubElement(ET.SubElement(iq.xml, "{jabber:iq:private}query"), "{exodus:prefs}exodus")
    answer = await a.ask(iq)
    got = answer.xml.find("{jabber:iq:private}query/{exodus:prefs}exodus")
    want(got is not None and got.text == "Hamlet & <Ophelia>", f"{answer}")


@check("in-band registration is refused")
async def _(client):
    a = await client("alice").online()
    # An account may change its password by the same namespace; what must not be there is the stream feature (XEP-0077 §7).
    want(all(f.find("{http://jabber.org/features/iq-register}register") is None for f in a.offered), "it is offered")
    iq = a.make_iq_set(ito=SERVER)
    query = ET.SubElement(iq.xml, "{jabber:iq:register}query")
    ET.SubElement(query, "{jabber:iq:register}username").text = "intruder"
    ET.SubElement(query, "{jabber:iq:register}password").text = "intruder"
    condition = await a.refused(iq)
    want(condition in ("service-unavailable", "not-allowed", "feature-not-implemented", "forbidden"), condition)
    intruder = client("intruder", password="intruder", mech="PLAIN")
    want(await intruder.open() != "session_start", "the new account can log in")


@check("an unknown request is service-unavailable")
async def _(client):
    a = await client("alice").online()
    for to in (SERVER, slixmpp.JID(ALICE), slixmpp.JID(f"{BOB}/nowhere")):
        iq = a.make_iq_get(ito=to)
        iq.append(ET.Element("{urn:example:nothing}nothing"))
        condition = await a.refused(iq)
        want(condition == "service-unavailable", f"{to}: {condition}")


main("slixmpp")
