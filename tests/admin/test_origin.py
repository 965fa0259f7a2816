"""
Whose requests the admin port takes for its own: by Host and by Origin.
"""

import pytest

from proxy.admin.origin import is_own_host, is_own_origin

NAMES = ("parallax.example.com", "ops")


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost:9900",
        "localhost.",
        "127.0.0.1:9900",
        "127.9.9.9",
        "10.0.0.5:9900",
        "192.0.2.1",
        "[::1]:9900",
        "[::1]",
        "[2001:db8::5]:1",
        "parallax.example.com",
        "Parallax.Example.Com.:443",
        "ops:1",
    ],
)
def test_localhost_addresses_and_configured_names_are_own(host: str) -> None:
    """
    With any port, since tunnels change it; a page can't make its own name an address.
    """
    assert is_own_host(host, NAMES)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.localhost",
        "localhost@evil.example",
        "localhost:9900:1",
        "localhost/",
        "localhost evil.example",
        "localhost,evil.example",
        "[127.0.0.1",
        "[127.0.0.1]",
        "::1",
        "2130706433",
        "0x7f.1",
        "example.com",
        "parallax.example.com.evil",
        "localhost..",
        "１２７.0.0.1",
    ],
)
def test_every_other_host_is_foreign(host: str) -> None:
    """
    Also what only looks like one of ours, or could be read in two ways.
    """
    assert not is_own_host(host, NAMES)


@pytest.mark.parametrize(
    ("origin", "host", "encrypted", "expected"),
    [
        ("http://127.0.0.1:9900", "127.0.0.1:9900", False, True),
        ("HTTP://LocalHost:9900", "localhost:9900", False, True),
        ("https://parallax.example.com", "parallax.example.com", False, True),
        ("https://parallax.example.com", "parallax.example.com", True, True),
        ("http://parallax.example.com", "parallax.example.com", True, False),
        ("http://127.0.0.1:9901", "127.0.0.1:9900", False, False),
        ("http://localhost:9900", "127.0.0.1:9900", False, False),
        ("null", "127.0.0.1:9900", False, False),
        ("", "127.0.0.1:9900", False, False),
        ("http://evil.example", "127.0.0.1:9900", False, False),
        ("http://127.0.0.1:9900/", "127.0.0.1:9900", False, False),
        ("http://127.0.0.1:9900 http://evil.example", "127.0.0.1:9900", False, False),
        ("file://", "127.0.0.1:9900", False, False),
    ],
)
def test_own_origins_are_the_host_that_was_asked(origin: str, host: str, encrypted: bool, expected: bool) -> None:
    """
    An encrypted page may stand before a plaintext port, a plaintext page never before an encrypted one.
    """
    assert is_own_origin(origin, host, encrypted=encrypted) is expected
