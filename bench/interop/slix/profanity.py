"""profanity, a terminal client, in tmux on one side; slixmpp on the other."""

import asyncio
import contextlib
import os
from pathlib import Path

from harness import DEADLINE, DOMAIN, HOST, PASSWORDS, PORT, Failed, check, main, want

HOME = Path(os.environ["INTEROP_DIR"]) / "profanity"
SOCKET = HOME / "tmux"
ENV = {
    "PATH": os.environ["PATH"], "HOME": str(HOME), "TERM": "screen-256color", "SHELL": "/bin/sh", "LC_ALL": "C.UTF-8",
    "XDG_DATA_HOME": str(HOME / "data"), "XDG_CONFIG_HOME": str(HOME / "config"),
}
CAROL, DAVE = f"carol@{DOMAIN}", f"dave@{DOMAIN}"

ACCOUNT = f"""[{CAROL}]
enabled=true
jid={CAROL}
resource=profanity
server={HOST}
port={PORT}
password={PASSWORDS["carol"]}
tls.policy=trust
"""


async def tmux(*args):
    process = await asyncio.create_subprocess_exec(
        "tmux", "-S", str(SOCKET), "-f", "/dev/null", *args, env=ENV, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    out, _ = await asyncio.wait_for(process.communicate(), DEADLINE)
    if process.returncode != 0:
        raise Gone(f"tmux {args[0]}: {out.decode()}")
    return out.decode(errors="replace")


class Gone(Failed):
    """tmux has ended, and with it what ran in it."""


async def ends():
    """Wait until profanity, and with it tmux, has ended."""
    for _ in range(int(DEADLINE / 0.1)):
        try:
            await tmux("has-session")
        except Gone:
            return
        await asyncio.sleep(0.1)
    raise Failed("it does not quit")


async def type_line(line):
    await tmux("send-keys", "-l", line)
    await tmux("send-keys", "Enter")


async def shows(text):
    """Wait until the screen shows the text."""
    screen = ""
    for _ in range(int(DEADLINE / 0.1)):
        screen = await tmux("capture-pane", "-p")
        if text in screen:
            return
        await asyncio.sleep(0.1)  # a terminal reports no change
    raise Failed(f"the screen does not show {text!r}: {' '.join(screen.split())[-300:]}")


@check("log in, subscribe, chat both ways, log out")
async def _(client):
    (HOME / "data/profanity").mkdir(parents=True)
    (HOME / "config/profanity").mkdir(parents=True)
    (HOME / "data/profanity/accounts").write_text(ACCOUNT)
    d = await client("dave").online()
    for contact in await d.items():
        await d.set_item(contact, subscription="remove")
    await tmux("new-session", "-d", "-x", "130", "-y", "40", f"profanity -a {CAROL}")
    try:
        await shows("logged in successfully")
        await type_line(f"/sub request {DAVE}")
        await d.presence("subscribe", CAROL)
        d.send_presence_subscription(pto=CAROL, ptype="subscribed")
        d.send_presence(pshow="chat", pstatus="here")
        await shows(f"Subscription received from {DAVE}")
        await type_line(f"/msg {DAVE} hello from the terminal")
        m = await d.expect("the message", lambda s: s.name == "message" and s["body"] == "hello from the terminal")
        d.send_message(mto=m["from"], mbody="and an answer", mtype="chat")
        await shows("and an answer")
        await type_line("/quit")
        await ends()
        for contact in await d.items():
            await d.set_item(contact, subscription="remove")
    finally:
        with contextlib.suppress(Gone):
            await tmux("kill-server")


main("profanity")
