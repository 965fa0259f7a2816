"""
Writes what is derived from models (`make docs`): `config/parallax.yaml`, `docs/configuration.md`, `docs/plan-keys.md`.

A test compares the files with what is rendered, so none can drift from its model.
"""

from itertools import groupby
from pathlib import Path

from proxy.plan.document import render_keys
from proxy.settings.keys import Key, keys
from proxy.settings.sentences import LISTS

EXAMPLE = Path("config/parallax.yaml")
REFERENCE = Path("docs/configuration.md")
PLAN_KEYS = Path("docs/plan-keys.md")

EXAMPLE_HEAD = """\
# Every key of Parallax with its default. Only old.url and new.url have none: they are needed.
# Written from the model by `make docs`; docs/configuration.md has the same as tables.
"""

REFERENCE_HEAD = """\
# Configuration

<!-- Written from the model by `make docs`; a test keeps the two together. -->

`parallax serve -c FILE` reads one YAML file. The smallest is:

```yaml
old: {url: http://127.0.0.1:9001}
new: {url: http://127.0.0.1:9002}
```

`config/parallax.yaml` shows every key with its default. `parallax check FILE` says whether a file can be used, without
starting anything. An unknown key, a repeated key or a value of the wrong kind is an error that names the file, the
line, the key and the remedy.

- **Sizes** are bytes, or a number with a unit: `65536`, `64 KiB`, `1.5 MiB`, `1 GB`.
- **Durations** are seconds, or a number with a unit: `5`, `0.1`, `100ms`, `5s`, `2m`, `1h`, `14d`. In
  `timeouts`, 0 is no limit.
- **Addresses** are `HOST:PORT`; IPv6 goes in brackets and quotes: `'[::1]:8080'`. Port 0 lets the system choose.

**Environment variables override the file**: a key's dotted name in capitals after `PARALLAX_`, with two underscores for
each dot, such as `PARALLAX_LISTEN` or `PARALLAX_OLD__URL`. The options of `parallax serve` override both. A variable
that looks like one of these and names no key is a warning.

What is refused although every value is fine by itself:

- a side that is one of Parallax's own listeners, also under another name of this machine: requests would go in circles;
- two listeners on one address;
- `admin.listen` beyond loopback while nobody has a token (`admin.tokens`, or `PARALLAX_ADMIN_TOKEN`), or in plaintext
  without `admin.insecure: true`, which is meant for ports that something in front encrypts;
- a `PARALLAX_ADMIN_TOKEN` of less than 20 characters, which can be guessed;
- half of `admin.tls` or of a side's `tls.certificate` and `tls.key`, files that can't be read, a key that is encrypted
  or of another certificate;
- the same for `tls`, towards clients, and `proxy_protocol` without anybody in `trusted_proxies`;
- a CA file that is missing or holds no certificate;
- limits that exclude each other: `drain.delay` not below `drain.timeout`, `limits.line` above `limits.head`,
  `mirror.max_body` above `mirror.memory_budget`, `judge.max_decoded` above a 64th of `judge.memory`, more
  endpoints in `metrics.endpoints`, `metrics.openapi` and `compare.endpoints` than `metrics.max_endpoints`.

Warned about, and run: `old.url` and `new.url` with one address (every difference is then noise, which can be what you
want to see), a certificate that has expired or is not valid yet, a range in `trusted_proxies` that holds everybody,
`tls` for an `http` URL, `tls.verify: false`, `admin.insecure` where it has no effect, and tokens without an operator
among them.

`compare.headers: significant` means `content-type`, `content-language`, `content-disposition`, `location`, `link`,
`allow`, `retry-after`, `cache-control`, `vary`, `www-authenticate`, `access-control-*` and the names of the cookies in
`set-cookie`; with `compare.cookies: attributes` also `Secure`, `HttpOnly`, `SameSite`, `Domain`, `Path` and `Max-Age`.
"""


def render_example() -> str:
    """
    The text of `config/parallax.yaml`.
    """
    lines = EXAMPLE_HEAD.splitlines()
    for nested, run in groupby((key for key in keys() if len(key.path) == 1), lambda key: key.section is not None):
        if not nested:
            lines += ["", *_leaves(list(run), "")]
            continue
        for top in run:
            lines += ["", f"# {top.meaning}", f"{top.name}:", *_below(top, "  ")]
    return "\n".join(lines) + "\n"


def _below(above: Key, indent: str) -> list[str]:
    assert above.section is not None
    lines: list[str] = []
    inner = [key for key in keys(above.section, above.path) if len(key.path) == len(above.path) + 1]
    for nested, run in groupby(inner, lambda key: key.section is not None):
        for key in run if nested else ():
            lines.append(f"{indent}{key.path[-1]}:  # {key.meaning}")
            lines += _below(key, indent + "  ")
        if not nested:
            lines += _leaves(list(run), indent)
    return lines


def _leaves(leaves: list[Key], indent: str) -> list[str]:
    written = [f"{indent}{key.path[-1]}: {key.shown}" for key in leaves]
    column = max(len(line) for line in written)
    return [f"{line:<{column}}  # {key.meaning}" for line, key in zip(written, leaves, strict=True)]


def render_reference() -> str:
    """
    The text of `docs/configuration.md`.
    """
    tops = [key for key in keys() if len(key.path) == 1]
    lines = [*REFERENCE_HEAD.splitlines(), "", "## Top level", ""]
    lines += _table([key for key in tops if key.section is None])
    for top in tops:
        if top.section is not None:
            lines += ["", f"## {top.name}", "", top.meaning, ""]
            lines += _table([key for key in keys(top.section, top.path) if key.section is None])
    for name, section in LISTS.items():
        lines += ["", f"## Each of {name}", "", " ".join((section.__doc__ or "").split()), ""]
        lines += _table([key for key in keys(section, (name,)) if key.section is None])
    return "\n".join(lines) + "\n"


def _table(rows: list[Key]) -> list[str]:
    head = ["| key | kind | default | meaning |", "|---|---|---|---|"]
    return head + [
        f"| `{key.name}` | {key.kind.words} | {'needed' if key.required else f'`{key.shown}`'} | {key.meaning} |"
        for key in rows
    ]


def main() -> None:
    """
    Write all files below the current folder.
    """
    EXAMPLE.write_text(render_example())
    REFERENCE.write_text(render_reference())
    PLAN_KEYS.write_text(render_keys())


if __name__ == "__main__":
    main()
