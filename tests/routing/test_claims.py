"""
With a key, only tokens that it has signed say something, and only in their time.
"""

import base64
import hashlib
import hmac
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from proxy.routing.claims import LONGEST_TOKEN, Claims, texts
from tests.parts.values import a_request

SECRET = "a secret of more than thirty-two bytes"
NOW = 1_790_000_000.0
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    """
    Its public half.
    """
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def part(value: bytes) -> bytes:
    """
    One part of a token.
    """
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def token(claims: dict[str, Any], alg: str = "HS256", key: str = SECRET, **more: Any) -> bytes:
    """
    A token signed in one of the ways.
    """
    signed = part(orjson.dumps({"alg": alg, "typ": "JWT", **more})) + b"." + part(orjson.dumps(claims))
    match alg:
        case "HS256":
            signature = hmac.digest(key.encode(), signed, hashlib.sha256)
        case "RS256":
            signature = RSA.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        case "ES256":
            r, s = decode_dss_signature(EC.sign(signed, ec.ECDSA(hashes.SHA256())))
            signature = r.to_bytes(32) + s.to_bytes(32)
        case _:
            signature = b""
    return signed + b"." + part(signature)


def read(key: str, raw: bytes, now: float = NOW) -> dict[str, Any]:
    """
    What a request with a token says.
    """
    head = a_request(b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + raw + b"\r\n\r\n", line=20_000)
    return Claims(key, lambda: now).of(head)


@pytest.mark.parametrize(("alg", "key"), [("HS256", SECRET), ("RS256", pem(RSA)), ("ES256", pem(EC))])
def test_what_the_key_has_signed_counts(alg: str, key: str) -> None:
    """
    In whichever of the three ways; with one byte changed, or cut, it says nothing.
    """
    raw = token({"sub": "ann"}, alg)
    head, payload, signature = raw.split(b".")

    assert read(key, raw) == {"sub": "ann"}
    assert read(key, b".".join((head, part(b'{"sub":"bob"}'), signature))) == {}
    assert read(key, b".".join((head, payload, part(b"x" * 32)))) == {}
    assert read(key, b".".join((head, payload, b""))) == {}
    assert read(key, b".".join((head, payload))) == {}


@pytest.mark.parametrize("alg", ["none", "HS256", "HS512", "ES256", ""])
def test_the_key_says_which_signatures_count_and_never_the_token(alg: str) -> None:
    """
    Not even one that took the public key for a secret.
    """
    assert read(pem(RSA), token({"sub": "ann"}, alg, pem(RSA))) == {}


def test_what_must_be_understood_is_not() -> None:
    """
    Who doesn't know an extension must not believe (RFC 7515 §4.1.11). Unverified tokens say what they like.
    """
    extended = token({"sub": "ann"}, crit=["b64"], b64=True)

    assert read(SECRET, extended) == {}
    assert read(SECRET, token({"sub": "ann"}, b64=True)) == {"sub": "ann"}
    assert read("", extended) == {"sub": "ann"}


def test_a_token_of_another_key_or_without_signature_says_nothing() -> None:
    """
    With a secret too.
    """
    assert read(SECRET, token({"sub": "ann"}, "none")) == {}
    assert read(SECRET, token({"sub": "ann"}, "RS256")) == {}
    assert read(SECRET, token({"sub": "ann"}, key=SECRET[::-1])) == {}


@pytest.mark.parametrize(
    ("claims", "counts"),
    [
        ({"exp": NOW + 1}, True),
        ({"exp": NOW}, False),
        ({"exp": "tomorrow"}, False),
        ({"exp": True}, False),
        ({"nbf": NOW}, True),
        ({"nbf": NOW + 1}, False),
    ],
)
def test_a_token_says_something_in_its_time_only(claims: dict[str, Any], counts: bool) -> None:
    """
    RFC 7519 §4.1.4 and §4.1.5, to the second.
    """
    assert bool(read(SECRET, token(claims))) is counts


def test_a_token_that_is_remembered_still_ends() -> None:
    """
    The time is looked at each time.
    """
    times = [NOW, NOW + 10]
    claims = Claims(SECRET, lambda: times.pop(0))
    head = a_request(b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + token({"exp": NOW + 5}) + b"\r\n\r\n")

    assert claims.of(head) == {"exp": NOW + 5}
    assert claims.of(head) == {}


def test_what_is_remembered_is_bounded() -> None:
    """
    However many tokens come.
    """
    claims = Claims()
    for number in range(20_000):
        claims._read(b"e30.%b.x" % part(orjson.dumps({"sub": number})))

    assert len(claims._known) < 10_000


def test_a_token_that_is_too_long_is_none() -> None:
    """
    8 KiB is what most servers take.
    """
    assert read(SECRET, token({"sub": "x" * LONGEST_TOKEN})) == {}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("a", [b"a"]),
        (7, [b"7"]),
        (True, [b"true"]),
        (False, [b"false"]),
        (None, []),
        ({}, []),
        (["a", 1, True, ["b"], None], [b"a", b"1", b"true"]),
    ],
)
def test_cohorts_meet_values_as_text(value: object, said: list[bytes]) -> None:
    """
    Of a list each, one level deep.
    """
    assert texts(value) == said


def test_without_the_time_nothing_is_verified() -> None:
    """
    Or nothing would ever be over.
    """
    with pytest.raises(ValueError, match="know the time"):
        Claims(SECRET)
    with pytest.raises(ValueError, match="no public key"):
        Claims("-----BEGIN NOTHING-----", lambda: NOW)
