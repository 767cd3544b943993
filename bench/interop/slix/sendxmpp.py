"""go-sendxmpp sends, slixmpp receives; and the other way round."""

import asyncio
import os

from harness import CERTS, DEADLINE, DOMAIN, HOST, PASSWORDS, PORT, TLS_PORT, Failed, check, main, want

ENV = dict(os.environ, SSL_CERT_FILE=str(CERTS / "ca.pem"), SSL_CERT_DIR="/nonexistent")


def command(user, port, *more):
    return ("go-sendxmpp", "-u", f"{user}@{DOMAIN}", "-p", PASSWORDS[user], "-j", f"{HOST}:{port}", *more)


async def send(text, recipient, port, *more):
    process = await asyncio.create_subprocess_exec(
        *command("dave", port, *more, recipient), env=ENV,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    try:
        out, _ = await asyncio.wait_for(process.communicate(text.encode()), 2 * DEADLINE)
    except asyncio.TimeoutError:
        process.kill()
        raise Failed("go-sendxmpp does not end") from None
    want(process.returncode == 0, f"exit code {process.returncode}: {out.decode(errors='replace')[-300:]}")


def sends(title, port, *more):
    @check(title)
    async def _(client):
        a = await client("alice").online()
        text = f"sent by go-sendxmpp & <friends> é, {title}"
        await send(text + "\n", f"alice@{DOMAIN}", port, *more)
        m = await a.expect("the message", lambda s: s.name == "message" and text in s["body"])
        want(m["from"].bare == f"dave@{DOMAIN}", f"from {m['from']}")


sends("a message over STARTTLS", PORT)
sends("a message over direct TLS", TLS_PORT, "-t")


@check("listens and prints a message")
async def _(client):
    process = await asyncio.create_subprocess_exec(
        *command("dave", PORT, "-l"), env=ENV, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT)
    try:
        a = await client("alice").online()
        await a.set_item(f"dave@{DOMAIN}")
        # It prints no word when it is ready, so send until it answers with what it was sent.
        heard = asyncio.create_task(hear(process, "are you there?"))
        for _ in range(int(DEADLINE / 0.25)):
            a.send_message(mto=f"dave@{DOMAIN}", mbody="are you there?", mtype="chat")
            done, _ = await asyncio.wait({heard}, timeout=0.25)
            if done:
                break
        else:
            heard.cancel()
            raise Failed("it prints nothing")
        heard.result()
        await a.set_item(f"dave@{DOMAIN}", subscription="remove")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def hear(process, text):
    lines = []
    async for line in process.stdout:
        if text in line.decode(errors="replace"):
            return
        lines.append(line.decode(errors="replace").strip())
    raise Failed(f"go-sendxmpp ended: {' | '.join(lines)[-300:]}")


main("go-sendxmpp")
