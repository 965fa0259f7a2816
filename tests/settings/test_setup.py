"""
What control gets to know of the configuration.
"""

from hashlib import sha256
from pathlib import Path

import pytest
import trustme

from proxy.link.setup import Certificate, Setup, Token
from proxy.settings.doors import TOKEN_VARIABLE
from proxy.settings.load import load
from proxy.settings.setup import build_setup

MINIMUM = "old: {url: http://127.0.0.1:9001}\nnew: {url: http://127.0.0.1:9002}\n"
OPTIONS: dict[tuple[str, ...], str] = {("old", "url"): "http://127.0.0.1:9001", ("new", "url"): "http://127.0.0.1:9002"}


def setup_of(text: str, folder: Path, **environment: str) -> Setup:
    """
    The setup of a file with this text.
    """
    file = folder / "p.yaml"
    file.write_text(text)
    return build_setup(load(file, environment={}), file=file, options={}, environment=environment)


def make_certificate(folder: Path) -> None:
    """
    The files c.pem and k.pem.
    """
    made = trustme.CA().issue_cert("parallax.test")
    made.cert_chain_pems[0].write_to_path(str(folder / "c.pem"))
    made.private_key_pem.write_to_path(str(folder / "k.pem"))


def test_paths_are_whole_and_beside_the_file(tmp_path: Path) -> None:
    """
    Control may have another working folder.
    """
    setup = setup_of(MINIMUM, tmp_path)

    assert setup.file == f"{tmp_path}/p.yaml"
    assert setup.content == sha256(MINIMUM.encode()).hexdigest()
    assert setup.store == f"sqlite:///{tmp_path}/var/parallax.db"
    assert (setup.state, setup.kill_file) == (f"{tmp_path}/var", f"{tmp_path}/var/kill")


def test_absolute_paths_stay(tmp_path: Path) -> None:
    """
    A store with four slashes, a kill file, a certificate.
    """
    make_certificate(tmp_path)
    text = "store: sqlite:////srv/p.db\nkill_file: /run/kill\nadmin: {tls: {certificate: %s/c.pem, key: k.pem}}\n"
    setup = setup_of(MINIMUM + text % tmp_path, tmp_path)

    assert (setup.store, setup.state, setup.kill_file) == ("sqlite:////srv/p.db", "/srv", "/run/kill")
    assert setup.tls == Certificate(certificate=f"{tmp_path}/c.pem", key=f"{tmp_path}/k.pem")


def test_files_that_are_named_are_known_by_their_content(tmp_path: Path) -> None:
    """
    So that control sees when one is renewed.
    """
    make_certificate(tmp_path)
    setup = setup_of(MINIMUM + "tls: {certificate: c.pem, key: k.pem}\n", tmp_path)

    assert setup.files == tuple(
        (f"{tmp_path}/{name}", sha256((tmp_path / name).read_bytes()).hexdigest()) for name in ("c.pem", "k.pem")
    )
    assert setup_of(MINIMUM, tmp_path).files == ()


def test_without_a_file_options_are_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The store lies in the working folder.
    """
    monkeypatch.chdir(tmp_path)
    setup = build_setup(load(None, environment={}, options=OPTIONS), file=None, options=OPTIONS, environment={})

    assert (setup.file, setup.content, setup.state) == (None, "", f"{tmp_path}/var")
    assert dict(setup.options) == OPTIONS


def test_tokens_of_the_file_and_of_the_environment_count(tmp_path: Path) -> None:
    """
    The environment's is an operator called env; it is kept as its SHA-256 only.
    """
    listed = "admin: {tokens: [{name: ops, role: viewer, sha256: '" + "0" * 64 + "'}]}\n"
    secret = "plx_" + "a" * 43

    assert setup_of(MINIMUM, tmp_path).tokens == ()
    assert setup_of(MINIMUM, tmp_path, **{TOKEN_VARIABLE: " "}).tokens == ()
    assert setup_of(MINIMUM + listed, tmp_path, **{TOKEN_VARIABLE: secret}).tokens == (
        Token(name="ops", role="viewer", sha256="0" * 64),
        Token(name="env", role="operator", sha256=sha256(secret.encode()).hexdigest()),
    )


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("listen: 127.0.0.1:1234", "listen"),
        ("health: {listen: 127.0.0.1:1234}", "health.listen"),
        ("admin: {listen: 127.0.0.1:1234}", "admin.listen"),
        ("admin: {tls: {certificate: c.pem, key: k.pem}}", "admin.tls"),
        ("tls: {certificate: c.pem, key: k.pem}", "tls"),
        ("proxy_protocol: true\ntrusted_proxies: [10.0.0.0/8]", "proxy_protocol"),
        ("workers: 2", "workers"),
        ("drain: {delay: 1}", "drain.delay"),
        ("drain: {timeout: 20}", "drain.timeout"),
        ("kill_file: elsewhere", "kill_file"),
    ],
)
def test_what_only_a_restart_can_change_is_named(tmp_path: Path, line: str, key: str) -> None:
    """
    A reload compares these.
    """
    make_certificate(tmp_path)
    before, after = setup_of(MINIMUM, tmp_path), setup_of(f"{MINIMUM}{line}\n", tmp_path)

    assert [name for name, text in after.fixed if text != dict(before.fixed)[name]] == [key]


def test_another_store_takes_its_kill_file_along(tmp_path: Path) -> None:
    """
    Both need a restart.
    """
    before, after = setup_of(MINIMUM, tmp_path), setup_of(f"{MINIMUM}store: sqlite:///other/p.db\n", tmp_path)

    assert set(after.fixed) - set(before.fixed) == {
        ("store", f"sqlite:///{tmp_path}/other/p.db"),
        ("kill_file", f"{tmp_path}/other/kill"),
    }


def test_percentages_are_those_that_were_written(tmp_path: Path) -> None:
    """
    A default is nobody's wish, so it can't differ from what is in force.
    """
    assert (setup_of(MINIMUM, tmp_path).new, setup_of(MINIMUM, tmp_path).mirror) == (None, None)

    setup = setup_of(f"{MINIMUM}weights: {{new: 5}}\nmirror: {{percent: 50}}\n", tmp_path)

    assert (setup.new, setup.mirror) == (5.0, 50.0)
