"""
How clients are listened to: files that fit, and somebody who may speak for others.
"""

from pathlib import Path
from typing import Any

import pytest
import trustme

from proxy.errors import ConfigurationError
from proxy.settings.checks import check
from proxy.settings.load import load
from proxy.settings.model import Settings
from proxy.settings.sentences import Finding
from tests.parts.tls import write_authority, write_pair

SIDES = {"old": {"url": "http://127.0.0.1:9001"}, "new": {"url": "http://127.0.0.1:9002"}}
PAIR = {"certificate": "one.pem", "key": "one.key"}
TEXT = "old: {url: http://127.0.0.1:9001}\nnew: {url: http://127.0.0.1:9002}\n"


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """
    A folder with an authority, two pairs, and one that has expired.
    """
    authority = trustme.CA()
    write_authority(tmp_path, authority)
    for name in ("one", "two"):
        write_pair(tmp_path, authority, name)
    write_pair(tmp_path, authority, "late", expired=True)
    return tmp_path


def findings(folder: Path, **values: Any) -> list[Finding]:
    return list(check(Settings.model_validate({**SIDES, **values}), folder, {}))


def test_what_fits_is_fine(pem: Path) -> None:
    """
    Of the configuration's folder, or by whole paths.
    """
    assert findings(pem, tls=PAIR) == []
    assert findings(pem, tls={**PAIR, "client_ca": f"{pem}/ca.pem"}) == []
    assert findings(pem, trusted_proxies=[]) == []
    assert findings(pem, proxy_protocol=True, trusted_proxies=["10.0.0.0/8"]) == []


@pytest.mark.parametrize(
    ("tls", "at", "said"),
    [
        ({"certificate": "one.pem"}, "certificate", "has no effect without tls.key; write both, or neither"),
        ({"key": "one.key"}, "key", "has no effect without tls.certificate; write both, or neither"),
        ({"certificate": "gone.pem", "key": "one.key"}, "certificate", "can't be read (no such file or directory)"),
        ({"certificate": ".", "key": "one.key"}, "certificate", "can't be read (is a directory)"),
        ({"certificate": "one.pem", "key": "two.key"}, "key", "is not the key of"),
        ({"client_ca": "ca.pem"}, "client_ca", "has no effect without tls.certificate"),
        ({**PAIR, "client_ca": "gone.pem"}, "client_ca", "can't be read (no such file or directory)"),
        ({**PAIR, "client_ca": "one.key"}, "client_ca", "holds no CA certificate"),
    ],
)
def test_files_that_cannot_work_are_found_at_the_start(pem: Path, tls: dict[str, str], at: str, said: str) -> None:
    """
    And at a reload, which they stop.
    """
    (found,) = findings(pem, tls=tls)

    assert (found.key, found.warning) == (("tls", at), False)
    assert said in found.said


def test_an_expired_certificate_is_a_warning(pem: Path) -> None:
    """
    A clock may be wrong, and a renewed one is taken when it is there.
    """
    (found,) = findings(pem, tls={"certificate": "late.pem", "key": "late.key"})

    assert (found.key, found.warning) == (("tls", "certificate"), True)
    assert f"{pem}/late.pem has expired on " in found.said


@pytest.mark.parametrize("trusted", [None, []])
def test_a_proxy_header_needs_somebody_who_may_send_it(pem: Path, trusted: list[str] | None) -> None:
    """
    Otherwise nobody would be let in, or anybody could be anybody.
    """
    (found,) = findings(pem, proxy_protocol=True, trusted_proxies=trusted)

    assert (found.key, found.warning) == (("proxy_protocol",), False)
    assert found.said.endswith("write the addresses of your load balancers in trusted_proxies")


def test_to_trust_everybody_is_doubtful(pem: Path) -> None:
    """
    Then everybody chooses an address.
    """
    (found,) = findings(pem, trusted_proxies=["::/0"])

    assert (found.key, found.warning) == (("trusted_proxies",), True)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("10.0.0.0/8", "'10.0.0.0/8' is no list of address ranges"),
        ("[10.0.0.1/8]", "'10.0.0.1/8' is an address within a range; write 10.0.0.0/8, or the address alone"),
        ("[lb.internal]", "'lb.internal' is no address range"),
        ("[7]", "7 is no address range"),
    ],
)
def test_what_is_no_range_is_refused(tmp_path: Path, written: str, said: str) -> None:
    """
    With what would be right.
    """
    file = tmp_path / "p.yaml"
    file.write_text(f"{TEXT}trusted_proxies: {written}\n")
    with pytest.raises(ConfigurationError) as caught:
        load(file, environment={})
    (problem,) = caught.value.problems

    assert problem.startswith(f"{file}:3: trusted_proxies")
    assert said.replace("'", "") in problem.replace("'", "").replace('"', "")


def test_the_operator_learns_file_line_and_key(pem: Path) -> None:
    """
    Where it was written.
    """
    file = pem / "p.yaml"
    file.write_text(f"{TEXT}tls:\n  certificate: one.pem\n  key: two.key\nproxy_protocol: true\n")
    with pytest.raises(ConfigurationError) as caught:
        load(file, environment={})

    assert [problem.split(": ")[:2] for problem in caught.value.problems] == [
        [f"{file}:5", "tls.key"],
        [f"{file}:6", "proxy_protocol"],
    ]
