"""
Certificate files become a TLS context, or a sentence.
"""

from pathlib import Path

import pytest
import trustme

from proxy.admin.certificate import Encryption
from proxy.errors import ConfigurationError
from proxy.link.setup import Certificate


def files(folder: Path) -> Certificate:
    """
    A certificate and its key in this folder.
    """
    made = trustme.CA().issue_cert("parallax.test")
    made.cert_chain_pems[0].write_to_path(str(folder / "c.pem"))
    made.private_key_pem.write_to_path(str(folder / "k.pem"))
    return Certificate(certificate=str(folder / "c.pem"), key=str(folder / "k.pem"))


def test_good_files_are_taken_and_looked_at_again(tmp_path: Path) -> None:
    """
    Another context only for other files.
    """
    encryption = Encryption(files(tmp_path))
    context = encryption.context

    assert not encryption.refresh()
    assert encryption.context is context
    files(tmp_path)
    assert encryption.refresh()
    assert encryption.context is not context


def test_files_that_are_gone_or_do_not_fit_are_a_sentence(tmp_path: Path) -> None:
    """
    With both names, and what would be right.
    """
    good = files(tmp_path)
    (tmp_path / "other").mkdir()
    other = files(tmp_path / "other")
    for bad, why in (
        (Certificate(certificate=good.certificate, key=other.key), "key values mismatch"),
        (Certificate(certificate=good.certificate, key=str(tmp_path / "gone")), "no such file or directory"),
        (Certificate(certificate=good.certificate, key=str(tmp_path)), "is a directory"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            Encryption(bad)

        assert str(caught.value) == (
            f"admin.tls: {bad.certificate} and {bad.key} can't be used ({why}); "
            "put a PEM certificate chain and its private key there"
        )


def test_renewed_files_that_cannot_be_used_leave_the_last_good_ones(tmp_path: Path) -> None:
    """
    Half a renewal is tried again when the other half is there.
    """
    encryption = Encryption(files(tmp_path))
    context = encryption.context
    good = (tmp_path / "k.pem").read_bytes()
    (tmp_path / "k.pem").write_text("")
    with pytest.raises(ConfigurationError):
        encryption.refresh()
    assert encryption.context is context
    (tmp_path / "k.pem").write_bytes(good)

    assert encryption.refresh()
