"""OpenSSL's s_client as the other end of TLS 1.3: every cipher suite, key updates both ways, long records, resumption, the end.

It is typed to: a line "K" has it change its keys and ask for the server's, "k" its own alone. A command counts only at the beginning
of what it reads, so each step waits for what the one before must bring. Results as harness.py prints them.
"""

import base64
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

HOST, DOMAIN = os.environ["INTEROP_HOST"], os.environ["INTEROP_DOMAIN"]
CERTS, DIR = Path(os.environ["INTEROP_CERTS"]), Path(os.environ["INTEROP_DIR"])
DEADLINE = float(os.environ.get("INTEROP_DEADLINE", "15"))  # seconds, for one wait
USER, PASSWORD = "juliet", "capulet"
HEADER = f"<stream:stream to='{DOMAIN}' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"


class Failed(Exception):
    """A check did not see what it must see."""


class Peer:
    """A running s_client. What it prints is kept until a step waits for it."""

    def __init__(self, *options):
        starttls = ("-connect", f"{HOST}:{os.environ['INTEROP_PORT']}", "-starttls", "xmpp", "-xmpphost", DOMAIN)
        self.process = subprocess.Popen(
            ("openssl", "s_client", *starttls, "-servername", DOMAIN, "-CAfile", str(CERTS / "ca.pem"), "-verify_return_error",
             "-tls1_3", "-msg", *options), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.text, self.ended, self.changed = "", False, threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while chunk := os.read(self.process.stdout.fileno(), 1 << 16):
            with self.changed:
                self.text += chunk.decode(errors="replace")
                self.changed.notify()
        with self.changed:
            self.ended = True
            self.changed.notify()

    def say(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def hear(self, what):
        """Waits for a text, and forgets all up to its end."""
        end = time.monotonic() + DEADLINE
        with self.changed:
            while what not in self.text:
                left = end - time.monotonic()
                if left <= 0 or self.ended:
                    raise Failed(f"no {what!r}, but ...{self.text[-300:]!r}")
                self.changed.wait(left)
            before, _, self.text = self.text.partition(what)
        return before

    def login(self):
        self.say(HEADER)
        self.hear("</stream:features>")
        plain = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
        self.say(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>")
        self.hear("<success")
        self.say(HEADER)
        self.hear("</stream:features>")
        self.say("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
        self.hear("<jid>")
        return self.hear("</jid>")

    def echo(self, jid, name, size):
        """A message to itself."""
        self.say(f"<message to='{jid}' id='{name}'><body>{'x' * size}</body></message>")
        # -msg prints between the records.
        self.hear(f"id='{name}'")
        got = self.hear("</body>")
        if got.count("x") < size:
            raise Failed(f"{got.count('x')} of {size} bytes came back")

    def leave(self):
        self.say("</stream:stream>")
        self.hear("</stream:stream>")
        self.hear("close_notify")

    def kill(self):
        self.process.kill()
        self.process.wait()


def suite(name):
    peer = Peer("-ciphersuites", name)
    try:
        peer.hear(f"Cipher is {name}")
        jid = peer.login()
        peer.echo(jid, "first", 100)
        for i, key in enumerate("KkKKk"):
            peer.say(key)
            peer.hear("KEYUPDATE")
            peer.echo(jid, f"after{i}", 1 + 15000 * i)
        peer.say("K")
        peer.hear("KEYUPDATE")
        peer.say("<iq type='get' id='ping'><ping xmlns='urn:xmpp:ping'/></iq>")
        peer.hear("<<< TLS 1.3, Handshake [length 0005], KeyUpdate")
        peer.hear("id='ping'")
        peer.leave()
    finally:
        peer.kill()


def resumption():
    session = DIR / "openssl.session"
    first = Peer("-sess_out", str(session))
    try:
        first.login()
        first.leave()
    finally:
        first.kill()
    again = Peer("-sess_in", str(session))
    try:
        again.hear("Reused, TLSv1.3")
        again.echo(again.login(), "again", 40000)
        again.leave()
    finally:
        again.kill()


CHECKS = {f"openssl {name}, key updates both ways, long records": lambda name=name: suite(name)
          for name in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")}
CHECKS["openssl resumes a session"] = resumption

failed = False
for title, check in CHECKS.items():
    try:
        check()
        print(f"ok {title}", flush=True)
    except Failed as e:
        failed = True
        print(f"FAIL {title}: {str(e)[:600]}", flush=True)
sys.exit(failed)
