"""The three servers of the checks, each on free loopback ports with a configuration and data of its own.

A Setting says how all of them are to federate; what it means in each one's options is written down in its class.
"""

import asyncio
import os
import shutil
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

ROOST = os.environ["INTEROP_ROOST"]
DIR = Path(os.environ["INTEROP_DIR"]) / "federation"
USERS = {"alice": "wonderland", "bob": "builder"}
START = 60  # seconds that a server has to accept connections


@dataclass(frozen=True)
class Setting:
    """tls: no or required. certificate: whose the servers' own are, self (signed) or ca; with ca it must prove the domain."""
    name: str
    tls: str
    certificate: str = "self"
    proof: str = "dialback"
    address: str = "127.0.0.1"  # where DNS says that the servers are


def free_ports(n):
    """Ports that are free on 127.0.0.1 and on ::1."""
    held, ports = [], []
    while len(ports) < n:
        a = socket.create_server(("127.0.0.1", 0))
        port = a.getsockname()[1]
        held.append(a)
        try:
            held.append(socket.create_server(("::1", port), family=socket.AF_INET6))
        except OSError:
            if have_ipv6():
                continue
        ports.append(port)
    for s in held:
        s.close()
    return ports


def have_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        return True
    except OSError:
        return False


class Server:
    """One server process. host, port, domain and authority are what a client needs."""

    host = "127.0.0.1"

    def __init__(self, setting, dns, literal):
        """dns, literal: DNS servers that know every server, see dns.Responder."""
        self.domain = f"{self.name}.example"
        self.dir = DIR / setting.name / self.name
        self.dir.mkdir(parents=True, exist_ok=True)
        self.port, self.s2s_port = free_ports(2)
        self.setting, self.dns, self.literal, self.process = setting, dns, literal, None
        self.addresses = ["127.0.0.1"] + (["::1"] if have_ipv6() else [])
        certs = DIR / "certs"
        self.cert, self.key = certs / f"{setting.certificate}-{self.name}.pem", certs / f"{setting.certificate}-{self.name}-key.pem"
        self.ca = certs / "ca.pem"
        self.authority = self.cert if setting.certificate == "self" else self.ca  # that clients believe
        for names in (dns, literal):
            names.service(self.domain, self.s2s_port, [setting.address])
        self.configure()

    def write(self, name, text):
        (self.dir / name).write_text(text)

    async def start(self):
        self.log = open(self.dir / "log", "ab")
        self.process = await asyncio.create_subprocess_exec(
            *self.command(), cwd=self.dir, env={**os.environ, **self.environment()},
            stdin=asyncio.subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        for port in (self.port, self.s2s_port):
            await self._accepts(port)
        await self.ready()

    def environment(self):
        return {}

    async def ready(self):
        """Wait for what an open port does not show yet."""

    async def _accepts(self, port):
        end = asyncio.get_running_loop().time() + START
        while True:
            try:
                _, writer = await asyncio.open_connection(self.host, port)
                writer.close()
                return
            except OSError as e:
                if self.process.returncode is not None or asyncio.get_running_loop().time() > end:
                    raise RuntimeError(f"{self.name} does not start: {e}; {self.tail()}") from None
                await asyncio.sleep(0.05)

    def tail(self):
        lines = self.text().strip().splitlines()
        return lines[-1] if lines else "its log is empty"

    def text(self):
        return (self.dir / "log").read_text(errors="replace")

    async def end(self, how=signal.SIGKILL):
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, how)
        except ProcessLookupError:
            pass
        await self.process.wait()
        self.log.close()
        self.process = None


class Roost(Server):
    name = "roost"
    installed = staticmethod(lambda: os.access(ROOST, os.X_OK))

    def configure(self):
        self.write("users", "".join(f"{u}:{p}\n" for u, p in USERS.items()))
        self.write("resolv.conf", f"nameserver 127.0.0.1:{self.dns.port}\n")
        verify = "host" if self.setting.proof == "certificate" else "no"
        listens = "\n".join(f'  Listen "{f"[{a}]" if ":" in a else a}:{self.s2s_port}" {{}}' for a in self.addresses)
        self.write("roost.conf", f"""Data_Dir = "{self.dir}/data"
Resolv_Conf = "{self.dir}/resolv.conf"
tls = {self.setting.tls}
tls_verify = {verify}
tls_ca = "{self.ca}"
host_failure_retry = 1
Use_IPv6 = true
xmpp {{}}
xmpp_listener {{
  AuthPlainParameters = [ uri = "file://{self.dir}/users" ]
  TLS_Certificate = "{self.cert}"
  TLS_Key = "{self.key}"
  Listen "{self.host}:{self.port}" {{}}
{listens}
}}
domain "#xmpp#{self.domain}" {{ XMPP_Role = server XMPP_Federation = open }}
scriptlet "scriptlet" {{ script "xmpp-presence" {{ source = "msys.xmpp.presence" }} }}
Control_Listener {{ enable = off }}
HTTP_Listener {{ enable = off }}
""")

    def command(self):
        return [ROOST, "serve", "-c", str(self.dir / "roost.conf")]


