"""
A real Prometheus.
"""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.parts.required import prometheus


@contextmanager
def running_prometheus(folder: Path, configuration: str = "{}", *arguments: str) -> Iterator[str]:
    """
    The address of one that is ready, with its data in `folder`.
    """
    (folder / "prometheus.yml").write_text(configuration)
    command = [
        prometheus(),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        "--web.listen-address=127.0.0.1:0",
        *arguments,
    ]
    # What it says after it is ready fits into the pipe.
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stderr is not None
            said, address = "", ""
            for line in process.stderr:
                said += line
                if found := re.search(r'"Listening on".* address=(127\.0\.0\.1:\d+)', line):
                    address = found[1]
                if address and "Server is ready" in line:
                    break
            else:
                raise AssertionError(said)
            yield f"http://{address}"
        finally:
            process.kill()
