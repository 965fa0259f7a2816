"""
A certificate and its key: what can't be used is refused, what is out of date is told. Missing, torn and locked files
are tried in `test_doors`, through the admin port.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from hypothesis import given
from hypothesis import strategies as st

from proxy.settings.certificates import check_pair, validity
from proxy.settings.sentences import Finding

NOW = datetime.now(UTC)
AUTHORITY = trustme.CA()
DER = load_pem_x509_certificate(AUTHORITY.issue_cert("a.test").cert_chain_pems[0].bytes()).public_bytes(Encoding.DER)


@pytest.fixture
def checked(tmp_path: Path) -> Callable[..., list[Finding]]:
    """
    What is found of a certificate that ends then, at this time.
    """

    def check(not_after: datetime, now: datetime = NOW) -> list[Finding]:
        certificate = AUTHORITY.issue_cert("side.test", not_after=not_after)
        certificate.private_key_pem.write_to_path(str(tmp_path / "one.key"))
        certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "one.pem"))
        return list(check_pair(("old", "tls"), "one.pem", "one.key", tmp_path, now.timestamp()))

    return check


def test_one_of_today_is_fine(checked: Callable[..., list[Finding]]) -> None:
    """
    Also on its last day.
    """
    assert checked(NOW + timedelta(days=1)) == []


def test_an_expired_one_is_a_warning(checked: Callable[..., list[Finding]]) -> None:
    """
    With its file and date: it may be renewed while Parallax runs.
    """
    (found,) = checked(NOW - timedelta(days=2))

    assert found.warning
    assert found.key == ("old", "tls", "certificate")
    assert f"has expired on {NOW - timedelta(days=2):%Y-%m-%d %H:%M} UTC" in found.said
    assert found.said.endswith("; renew it")


def test_one_that_is_not_valid_yet_is_a_warning(checked: Callable[..., list[Finding]]) -> None:
    """
    Or the clock is wrong.
    """
    (found,) = checked(NOW + timedelta(days=1), now=datetime(1999, 1, 1, tzinfo=UTC))

    assert found.warning
    assert "is valid from" in found.said
    assert found.said.endswith("; look at the clock")


@pytest.mark.parametrize("until", [datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC)])
def test_validity_is_read_as_others_read_it(until: datetime) -> None:
    """
    To the second, in both of the forms that certificates have for times.
    """
    certificate = load_pem_x509_certificate(AUTHORITY.issue_cert("a.test", not_after=until).cert_chain_pems[0].bytes())
    since, until = certificate.not_valid_before_utc, certificate.not_valid_after_utc

    assert validity(certificate.public_bytes(Encoding.DER)) == (since, until)


@given(st.integers(0, len(DER) - 1), st.integers(0, 255))
def test_what_is_no_certificate_is_a_value_error_at_most(at: int, byte: int) -> None:
    """
    Whatever is torn or bent.
    """
    for bent in (DER[:at], DER[:at] + bytes([byte]) + DER[at + 1 :]):
        with suppress(ValueError):
            validity(bent)
