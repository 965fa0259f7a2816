"""
Who runs on this machine: entries that are believed, and entries that are not.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.errors import RemoteError
from proxy.remote.registry import folders, running, send_signal
from tests.parts.registered import held, private, registered, write_entry

SLEEPER = [sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()"]


def test_an_entry_counts_while_its_supervisor_holds_its_lock(tmp_path: Path) -> None:
    """
    With all that it says.
    """
    folder, state = tmp_path / "registry", tmp_path / "state"
    with registered(folder, state, "127.0.0.1:9900", health="127.0.0.1:9901"):
        (entry,) = running((folder,))

    assert (entry.admin, entry.health, entry.pid) == ("127.0.0.1:9900", "127.0.0.1:9901", os.getpid())
    assert (entry.kill_file, entry.token_file) == (state / "kill", state / "admin-token")
    assert entry.certificate is None
    assert running((folder,)) == ()


def test_looking_takes_the_lock_from_nobody(tmp_path: Path) -> None:
    """
    A supervisor that starts afterwards finds it free.
    """
    folder, state = tmp_path / "registry", tmp_path / "state"
    write_entry(folder, state, "127.0.0.1:9900")
    private(state / "lock", str(os.getpid()))

    assert running((folder,)) == ()
    with held(state):
        assert running((folder,)) != ()


def test_a_lock_of_another_process_is_not_enough(tmp_path: Path) -> None:
    """
    An entry that was left behind, and a successor that has not written its own yet.
    """
    folder, state = tmp_path / "registry", tmp_path / "state"
    write_entry(folder, state, "127.0.0.1:9900", pid=os.getpid())
    with held(state, pid=1):
        assert running((folder,)) == ()


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "{}", '{"admin": 7}'])
def test_what_is_no_entry_is_passed_over(text: str, tmp_path: Path) -> None:
    """
    The others count all the same.
    """
    folder, state = tmp_path / "registry", tmp_path / "state"
    with registered(folder, state, "127.0.0.1:9900"):
        private(folder / "1.json", text)
        assert [entry.admin for entry in running((folder,))] == ["127.0.0.1:9900"]


def test_a_folder_or_file_that_others_can_change_is_not_believed(tmp_path: Path) -> None:
    """
    /tmp is everybody's: whoever made a folder there first must not be asked for our process.
    """
    folder, state = tmp_path / "registry", tmp_path / "state"
    with registered(folder, state, "127.0.0.1:9900"):
        (folder / "9900.json").chmod(0o666)
        assert running((folder,)) == ()
        (folder / "9900.json").chmod(0o600)
        folder.chmod(0o777)
        assert running((folder,)) == ()


def test_all_folders_are_looked_at(tmp_path: Path) -> None:
    """
    The operator's own one, then those that a service uses: who runs something in his session means the service all the
    same.
    """
    one, two = tmp_path / "one", tmp_path / "two"
    with registered(two, tmp_path / "service", "127.0.0.1:9900"):
        write_entry(one, tmp_path / "gone", "127.0.0.1:9910")
        assert [entry.admin for entry in running((one, two))] == ["127.0.0.1:9900"]
        with registered(one, tmp_path / "trial", "127.0.0.1:4711"):
            assert [entry.admin for entry in running((one, two))] == ["127.0.0.1:4711", "127.0.0.1:9900"]

    found = folders({"XDG_RUNTIME_DIR": str(tmp_path)})
    assert found[0] == tmp_path / "parallax"
    assert Path(f"/tmp/parallax-{os.geteuid()}") in found
    assert folders({"XDG_RUNTIME_DIR": str(tmp_path), "PARALLAX_RUNTIME_DIR": str(two)}) == (two,)
    assert Path("relative/parallax") not in folders({"XDG_RUNTIME_DIR": "relative"})


def test_a_signal_reaches_the_supervisor(tmp_path: Path) -> None:
    """
    The process that the lock names.
    """
    folder, state = tmp_path / "registry", tmp_path / "state"
    with subprocess.Popen(SLEEPER, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with registered(folder, state, "127.0.0.1:9900", pid=process.pid):
            (entry,) = running((folder,))
            send_signal(entry, signal.SIGUSR1)
            assert process.wait(10) == -signal.SIGUSR1


def test_a_signal_never_reaches_another_process(tmp_path: Path) -> None:
    """
    The supervisor ended, and its number belongs to somebody else by now.
    """
    folder, state = tmp_path / "registry", tmp_path / "state"
    with subprocess.Popen(SLEEPER, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with registered(folder, state, "127.0.0.1:9900", pid=process.pid):
            (entry,) = running((folder,))
        with pytest.raises(RemoteError, match=rf"the supervisor \(process {process.pid}\) is gone"):
            send_signal(entry, signal.SIGUSR1)
        assert process.poll() is None
        process.kill()
    with pytest.raises(RemoteError, match="is gone"):
        send_signal(entry, signal.SIGUSR1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_nobody_names_a_process_of_somebody_else(tmp_path: Path) -> None:
    """
    Root believes a lock of another user where a configuration says so, and signals no process but that user's.
    """
    folder, state = tmp_path / "registry", tmp_path / "state"
    with subprocess.Popen(SLEEPER, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with registered(folder, state, "127.0.0.1:9900", pid=process.pid):
            (entry,) = running((folder,))
            os.chown(state / "lock", 65534, 65534)
            with pytest.raises(RemoteError, match=r"can't be signalled \(it belongs to another user than its lock\)"):
                send_signal(entry, signal.SIGUSR1)
        assert process.poll() is None
        process.kill()
