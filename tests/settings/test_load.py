"""
File, environment and command line become settings, or sentences with place, key and remedy.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.errors import ConfigurationError
from proxy.settings.keys import keys
from proxy.settings.load import Loaded, load
from proxy.settings.sentences import KEYS, OPTIONS

MINIMUM = "old: {url: http://127.0.0.1:9001}\nnew: {url: http://127.0.0.1:9002}\n"
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """
    Writes a configuration file into an empty folder, which is the working folder too.
    """
    monkeypatch.chdir(tmp_path)

    def write_file(text: str) -> Path:
        Path("p.yaml").write_text(text)
        return Path("p.yaml")

    return write_file


def problems(file: Path | None, **environment: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(file, environment=environment)
    return list(caught.value.problems)


def test_two_urls_are_enough(write: Write) -> None:
    """
    Everything else has a default.
    """
    settings = load(write(MINIMUM), environment={}).settings

    assert str(settings.listen) == "127.0.0.1:8080"
    assert str(settings.new.url) == "http://127.0.0.1:9002"
    assert settings.weights.new == 0
    assert settings.drain.timeout == 28


@pytest.mark.parametrize("text", ["", "old:\nnew:\n", "mirror:\nold: {tls: }\n"])
def test_what_is_missing_is_named_with_an_example(write: Write, text: str) -> None:
    """
    An empty file, and sections whose keys are commented out.
    """
    told = problems(write(text))

    assert sorted(sentence.split(": ", 1)[1] for sentence in told) == [
        "new.url: is missing; write a value such as http://127.0.0.1:9002 (URL), or --new on the command line",
        "old.url: is missing; write a value such as http://127.0.0.1:9001 (URL), or --old on the command line",
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("wrokers: 2", "wrokers: is no key that Parallax knows; did you mean workers?"),
        ("mirror: {budget: 1}", "mirror.budget: is no key that Parallax knows; did you mean mirror.memory_budget?"),
        ("percent: 50", "percent: is no key that Parallax knows; did you mean mirror.percent?"),
        ("max_body: 50", "max_body: is no key that Parallax knows; did you mean mirror.max_body?"),
        ("drain: {zzz: 1}", "drain.zzz: is no key that Parallax knows; known here are delay, timeout, streams"),
        ("workers: 0", "workers: 0 is too small; write at least 1"),
        ("workers: 257", "workers: 257 is too large; write at most 256"),
        ("workers: two", "workers: 'two' is not what goes here; write a value such as 1 (whole number)"),
        ("workers: yes", "workers: true is not what goes here; write a value such as 1 (whole number)"),
        ("workers: 1.5", "workers: 1.5 is not what goes here; write a value such as 1 (whole number)"),
        ("workers:", "workers: nothing is not what goes here; write a value such as 1 (whole number)"),
        ("forwarded: 1", "forwarded: 1 is not what goes here; write a value such as true (true or false)"),
        ("weights: {new: '10'}", "weights.new: '10' is not what goes here; write a value such as 0 (percent)"),
        ("weights: {new: 101}", "weights.new: 101 is no percentage; write a number from 0 to 100"),
        ("timeouts: {connect: -1}", "timeouts.connect: -1 is too small; write at least 0"),
        ("mirror: {head_timeout: 0}", "mirror.head_timeout: 0 is too small; write more than 0"),
        (
            "mirror: {brownout: 0.5}",
            "mirror.brownout: 0.5 is no factor; write a number above 1, such as 3, or 0 for none",
        ),
        ("mirror: {concurrency: 0}", "mirror.concurrency: 0 is too small; write at least 1"),
        ("drain: 5", "drain: 5 is not what goes here; write a mapping with delay, timeout, streams"),
        ("drain: [1, 2]", "drain: [1, 2] is not what goes here; write a mapping with delay, timeout, streams"),
        (
            "mirror: {credentials: drop}",
            "mirror.credentials: 'drop' is not what goes here; write a value such as forward (forward or strip)",
        ),
        (
            "listen: 8080",
            "listen: 8080 is no address; write HOST:PORT, such as 127.0.0.1:8080 or '[::1]:8080'",
        ),
    ],
)
def test_a_wrong_line_is_named_with_its_remedy(write: Write, line: str, expected: str) -> None:
    """
    File, line, key, what is wrong, what would be right.
    """
    assert problems(write(MINIMUM + line + "\n")) == [f"p.yaml:3: {expected}"]


def test_all_problems_are_told_in_the_order_of_the_file(write: Write) -> None:
    """
    One run is enough to mend a file.
    """
    told = problems(write("workers: 0\nold: {url: x}\nlimits:\n  fields: 0\n  heads: 1\nnew: {}\n"))

    assert [sentence.split(": ")[:2] for sentence in told] == [
        ["p.yaml:1", "workers"],
        ["p.yaml:2", "old.url"],
        ["p.yaml:4", "limits.fields"],
        ["p.yaml:5", "limits.heads"],
        ["p.yaml:6", "new.url"],
    ]


def test_a_password_is_not_repeated_even_in_the_wrong_place(write: Write) -> None:
    """
    `old: URL` instead of `old: {url: URL}`.
    """
    told = problems(write("old: http://me:hunter2@old\nnew: {url: http://b}\n"))

    assert len(told) == 1
    assert "hunter2" not in told[0]


def test_a_file_that_is_not_there_is_named(write: Write) -> None:
    """
    A folder can't be read either.
    """
    assert problems(Path("gone.yaml")) == [
        "gone.yaml: can't be read (no such file or directory); name a YAML file that is there"
    ]
    assert problems(Path()) == [".: can't be read (is a directory); name a YAML file that is there"]


def test_a_file_in_another_encoding_is_named_with_its_line(write: Write) -> None:
    """
    And a byte order mark does no harm.
    """
    file = write("")
    file.write_bytes(MINIMUM.encode() + b"# caf\xe9\n")
    assert problems(file) == ["p.yaml:3: is not UTF-8; save it as UTF-8"]

    file.write_bytes(b"\xef\xbb\xbf" + MINIMUM.encode())
    assert load(file, environment={}).settings.workers == 1


def test_variables_override_the_file(write: Write) -> None:
    """
    Every kind of key; what they leave alone stays.
    """
    environment = {
        "PARALLAX_LISTEN": "[::1]:1",
        "PARALLAX_OLD__URL": "http://127.0.0.1:7001",
        "PARALLAX_OLD__TLS__CA": "",
        "PARALLAX_WORKERS": "3",
        "PARALLAX_WEIGHTS__NEW": "12.5",
        "PARALLAX_MIRROR__MAX_BODY": "2 MiB",
        "PARALLAX_TIMEOUTS__CONNECT": "250ms",
        "PARALLAX_FORWARDED": "false",
        "PARALLAX_PSEUDONYM": "12",
        "PARALLAX_COMPARE__HEADERS": "[etag, x-total-*]",
        "PATH": "/bin",
    }
    settings = load(write(MINIMUM + "workers: 2\nadd_date: false\n"), environment=environment).settings

    assert (settings.listen.host, settings.workers, settings.weights.new) == ("::1", 3, 12.5)
    assert (settings.old.url.port, settings.new.url.port, settings.old.tls.ca) == (7001, 9002, None)
    assert (settings.mirror.max_body, settings.timeouts.connect) == (2 * 2**20, 0.25)
    assert (settings.forwarded, settings.add_date, settings.pseudonym) == (False, False, "12")
    assert settings.compare.headers == ("etag", "x-total-*")


def test_variables_alone_are_enough() -> None:
    """
    A container needs no file.
    """
    environment = {"PARALLAX_OLD__URL": "http://old", "PARALLAX_NEW__URL": "http://new"}

    assert str(load(None, environment=environment).settings.old.url) == "http://old"


def test_a_wrong_variable_is_named_instead_of_the_line_it_overrides(write: Write) -> None:
    """
    Whoever set it must find it.
    """
    file = write(MINIMUM + "workers: 2\n")

    assert problems(file, PARALLAX_WORKERS="0") == ["PARALLAX_WORKERS: workers: 0 is too small; write at least 1"]
    assert problems(file, PARALLAX_WORKERS="[") == [
        "PARALLAX_WORKERS: workers: can't be read; write a value such as 1 (whole number)"
    ]
    assert problems(file, PARALLAX_OLD__URL="")[0].startswith("PARALLAX_OLD__URL: old.url: '' is no URL; ")


def test_a_variable_that_names_no_key_is_a_warning(write: Write) -> None:
    """
    A typing mistake must not go unseen; what Kubernetes sets beside a service called parallax is no mistake.
    """
    environment = {
        "PARALLAX_OLD_URL": "http://a",
        "PARALLAX_QQQQQQQQQQQQQQQ": "1",
        "PARALLAX_ADMIN_URL": "http://127.0.0.1:9900",
        "PARALLAX_PORT": "tcp://10.0.0.1:80",
        "PARALLAX_PORT_80_TCP_ADDR": "10.0.0.1",
        "PARALLAX_SERVICE_HOST": "10.0.0.1",
        "PARALLAX_SERVICE_PORT_HTTP": "80",
    }

    assert load(write(MINIMUM), environment=environment).warnings == (
        "PARALLAX_OLD_URL: names no key and has no effect; did you mean PARALLAX_OLD__URL?",
        "PARALLAX_QQQQQQQQQQQQQQQ: names no key and has no effect; docs/configuration.md says how they are called",
    )


def test_a_section_that_is_no_mapping_is_named_although_a_variable_reaches_into_it(write: Write) -> None:
    """
    The file's mistake stays the file's.
    """
    told = problems(write("old: http://a\nnew: {url: http://b}\n"), PARALLAX_OLD__URL="http://c")

    assert [sentence.split(": ")[:2] for sentence in told] == [["p.yaml:1", "old"]]


def test_options_override_variables_and_are_named(write: Write) -> None:
    """
    The strongest, and the easiest to mend.
    """

    def run(url: str) -> Loaded:
        environment = {"PARALLAX_OLD__URL": "http://b"}
        return load(write(MINIMUM), environment=environment, options={("old", "url"): url})

    assert str(run("http://c").settings.old.url) == "http://c"
    with pytest.raises(ConfigurationError, match=r"^--old: old\.url: 'c' has no scheme"):
        run("c")


def test_every_option_is_a_key_and_every_variable_is_unique() -> None:
    """
    Underscores in names and between them must never make two keys share a variable.
    """
    leaves = [key for key in keys() if key.section is None]

    assert set(OPTIONS) <= set(KEYS)
    assert len({key.variable for key in leaves}) == len(leaves)


def test_every_key_has_a_meaning() -> None:
    """
    One line, so that the example file stays readable.
    """
    for key in keys():
        assert key.meaning, key.name
        assert "\n" not in key.meaning
        assert len(key.meaning) < 100, key.name


def test_what_never_ends_is_not_read_to_its_end() -> None:
    """
    A device in the place of a file must not fill the memory.
    """
    with pytest.raises(ConfigurationError, match="is longer than 4194304 bytes; name a configuration"):
        load(Path("/dev/zero"), environment={})