class Prosody(Server):
    name = "prosody"
    installed = staticmethod(lambda: bool(shutil.which("prosody")) and Path("/usr/share/doc/lua-unbound").exists())

    def configure(self):
        accounts = self.dir / "data" / self.domain.replace(".", "%2e") / "accounts"
        accounts.mkdir(parents=True)
        for user, password in USERS.items():
            (accounts / f"{user}.dat").write_text(f'return {{ ["password"] = "{password}" }};\n')
        encrypted = "true" if self.setting.tls == "required" else "false"
        proven = "true" if self.setting.proof == "certificate" else "false"
        interfaces = ", ".join(f'"{a}"' for a in self.addresses)
        dialback = "" if self.setting.proof == "certificate" else '"dialback", '
        self.write("prosody.cfg.lua", f"""run_as_root = true
daemonize = false
pidfile = "{self.dir}/prosody.pid"
data_path = "{self.dir}/data"
interfaces = {{ {interfaces} }}
c2s_ports = {{ {self.port} }}
s2s_ports = {{ {self.s2s_port} }}
c2s_direct_tls_ports = {{}}
s2s_direct_tls_ports = {{}}
http_ports = {{}}
https_ports = {{}}
modules_enabled = {{ "roster", "saslauth", "tls", {dialback}"disco", "version", "ping", "offline", "posix" }}
use_ipv6 = true
c2s_require_encryption = true
s2s_require_encryption = {encrypted}
s2s_secure_auth = {proven}
authentication = "internal_plain"
limits = {{}}
unbound = {{ resolvconf = false; hoststxt = false; forward = {{ "127.0.0.1@{self.dns.port}" }}; options = {{ ["do-not-query-localhost:"] = "no" }} }}
log = {{ debug = "*console" }}
ssl = {{ certificate = "{self.cert}", key = "{self.key}", cafile = "{self.ca}" }}
VirtualHost "{self.domain}"
""")

    def command(self):
        return ["prosody", "-F", "--config", str(self.dir / "prosody.cfg.lua")]


class Ejabberd(Server):
    name = "ejabberd"
    installed = staticmethod(lambda: bool(shutil.which("ejabberdctl") and shutil.which("erl")))

    def configure(self):
        both = self.dir / "both.pem"
        both.write_bytes(self.cert.read_bytes() + self.key.read_bytes())
        # Empty names: files that would come before what stands here.
        self.write("inetrc", f"""{{resolv_conf, ""}}.
{{hosts_file, ""}}.
{{lookup, [dns]}}.
{{nameserver, {{127,0,0,1}}, {self.literal.port}}}.
""")
        listens = "".join(f"""
  - port: {self.s2s_port}
    ip: "{a}"
    module: ejabberd_s2s_in
    shaper: none""" for a in self.addresses)
        dialback = "" if self.setting.proof == "certificate" else "\n  mod_s2s_dialback: {}"
        use = {"no": "false", "required": "required"}[self.setting.tls]
        self.write("ejabberd.yml", f"""hosts: [ "{self.domain}" ]
loglevel: debug
certfiles: [ "{both}" ]
ca_file: "{self.ca}"
auth_method: internal
auth_password_format: plain
s2s_use_starttls: {use}
s2s_max_retry_delay: 1
outgoing_s2s_families: [ ipv4, ipv6 ]
listen:
  - port: {self.port}
    ip: "{self.host}"
    module: ejabberd_c2s
    starttls: true
    shaper: none
    access: all{listens}
modules:
  mod_roster: {{}}
  mod_disco: {{}}
  mod_ping: {{}}
  mod_version: {{}}
  mod_offline: {{}}{dialback}
""")
        accounts = ", ".join(f'ejabberd_auth:try_register(<<"{u}">>, <<"{self.domain}">>, <<"{p}">>)' for u, p in USERS.items())
        self.eval = f"""F = fun(F) -> case lists:keymember(ejabberd, 1, application:which_applications()) of
            true -> ok; false -> timer:sleep(50), F(F) end end, F(F), {accounts}, file:write_file("ready", "").""".replace("\n", " ")

    def environment(self):
        return {"EJABBERD_CONFIG_PATH": str(self.dir / "ejabberd.yml"), "EJABBERD_LOG_PATH": str(self.dir / "ejabberd.log"),
                "ERL_LIBS": "/usr/lib/x86_64-linux-gnu:/usr/lib/erlang/lib", "ERL_INETRC": str(self.dir / "inetrc"),
                "ERL_CRASH_DUMP_BYTES": "0", "HOME": str(self.dir)}

    def command(self):
        # ejabberdctl changes to a user of its own and starts a name service that stays behind; the virtual machine alone does neither.
        (self.dir / "ready").unlink(missing_ok=True)
        return ["erl", "-noinput", "+K", "true", "-mnesia", "dir", f'"{self.dir}/mnesia"', "-s", "ejabberd", "-eval", self.eval]

    async def ready(self):
        while not (self.dir / "ready").exists():
            if self.process.returncode is not None:
                raise RuntimeError(f"ejabberd ended while it started; {self.tail()}")
            await asyncio.sleep(0.05)


KINDS = (Roost, Prosody, Ejabberd)
