"""
Redaction: secrets are gone, equality and form stay.
"""

import json
from collections.abc import Callable
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.compare.redaction import Redaction
from proxy.evidence.redact import Redactor, luhn

SALT = b"salt"
PLAIN = Redactor(Redaction(), SALT)
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
CARDS = ("4111111111111111", "4111 1111 1111 1111", "5500-0000-0000-0004", "340000000000009")
LOOKS = (
    JWT,
    "Bearer abcdefgh12345678",
    "sk_live_abcdefghijklmnop",
    "ghp_abcdefghijklmnopqrst",
    "me@example.com",
    "first.last+tag@mail.example.co.uk",
    "s3cr3t19xbody",
    "AKIAIOSFODNN7EXAMPLE1",
    *CARDS,
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
)


@pytest.mark.parametrize("secret", LOOKS)
@pytest.mark.parametrize("around", ["{}", "a {} b", '"{}"', "x,{};", "({})", "#{}", "\n{}\n", "é{}é"])
def test_what_looks_like_a_secret_is_gone_wherever_it_stands(secret: str, around: str) -> None:
    """
    Alone or within a text, and the same secret has the same digest.
    """
    redacted = PLAIN.text(around.format(secret))

    assert secret not in redacted
    assert redacted == PLAIN.text(around.format(secret))
    assert redacted != Redactor(Redaction(), b"other").text(around.format(secret))


@pytest.mark.parametrize(
    "text",
    [
        "hello world",
        "2024-01-01T00:00:00.000Z",
        "12.50",
        "GET /users/{id}",
        "4111111111111112",
        "application/json; charset=utf-8",
        "internationalization",
        "127.0.0.1:8080",
        "",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    """
    Evidence that shows nothing convinces nobody.
    """
    assert PLAIN.text(text) == PLAIN.running(text) == text


@pytest.mark.parametrize(
    "name",
    [
        *("password", "user_password", "userPassword", "X-Api-Key", "apiKey", "access_token", "accessTokens"),
        *("Authorization", "set-cookie", "sessionId", "client.secret", "cvv", "IBAN", "@token", "csrf_token"),
    ],
)
def test_names_that_say_secret(name: str) -> None:
    """
    Whatever the value looks like, and in whichever way words are joined.
    """
    assert PLAIN.is_secret(name)
    assert PLAIN.value({name: "plain"}) == {name: PLAIN.digest("plain")}


@pytest.mark.parametrize("name", ["author", "passenger", "tokenizer", "pinned", "path", "total", "basic"])
def test_names_that_only_sound_alike(name: str) -> None:
    """
    A part of a word is no word.
    """
    assert not PLAIN.is_secret(name)


def test_a_secret_keeps_its_build_and_nothing_else() -> None:
    """
    That it became null, or has another member, is a difference people have to see.
    """
    covered = PLAIN.value({"token": {"a": "x", "b": [1, None, True]}, "secret": None})

    assert covered == {"token": {"a": PLAIN.digest("x"), "b": [PLAIN.digest("1"), None, True]}, "secret": None}


def test_equal_secrets_are_seen_to_be_equal_whatever_they_stand_in() -> None:
    """
    A card number as text, in groups and as a number.
    """
    digest = PLAIN.digest("4111111111111111")

    assert PLAIN.value([CARDS[0], CARDS[1], 4111111111111111]) == [digest, digest, digest]


def test_identifiers_and_hashes_keep_their_form() -> None:
    """
    So that a rule that excuses forms can be tried on what was kept.
    """
    uuid = "3F2504E0-4F89-41D3-9A0C-0305E82C3301"
    redacted = PLAIN.text(uuid)

    assert redacted != uuid
    assert redacted == redacted.upper()
    assert [len(part) for part in redacted.split("-")] == [8, 4, 4, 4, 12]
    assert redacted.lower() == PLAIN.text(uuid.lower())
    assert len(PLAIN.text("d41d8cd98f00b204e9800998ecf8427e")) == 32


def test_the_configuration_names_more() -> None:
    """
    Fields, paths, parameters and patterns.
    """
    redactor = Redactor(
        Redaction(headers=("x-user",), paths=("$.users[*].name", "$..city"), query=("q",), patterns=("order-[0-9]+",)),
        SALT,
    )

    assert redactor.header("x-user", "ann") == redactor.digest("ann")
    assert redactor.value({"users": [{"name": "ann", "age": 3}], "a": {"city": "Rome"}}) == {
        "users": [{"name": redactor.digest("ann"), "age": 3}],
        "a": {"city": redactor.digest("Rome")},
    }
    assert redactor.at(("users", 0, "name"), "ann") == redactor.digest("ann")
    assert redactor.at(("users", 0, "age"), 3) == 3
    assert redactor.target("/s?q=ann&p=1") == f"/s?q={redactor.digest('ann')}&p=1"
    assert redactor.text("see order-17") == f"see {redactor.digest('order-17')}"


@pytest.mark.parametrize("wrong", [Redaction(paths=("$[",)), Redaction(patterns=("(",))])
def test_what_cannot_be_read_is_refused(wrong: Redaction) -> None:
    """
    A rule that redacts nothing must not be believed in.
    """
    with pytest.raises(ValueError, match=r"."):
        Redactor(wrong, SALT)


def test_a_difference_below_a_secret_is_a_secret() -> None:
    """
    The value of one place has the rights of all that it lies in.
    """
    assert PLAIN.at(("session_id", "parts", 0), "x") == PLAIN.digest("x")
    assert PLAIN.at(("session_id",), None) is None


def test_targets_lose_users_fragments_and_secrets() -> None:
    """
    Also those that are percent-encoded, and names without a value.
    """
    shown = PLAIN.target("https://me:pw@shop.test/u/a%40b.example/x?token=abc&mail=a%40b.example&s3cr3t05xquery9#frag")

    assert shown.startswith("https://shop.test/u/#")
    for secret in ("me:pw", "abc&", "b.example", "s3cr3t05xquery9", "frag"):
        assert secret not in shown
    assert PLAIN.target("/a%20b?x=1&y=%C3%A9") == "/a%20b?x=1&y=%C3%A9"


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter2",
        '"token": "hunter2"',
        "<secret>hunter2</secret>",
        "api-key: hunter2\n",
        "a.password = hunter2",
    ],
)
def test_names_count_in_running_text_too(text: str) -> None:
    """
    Pages, logs and settings have no members.
    """
    assert "hunter2" not in PLAIN.running(text)
    assert "Bearer" not in PLAIN.running("Authorization: Bearer hunter2hunter2")
    assert "hunter2hunter2" not in PLAIN.running("Authorization: Bearer hunter2hunter2")


