"""What the slixmpp checks share: a client that can be waited on, and the printing of results.

Every wait ends with an event or with a deadline. Results go to standard output, one line each:
`ok NAME`, `FAIL NAME: reason`, `skip NAME: reason`. The log of slixmpp goes to standard error.
"""

import asyncio
import functools
import hashlib
import logging
import os
import ssl
import sys
import traceback
from pathlib import Path

import slixmpp
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.util.sasl.mechanisms import SCRAM
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath, StanzaPath

HOST = os.environ["INTEROP_HOST"]
PORT = int(os.environ["INTEROP_PORT"])
TLS_PORT = int(os.environ["INTEROP_TLS_PORT"])
DOMAIN = os.environ["INTEROP_DOMAIN"]
CERTS = Path(os.environ["INTEROP_CERTS"])
SERVER = os.environ["INTEROP_SERVER"]  # the command that starts, stops and kills the server
LACKS = os.environ.get("INTEROP_LACKS", "").split(",")  # what this server is known not to have
DEADLINE = float(os.environ.get("INTEROP_DEADLINE", "15"))  # seconds, for one wait

PASSWORDS = {}
for line in Path(os.environ["INTEROP_USERS"]).read_text().splitlines():
    name, _, word = line.partition(":")
    PASSWORDS[name] = word

PLUGINS = ("xep_0030", "xep_0199", "xep_0054", "xep_0092", "xep_0012", "xep_0049", "xep_0203", "xep_0077")


class Failed(Exception):
    """A check did not see what it must see."""


def want(condition, reason):
    if not condition:
        raise Failed(reason)


class Client(slixmpp.ClientXMPP):
    """One stream. Stanzas that arrive are kept until somebody expects them."""

    def __init__(self, user, *, password=None, mech=None, cert=None, resource=None, tls=None, binding=None, alpn=None, at=None):
        """at: the server, when it is not the one under test: its host, port, domain and authority. mech: the mechanism to log in with, "any" to let slixmpp choose. tls: the only TLS version to speak. binding: None to
        say that channel binding is not known here, "native" for what slixmpp does by itself, "tls-server-end-point". alpn: the
        protocols to offer."""
        mech = {None: "SCRAM-SHA-1", "any": None}.get(mech, mech)
        self.server_address = (at.host, at.port) if at else None
        domain = at.domain if at else DOMAIN
        jid = f"{user}@{domain}" + (f"/{resource}" if resource else "")
        super().__init__(jid, PASSWORDS.get(user, "") if password is None else password, sasl_mech=mech)
        self.user = user
        self.default_domain = domain  # the name in SNI, and the one the certificate must have
        self.ca_certs = at.authority if at else CERTS / "ca.pem"
        self.binding = binding
        self.mechanism = None  # the one that worked
        self.refusals = []  # conditions of SASL failures
        if tls:
            self.ssl_context.minimum_version = self.ssl_context.maximum_version = tls
        if alpn:
            self.ssl_context.set_alpn_protocols(alpn)
        if cert:
            self.certfile, self.keyfile = CERTS / f"{cert}.pem", CERTS / f"{cert}-key.pem"
        for plugin in PLUGINS:
            self.register_plugin(plugin)
        # Subscriptions are answered by the checks, not by the library.
        self.roster.auto_authorize = None
        self.roster.auto_subscribe = False
        mechanisms = self["feature_mechanisms"]
        mechanisms.sasl_callback = functools.partial(self._credentials, mechanisms._default_credentials)
        self.offered = []  # stream features, as they came
        self.inbox = []
        self.news = asyncio.Event()
        for name, match in (
            ("messages", MatchXPath("{jabber:client}message")),
            ("presences", MatchXPath("{jabber:client}presence")),
            ("pushes", StanzaPath("iq@type=set/roster")),
        ):
            self.register_handler(Callback(name, match, self._keep))
        self.register_handler(Callback("features seen", MatchXPath("{%s}features" % self.stream_ns),
                                       lambda s: self.offered.append(s.xml)))
        self.add_event_handler("failed_auth", lambda f: self.refusals.append(f["condition"]))
        self.add_event_handler("auth_success", self._succeeded)
        self.add_event_handler("stream_error", self._keep)

    def _credentials(self, default, required, optional):
        have = default(required, optional)
        if self.binding == "native":
            return have
        have.pop("channel_binding", None)
        if self.binding == "tls-server-end-point" and "channel_binding" in optional:
            have["channel_binding"] = END_POINT + hashlib.sha256(self.socket.getpeercert(True)).digest()
        return have

    async def _pick_dns_answer(self, domain, service=None):
        return None  # the address is given; slixmpp would ask DNS for the domain all the same

    def _succeeded(self, _):
        self.mechanism = self["feature_mechanisms"].mech.name

    def _keep(self, stanza):
        self.inbox.append(stanza)
        self.news.set()

    async def expect(self, what, match, deadline=DEADLINE):
        """Return the first kept stanza that matches, now or later, and forget it."""
        end = asyncio.get_running_loop().time() + deadline
        while True:
            for i, stanza in enumerate(self.inbox):
                if match(stanza):
                    return self.inbox.pop(i)
            self.news.clear()
            try:
                await asyncio.wait_for(self.news.wait(), end - asyncio.get_running_loop().time())
            except asyncio.TimeoutError:
                kept = "; ".join(str(s)[:160] for s in self.inbox) or "nothing"
                raise Failed(f"no {what} within {deadline:g} s; what came: {kept}") from None

    async def message(self, body, deadline=DEADLINE):
        return await self.expect(f"message {body[:40]!r}", lambda s: is_a(s, "message") and s["body"] == body, deadline)

    async def presence(self, kind, sender, **fields):
        """kind: a subscription type, available, unavailable, or the show value; sender: bare address."""
        def match(s):
            return (is_a(s, "presence") and s["type"] == kind and s["from"].bare == sender
                    and all(s[k] == v for k, v in fields.items()))
        return await self.expect(f"presence {kind} {fields or ''} from {sender}", match)

    async def push(self, contact, **fields):
        def match(s):
            if not is_a(s, "iq"):
                return False
            item = s["roster"]["items"].get(slixmpp.JID(contact))
            return item is not None and all(item[k] == v for k, v in fields.items())
        return await self.expect(f"roster push for {contact} with {fields}", match)

    async def open(self, *, direct=False, plain=False):
        """Connect and authenticate. Return the name of the event that decided: session_start when all went well."""
        loop, decided = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
        events = ("session_start", "failed_all_auth", "no_auth", "connection_failed", "disconnected", "ssl_invalid_chain")

        def on(name, data):
            if not decided.done():
                decided.set_result((name, data))

        handlers = {name: functools.partial(on, name) for name in events}
        for name, handler in handlers.items():
            self.add_event_handler(name, handler)
        self.connect(self.server_address or (HOST, TLS_PORT if direct else PORT), use_ssl=direct, disable_starttls=plain or direct,
                     force_starttls=not plain and not direct)
        try:
            name, data = await asyncio.wait_for(decided, DEADLINE)
        except asyncio.TimeoutError:
            name, data = "silence", None
        finally:
            for event, handler in handlers.items():
                self.del_event_handler(event, handler)
        self.cancel_connection_attempt()  # slixmpp would try again for ever
        self.why = data
        return name

    async def login(self, **how):
        event = await self.open(**how)
        refused = f", refused with {self.refusals}" if self.refusals else ""
        want(event == "session_start", f"{event} {self.why or ''}{refused}")
        return self

    async def online(self, **how):
        """Log in, ask for the roster and send initial presence."""
        await self.login(**how)
        await self.get_roster(timeout=DEADLINE)
        self.send_presence()
        await self.presence("available", self.boundjid.bare)
        return self

    async def close(self):
        if self.transport is not None:
            gone = self.disconnected
            self.disconnect()
            await asyncio.wait_for(gone, DEADLINE)

    async def ask(self, iq):
        """Send an IQ; an error is a Failed that names its condition."""
        try:
            return await iq.send(timeout=DEADLINE)
        except IqError as e:
            raise Failed(f"error {e.condition} {e.text or ''}") from None
        except IqTimeout:
            raise Failed(f"no answer within {DEADLINE:g} s") from None

    async def refused(self, iq):
        """Send an IQ that must be answered with an error and return its condition."""
        try:
            answer = await iq.send(timeout=DEADLINE)
        except IqError as e:
            return e.condition
        except IqTimeout:
            raise Failed(f"no answer within {DEADLINE:g} s") from None
        raise Failed(f"accepted: {answer}")

    async def set_item(self, contact, name="", groups=(), subscription=None):
        iq = self.make_iq_set()
        item = {"name": name, "groups": list(groups)}
        if subscription:
            item["subscription"] = subscription
        iq["roster"]["items"] = {contact: item}
        return await self.ask(iq)

    async def items(self):
        answer = await self.ask(self._roster_get())
        return {str(j): item for j, item in answer["roster"]["items"].items()}

    def _roster_get(self):
        iq = self.make_iq_get()
        iq.enable("roster")
        return iq


