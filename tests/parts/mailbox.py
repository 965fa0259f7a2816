"""
A mail server that takes whatever comes, and keeps it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage

# What is said to each command (RFC 5321); MAIL, RCPT and the rest are taken as they are.
ANSWERS = {b"EHLO": b"250 mail.test", b"DATA": b"354 go on", b"QUIT": b"221 bye"}


class Mailbox:
    """
    `mails` are those that came. `refuses`: the server takes none.
    """

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refuses = False
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """
        One connection.
        """
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.write(b"220 mail.test\r\n")
            while line := await reader.readline():
                command = line[:4].upper()
                if command == b"MAIL" and self.refuses:
                    writer.write(b"451 not now\r\n")
                    continue
                writer.write(ANSWERS.get(command, b"250 fine") + b"\r\n")
                if command == b"DATA":
                    raw = (await reader.readuntil(b"\r\n.\r\n"))[:-3].replace(b"\r\n..", b"\r\n.")
                    self.mails.append(message_from_bytes(raw, EmailMessage, policy=policy.default))
                    writer.write(b"250 taken\r\n")
                if command == b"QUIT":
                    break
        writer.close()


@asynccontextmanager
async def mailbox() -> AsyncIterator[Mailbox]:
    """
    One that listens, in plaintext.
    """
    box = Mailbox()
    server = await asyncio.start_server(box.serve, "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()
