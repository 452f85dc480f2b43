"""A mail server for tests: takes messages as asked on the command line and puts each into a JSON file.

Prints `ready PORT` once it listens on 127.0.0.1, and ends when its standard input ends.
"""

import argparse
import asyncio
import email
import email.policy
import json
import logging
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

FOREVER = 3600
REFUSALS = {
    "rcpt-451": "451 4.2.1 mailbox is busy",
    "rcpt-550": "550 5.1.1 no such user here",
    "data-451": "451 4.3.0 try again later",
    "data-550": "550 5.7.1 we do not want this",
    "connect-421": "421 4.3.2 too many connections",
    "connect-554": "554 5.3.2 no mail for you",
}


class Handler:
    """What happens to the messages."""

    def __init__(self, options):
        self.options = options
        self.taken = 0
        self.open = 0
        self.peak = 0

    async def handle_MAIL(self, server, session, envelope, address, mail_options):
        if self.options.mode == "tired" and getattr(session, "messages", 0) > 0:
            return "421 4.7.0 that was enough for one connection"
        envelope.mail_from = address
        envelope.mail_options.extend(mail_options)
        return "250 2.1.0 ok"

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if self.options.mode.startswith("rcpt-"):
            return REFUSALS[self.options.mode]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        mode = self.options.mode
        if mode.startswith("data-"):
            return REFUSALS[mode]
        self.keep(session, envelope)
        session.messages = getattr(session, "messages", 0) + 1
        if mode == "die":
            os._exit(1)
        if mode == "drop-second" and self.taken == 2:
            server.transport.abort()
        if mode == "slow-data" or (mode == "slow-first" and self.taken == 1):
            await asyncio.sleep(FOREVER)
        return f"250 2.0.0 taken as {self.taken}"

    def keep(self, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        body = lambda kind: message.get_body((kind,)).get_content()
        self.taken += 1
        kept = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "peer": session.peer[1],
            "encrypted": session.ssl is not None or self.options.tls == "implicit",
            "user": session.auth_data.login.decode() if session.auth_data else None,
            "peak": self.peak,
            "raw": envelope.content.decode("latin-1"),
            "headers": {name: str(value) for name, value in message.items()},
            "text": body("plain"),
            "html": body("html"),
        }
        path = os.path.join(self.options.directory, f"{os.getpid()}-{self.taken:04}.json")
        with open(path + ".tmp", "w") as file:
            json.dump(kept, file)
        os.rename(path + ".tmp", path)


class Server(SMTP):
    """Refuses or delays before the first word where it is asked to, and counts its connections."""

    def connection_made(self, transport):
        handler = self.event_handler
        handler.open += 1
        handler.peak = max(handler.peak, handler.open)
        super().connection_made(transport)

    def connection_lost(self, error):
        self.event_handler.open -= 1
        super().connection_lost(error)

    async def _handle_client(self):
        mode = self.event_handler.options.mode
        if mode == "slow-greeting":
            await asyncio.sleep(FOREVER)
        if mode.startswith("connect-"):
            await self.push(REFUSALS[mode])
            self.transport.close()
            return
        await super()._handle_client()


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--directory", required=True)
    parser.add_argument("--mode", default="accept")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", choices=["implicit", "starttls"])
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--login")
    return parser.parse_args()


def protocol(options, context):
    handler = Handler(options)
    settings = {"hostname": "smtp.test", "enable_SMTPUTF8": True}
    if options.tls == "starttls":
        settings.update(tls_context=context, require_starttls=True)
    if options.login:
        user, password = options.login.encode().split(b":")

        def check(server, session, envelope, mechanism, data):
            known = (data.login, data.password) == (user, password)
            return AuthResult(success=known, handled=False, auth_data=data)

        # It would not see that a connection was encrypted from its first byte.
        wants_tls = options.tls == "starttls"
        settings.update(authenticator=check, auth_required=True, auth_require_tls=wants_tls)
    return lambda: Server(handler, **settings)


async def main():
    logging.disable()
    options = arguments()
    context = None
    if options.tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.certificate, options.key)
    implicit = context if options.tls == "implicit" else None
    loop = asyncio.get_running_loop()
    factory = protocol(options, context)
    server = await loop.create_server(factory, "127.0.0.1", options.port, ssl=implicit)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