@pytest.mark.parametrize(
    "text",
    [
        '<input name="password" value="hunter2">',
        "<INPUT value='hunter2' type=password>",
        "<input type=hidden name=csrf_token value=hunter2>",
        '<meta name="csrf-token" content="hunter2">',
        '<textarea name="secret">hunter2</textarea>',
        '<field name="pw">\nhunter2\n</field>',
        '<input\n  name="password"\n  value="hunter2">',
        "https://me:hunter2@shop.test/x",
        "see https://hunter2@h/x?a=1",
        "/cb?access_token=hunter2&x=1",
        "login password=hunter2 ok",
        "password:\n  hunter2",
    ],
)
def test_forms_urls_and_logs_have_names_too(text: str) -> None:
    """
    Also as values of a body; and every line stays one.
    """
    redacted = PLAIN.running(text)

    assert "hunter2" not in redacted
    assert redacted.count("\n") == text.count("\n")
    assert "hunter2" not in str(PLAIN.value({"a": [text]}))


@pytest.mark.parametrize("text", ['<input name="city" value="Rome"> Where?', '<input name="pin" value=""> Where?'])
def test_fields_that_are_no_secrets_stay(text: str) -> None:
    """
    And what only stands beside a field.
    """
    assert PLAIN.running(text) == text


@pytest.mark.parametrize(
    "value", ["hunter2", "Bearer abcdefgh12", "me@example.com", "d41d8cd98f00b204e9800998ecf8427e"]
)
def test_a_secret_has_one_digest_wherever_it_stands(value: str) -> None:
    """
    As a member, and by its name in text.
    """
    (shown,) = PLAIN.value({"token": value}).values()

    assert PLAIN.running(f"token: {value}").endswith(f" {shown}")
    assert shown in PLAIN.running(f'<input name="token" value="{value}">')
    assert PLAIN.value({"name": "token", "value": value}) == {"name": "token", "value": shown}


