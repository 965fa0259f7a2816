"""
What the admin port is equipped with for a setup: tokens, names and a certificate; taken at the start and at a reload,
and looked at again while it runs.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from proxy.admin.certificate import Encryption
from proxy.admin.gate import Access
from proxy.admin.port import AdminPort
from proxy.admin.token import LOCAL_NAME, held, kept_token
from proxy.errors import ConfigurationError
from proxy.files import write_whole
from proxy.link.setup import Certificate, Setup, Token
from proxy.threads import on_thread

# A disk that hangs must not keep others waiting for what doesn't need it.
DISK_SECONDS = 5.0
CERTIFICATE: Final = "admin-certificate.pem"
TOKEN_LOOKS: Final = 5  # looks from one try to the next to make a token
CERTIFICATE_LOOKS: Final = 60  # looks from one look at the certificate to the next

_Result = TypeVar("_Result")


class Equipment:
    """
    Gives `port` what a setup says. `encryption` is None for a plaintext port, which stays one until a restart.
    """

    def __init__(self, port: AdminPort, tell: Callable[..., None]) -> None:
        self._port = port
        self._tell = tell
        self._setup: Setup | None = None
        self._looks = 0
        self.encryption: Encryption | None = None

    @property
    def is_complete(self) -> bool:
        """
        Whether a setup was taken over.
        """
        return self._setup is not None

    async def equip(self, setup: Setup) -> None:
        """
        Take a setup over. Raises `ConfigurationError`, and changes nothing, when its certificate can't be used.
        """
        if setup.tls is not None:
            await self._keep(await self._take_certificate(setup.tls), setup)
        self._setup = setup
        tokens = setup.tokens or await self._local_tokens(setup)
        self._port.take_access(Access(tokens=tokens, hosts=setup.hosts, encrypted=self.encryption is not None))

    async def look(self) -> None:
        """
        To be called once a second: a token that could not be made is tried again, a renewed certificate is taken.
        """
        self._looks += 1
        if self._setup is not None and not self._port.gate.access.tokens and not self._looks % TOKEN_LOOKS:
            await self._give_access(self._setup)
        if self._setup is not None and self.encryption is not None and not self._looks % CERTIFICATE_LOOKS:
            await self._refresh(self.encryption, self._setup)

    async def _give_access(self, setup: Setup) -> None:
        tokens = setup.tokens or await self._local_tokens(setup)
        self._port.take_access(Access(tokens=tokens, hosts=setup.hosts, encrypted=self.encryption is not None))

    async def _take_certificate(self, files: Certificate) -> Encryption:
        encryption = self.encryption
        if encryption is None:
            self.encryption = encryption = await _from_disk("read the certificate", lambda: Encryption(files))
        else:
            await _from_disk("read the certificate", partial(encryption.use, files))
        return encryption

    async def _keep(self, encryption: Encryption, setup: Setup) -> None:
        """
        Lay the certificate in use where commands find it: the files may have been renewed, and not taken yet.
        """
        pem = encryption.pem
        with suppress(ConfigurationError):
            # Without it, they still know the files.
            await _from_disk("keep the certificate", lambda: write_whole(Path(setup.state) / CERTIFICATE, pem))

    async def _refresh(self, encryption: Encryption, setup: Setup) -> None:
        try:
            if await _from_disk("look at the certificate", encryption.refresh):
                self._tell("info", "certificate_renewed")
                await self._keep(encryption, setup)
        except ConfigurationError as error:
            self._tell("error", "certificate_refused", reason=str(error))

    async def _local_tokens(self, setup: Setup) -> tuple[Token, ...]:
        """
        The one that is made where none is configured; none if that fails, so that nobody gets in.
        """
        path = Path(setup.state) / "admin-token"
        try:
            token = await _from_disk("read the token", lambda: kept_token(path))
        except ConfigurationError as error:
            self._tell("error", "nobody_can_sign_in", reason=str(error))
            return ()
        return (held(token, name=LOCAL_NAME, role="operator"),)


async def _from_disk(what: str, call: Callable[[], _Result]) -> _Result:
    """
    What `call` returns. Raises `ConfigurationError`, whatever is wrong with the disk.
    """
    try:
        return await asyncio.wait_for(on_thread(what, call), DISK_SECONDS)
    except TimeoutError:
        raise ConfigurationError(
            f"could not {what} within {DISK_SECONDS:g} s; look at the disk that it is on"
        ) from None
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise ConfigurationError(f"could not {what} ({error.filename}: {reason})") from error
