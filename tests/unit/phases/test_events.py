# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abuildpy.errors import SandboxError
from abuildpy.phases.events import FrameReader

_FIELDS = st.lists(st.binary(max_size=20).map(lambda b: b.replace(b"\0", b"")), min_size=1, max_size=5)


@given(st.lists(_FIELDS, max_size=5), st.integers(1, 7))
def test_frames_come_back_however_the_stream_is_cut(frames: list[list[bytes]], step: int) -> None:
    stream = b"".join(b"%d\0" % len(f) + b"".join(field + b"\0" for field in f) for f in frames)
    reader = FrameReader()
    got = [frame for at in range(0, len(stream), step) for frame in reader.feed(stream[at : at + step])]
    assert got == [tuple(frame) for frame in frames]


@pytest.mark.parametrize("noise", [b"hello\0", b"x" * 100, b"99999999999\0", b"-1\0"])
def test_noise_is_told_from_frames(noise: bytes) -> None:
    with pytest.raises(SandboxError, match="descriptor 8"):
        FrameReader().feed(noise)
