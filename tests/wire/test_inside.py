"""
Paths that stay below what configuration puts before them.
"""

import posixpath
import re
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.wire.inside import inside


def read_by_some_server(path: str) -> str:
    """
    Decoded once, backslashes and parameters as the most lenient take them, dots resolved, below a prefix.
    """
    plain = re.sub(r";[^/]*", "", unquote(path, "latin-1").replace("\\", "/"))
    return posixpath.normpath("/pre/fix" + plain)


@given(st.text("/.a;%25cCfF\\eE", max_size=16))
@example("..%2f..%5c../a")
@example("%2e%2e;a/.%2E/a")
@example("%%32e%%32e/a")
def test_no_reading_of_a_path_leads_out(text: str) -> None:
    """
    Whatever a server decodes, and whatever it takes for a slash.
    """
    kept = inside(b"/" + text.encode())

    assert kept.startswith(b"/")
    assert read_by_some_server(kept.decode()).startswith("/pre/fix")
    assert inside(kept) == kept


@pytest.mark.parametrize("path", [b"/", b"/a.b/c..d/", b"//a//%41%2F;x=.", b"/a%2fb/...", b"/a;..b"])
def test_other_paths_pass_byte_for_byte(path: bytes) -> None:
    """
    Nothing is decoded or merged for dots that are no segments.
    """
    assert inside(path) == path


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        (b"/a/../b/.", b"/b/"),
        (b"/a/%2e%2e/%2E/b", b"/b"),
        (b"/a/x%2f..%2fy/b", b"/a/y/b"),
        (b"/a/..%2f..%2fb", b"/a/b"),
        (b"/a/..;v=1/b", b"/a/b"),
        (b"/a/..", b"/"),
    ],
)
def test_steps_are_taken_before_a_server_takes_them(path: bytes, kept: bytes) -> None:
    """
    Plain ones as RFC 3986 §5.2.4 does; others don't leave the segment they are in.
    """
    assert inside(path) == kept