# slixmpp knows no channel binding but tls-unique. This teaches its SCRAM the other name, so that the server's side of
# tls-server-end-point meets a foreign implementation of everything else.
END_POINT = b"tls-server-end-point:"  # marks the data
_first = SCRAM.process_1


def _end_point(self, challenge):
    first = _first(self, challenge)
    data = self.credentials["channel_binding"]
    if self.use_channel_binding and data.startswith(END_POINT):
        self.credentials["channel_binding"] = data[len(END_POINT):]
        self.gs2_header = self.gs2_header.replace(b"tls-unique", b"tls-server-end-point")
        first = self.gs2_header + self.client_first_message_bare
    return first


SCRAM.process_1 = _end_point


def is_a(stanza, name):
    return stanza.xml.tag == "{jabber:client}" + name


CHECKS = []


def check(name, needs=None):
    """Register a coroutine as a check. needs: a word that may stand in INTEROP_LACKS."""
    def register(f):
        CHECKS.append((name, needs, f))
        return f
    return register


async def run_check(line, f):
    """Run one check with clients of its own, print its result and return whether it was good."""
    clients = []

    def client(*args, **kw):
        clients.append(Client(*args, **kw))
        return clients[-1]

    good = True
    try:
        await asyncio.wait_for(f(client), 8 * DEADLINE)
        print(f"ok {line}", flush=True)
    except Exception as e:  # whatever goes wrong is that check's result
        good = False
        if not isinstance(e, Failed):
            traceback.print_exc()
        reason = " ".join(f"{'' if isinstance(e, Failed) else type(e).__name__ + ' '}{e}".split())
        print(f"FAIL {line}: {reason}", flush=True)
    for c in clients:
        try:
            await c.close()
        except Exception:
            c.abort()
    return good


async def run_checks(prefix):
    failures = 0
    for name, needs, f in CHECKS:
        line = f"{prefix}: {name}"
        if needs in LACKS:
            print(f"skip {line}: this server has no {needs}", flush=True)
        elif not await run_check(line, f):
            failures += 1
    return failures


def main(prefix):
    """Run the checks that were registered."""
    run(run_checks(prefix))


def run(checks):
    """checks: a coroutine that returns how many failed."""
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    for noisy in ("asyncio",):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    sys.exit(1 if asyncio.run(checks) else 0)


TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
