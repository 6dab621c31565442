# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from abuildpy.errors import RepositoryError
from abuildpy.repository.lock import locked

HOLD = """
import sys, time
from pathlib import Path
from abuildpy.repository.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with locked(tmp_path / "lock"):
        assert (tmp_path / "lock").exists()
    assert not list(tmp_path.iterdir())


def test_released_when_the_block_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyError), locked(tmp_path / "lock"):
        raise KeyError
    with locked(tmp_path / "lock"):
        pass


def test_a_killed_holder_harms_nobody(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    waited: list[bool] = []

    def end_the_holder() -> None:
        waited.append(True)
        holder.send_signal(signal.SIGKILL)

    with locked(path, wait_message=end_the_holder):
        assert waited == [True]
        assert holder.wait() == -signal.SIGKILL
    assert holder.stdin is not None
    holder.stdin.close()
    holder.stdout.close()


def test_a_waiter_does_not_trust_a_removed_file(tmp_path: Path) -> None:
    """The first holder removes its file; who waited on that inode must then lock the file that is there."""
    path = tmp_path / "lock"
    inside = 0
    most = 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(30):
            with locked(path):
                with guard:
                    inside += 1
                    most = max(most, inside)
                os.sched_yield()
                with guard:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RepositoryError, match="lock"), locked(tmp_path / "lock"):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="missing/lock"), locked(tmp_path / "missing/lock"):
        pass
