"""
What the page on weights says can be relied on.
"""

import re
from pathlib import Path

import mmh3
import yaml

from proxy.routing.buckets import ALGORITHM, BUCKETS, bucket, on_new
from proxy.routing.keys import compile_keys
from proxy.settings.sticky import NAMED, PLAIN, parse_sticky_key

PAGE = (Path(__file__).parents[2] / "docs/weights.md").read_text()


def test_the_bucket_worked_out_by_hand_is_ours() -> None:
    """
    With the weight from which its user is on new.
    """
    found = re.search(r'mmh3\.hash\("(\w+):([\w-]+)", signed=False\) % 10_000\n(\d+)\n', PAGE)
    from_on = re.search(r"is on new from weight ([\d.]+) on", PAGE)
    assert found
    assert from_on
    salt, key, number = found.groups()
    mine = bucket(salt.encode(), key.encode())

    assert mine == int(number) == mmh3.hash(f"{salt}:{key}", signed=False) % BUCKETS
    assert on_new(mine, float(from_on[1]))
    assert not on_new(mine, float(from_on[1]) - 0.01)
    assert f"`{ALGORITHM}`" in PAGE


def test_the_example_is_a_configuration() -> None:
    """
    With every kind of key explained below it, and no other.
    """
    example = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert example
    keys = parse_sticky_key(yaml.safe_load(example[1])["sticky"]["key"])
    explained = re.findall(r"^\| `([a-z:NAME]+)` \| ", PAGE.partition("## Buckets")[0], re.MULTILINE)

    assert compile_keys(keys)[0] is not None
    assert {key.removesuffix(":NAME") for key in explained} == {*PLAIN, *NAMED}
