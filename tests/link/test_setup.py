"""
The setup as bytes and back.
"""

from dataclasses import replace

import pytest

from proxy.link.setup import Certificate, Setup, Token, decode, encode

SETUP = Setup(
    file="/etc/parallax.yaml",
    content="ab",
    folder="/etc",
    options=((("old", "url"), "http://a"), (("workers",), 2)),
    store="sqlite:////var/parallax.db",
    state="/var",
    kill_file="/var/kill",
    tokens=(Token(name="ops", role="operator", sha256="0" * 64),),
    tls=Certificate(certificate="/c", key="/k"),
    hosts=("parallax.example.com",),
    bound="127.0.0.1:9900",
    new=0.0,
    mirror=100.0,
    fixed=(("listen", "127.0.0.1:8080"),),
    files=(("/etc/ca.pem", "cd"),),
)


@pytest.mark.parametrize("setup", [SETUP, replace(SETUP, file=None, tls=None, tokens=(), options=())])
def test_a_setup_survives_the_way(setup: Setup) -> None:
    """
    With and without what is optional.
    """
    assert decode(encode(setup)) == setup


@pytest.mark.parametrize("data", [b"", b"nonsense", b"{}", b'{"tls": null}', b"[]"])
def test_what_is_no_setup_is_refused(data: bytes) -> None:
    """
    With one of the errors that the reader expects.
    """
    with pytest.raises((KeyError, TypeError, ValueError)):
        decode(data)