def test_a_word_that_is_no_secret_by_its_looks_is_one_by_its_name() -> None:
    """
    Wherever else it stands in the same text.
    """
    text = PLAIN.running("correcthorsebattery 1 password=correcthorsebattery")

    assert text == f"correcthorsebattery 1 password={PLAIN.digest('correcthorsebattery')}"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("sid", "sid"),
        ("sid; httponly; path=/; secure", "sid; httponly; path=/; secure"),
        ("sid=s; Path=/; x=s", f"sid={PLAIN.digest('s')}; Path=/; x={PLAIN.digest('s')}"),
        ("path=s", f"path={PLAIN.digest('s')}"),
    ],
)
def test_of_a_cookie_all_but_its_value_is_seen(line: str, shown: str) -> None:
    """
    Name and attributes are what is compared; two cookies with one digest would look the same.
    """
    assert PLAIN.header("set-cookie", line) == shown
    assert Redactor(Redaction(headers=("set-cookie",)), SALT).header("set-cookie", line).startswith("#")


def test_a_redirection_takes_nobody_s_code_along() -> None:
    """
    Which is worth a token (RFC 6749).
    """
    assert "c0de" not in PLAIN.header("location", "https://app.test/cb?code=c0de&state=x")
    assert PLAIN.target("/products?code=c0de") == "/products?code=c0de"


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
        lambda v: st.lists(v) | st.dictionaries(st.text(), v),
    )
)
def test_any_value_is_redacted_and_equal_values_stay_equal(value: object) -> None:
    """
    Whatever a body may hold.
    """
    again = json.loads(json.dumps(value))

    assert PLAIN.value(value) == PLAIN.value(again)


@pytest.mark.parametrize(
    "letter",
    [
        *("a", "1", "-", "@", "a@", "eyJ", "a.", "=", "_", "1 ", "Bearer ", "a1", "password", "token=", "-----BEGIN "),
        *("<a", '<a "', "<a b=", "<a name=pin value=", "://", "<a name=pin>x", "x://a:"),
    ],
)
def test_no_text_takes_long(letter: str) -> None:
    """
    Patterns are scanned for once; 64 KiB of their beginnings cost milliseconds, not minutes.
    """
    text = letter * (65536 // len(letter))
    before = process_time()
    PLAIN.running(text)

    assert process_time() - before < 2.0


@pytest.mark.parametrize(("digits", "right"), [("79927398713", True), ("79927398714", False), ("0", True)])
def test_luhn(digits: str, right: bool) -> None:
    """
    The example of the standard's annex, and one next to it.
    """
    assert luhn(digits) is right


KNOWN = Redactor(Redaction(secrets=("Bearer open sesame", "a/b", "four/seven", "123456", "hunterhunter")), SALT)


@pytest.mark.parametrize(
    "show",
    [
        lambda secret: KNOWN.text(f"so: {secret}!"),
        lambda secret: KNOWN.running(f"<a title='{secret}'> x={secret}"),
        lambda secret: KNOWN.header("x-seen", f"a, {secret}"),
        lambda secret: KNOWN.header("location", f"https://side.test/a/{secret}?x={secret}#{secret}"),
        lambda secret: KNOWN.header("set-cookie", f"{secret}={secret}; Path=/{secret}"),
        lambda secret: KNOWN.target(f"/a/{secret}/b"),
        lambda secret: str(KNOWN.value({secret: [f"is {secret}", {"a": secret}]})),
        lambda secret: str(KNOWN.at(["a", 0], secret)),
        lambda secret: str(KNOWN.query([("a", secret)])),
    ],
)
@pytest.mark.parametrize(
    "secret", ["Bearer open sesame", "open sesame", "open%20sesame", "four/seven", "four%2Fseven", "hunterhunter"]
)
def test_what_routes_give_to_sides_is_gone_wherever_it_is_repeated(show: Callable[[str], str], secret: str) -> None:
    """
    Secrets by nothing but the configuration: also without their scheme, and as they stand in a URL.
    """
    assert secret not in show(secret)


def test_a_known_secret_may_be_a_number_and_short_words_are_none() -> None:
    """
    What has fewer than six characters stands everywhere.
    """
    assert str(KNOWN.value(123456)).startswith("#")
    assert KNOWN.value(1234567) == 1234567
    assert KNOWN.text("a/b") == "a/b"
