"""A DNS server for the checks: SRV, A and AAAA records over UDP, nothing else. Everything that it does not have does not exist."""

import asyncio
import ipaddress
import struct

A, AAAA, SRV, OPT = 1, 28, 33, 41


def pack_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def read_name(data, at):
    """A name of a question, where nothing is compressed, and where it ends."""
    labels = []
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]].decode("ascii").lower())
        at += 1 + data[at]
    return ".".join(labels), at + 1


class Responder(asyncio.DatagramProtocol):
    """records: (name, type) → list of data. literal: SRV records have an address for a target, for a server that finds
    services by our records and then hands what they name to the C library, which asks nobody but the machine's DNS."""

    def __init__(self, literal=False):
        self.records, self.literal = {}, literal

    def service(self, domain, port, addresses):
        """A domain whose server listens on port at the addresses; they replace those before."""
        target = f"xmpp.{domain}"
        service = f"_xmpp-server._tcp.{domain}", SRV
        self.records[service] = []
        for kind in (A, AAAA):
            self.records.pop((target, kind), None)
        for text in addresses:
            ip = ipaddress.ip_address(text)
            self.records.setdefault((target, A if ip.version == 4 else AAAA), []).append(ip.packed)
        for name in addresses if self.literal else [target]:
            self.records[service].append(struct.pack("!HHH", 0, 5, port) + pack_name(name))

    def connection_made(self, transport):
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data, peer):
        try:
            self.transport.sendto(self.answer(data), peer)
        except (IndexError, UnicodeDecodeError, struct.error):
            pass  # no question

    def answer(self, query):
        ident, flags, questions = struct.unpack("!HHH", query[:6])
        name, end = read_name(query, 12)
        kind, _ = struct.unpack("!HH", query[end:end + 4])
        found = self.records.get((name, kind), [])
        exists = any(name == known or known.endswith("." + name) for known, _ in self.records)
        # An answer with authority; recursion is offered, since stub resolvers insist on it.
        head = struct.pack("!HHHHHH", ident, 0x8480 | flags & 0x0100 | (0 if exists else 3), 1, len(found), 0, 0)
        answers = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 1, len(d)) + d for d in found)
        return head + query[12:end + 4] + answers


async def serve(**options):
    """A Responder on a free port of 127.0.0.1."""
    loop = asyncio.get_running_loop()
    _, responder = await loop.create_datagram_endpoint(lambda: Responder(**options), local_addr=("127.0.0.1", 0))
    return responder
