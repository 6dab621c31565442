# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import hashlib
import io
import os
import random
import shutil
import subprocess
import threading
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abuildpy.package import blockscan, compress
from abuildpy.package.compress import CHUNK, Engine, GzipWriter, gzip_bytes, libdeflate_engine, zlib_engine


def mixed(size: int, seed: int = 1) -> bytes:
    """Text, numbers, noise and zeros in turn: blocks of every type."""
    source = random.Random(seed)
    parts: list[bytes] = []
    done = 0
    while done < size:
        length = source.randint(1, 200_000)
        kind = source.randrange(4)
        if kind == 0:
            part = source.randbytes(length)
        elif kind == 1:
            part = bytes(length)
        else:
            part = b" ".join(b"%d" % source.randrange(10 ** (kind * 2)) for _ in range(length // 4))
        parts.append(part)
        done += len(part)
    return b"".join(parts)[:size]


def libdeflate() -> Engine:
    engine = libdeflate_engine()
    if engine is None:
        pytest.skip("the package deflate is not installed")
    return engine


@pytest.fixture(params=["libdeflate", "zlib"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return zlib_engine() if request.param == "zlib" else libdeflate()


def single_member(blob: bytes) -> bytes:
    """Decompresses like apk: one member, nothing behind it, checksums right."""
    stream = zlib.decompressobj(31)
    content = stream.decompress(blob)
    assert stream.eof
    assert stream.unused_data == b""
    return content


SIZES = [0, 1, 10, 10_000, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 12_345]


@pytest.mark.parametrize("size", SIZES)
def test_one_member_with_the_content(engine: Engine, size: int) -> None:
    data = mixed(size)
    assert single_member(gzip_bytes(data, engine=engine)) == data


@pytest.mark.parametrize(
    "data", [bytes(3 * CHUNK), os.urandom(2 * CHUNK + 1), b"ab" * CHUNK], ids=["zero", "noise", "ab"]
)
def test_extremes(engine: Engine, data: bytes) -> None:
    assert single_member(gzip_bytes(data, engine=engine)) == data


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=40), st.integers(16, 400))
def test_any_data_in_small_chunks(pieces: list[bytes], chunk: int) -> None:
    data = b"".join(pieces)
    for engine in filter(None, (libdeflate_engine(), zlib_engine())):
        streams = []
        for at in range(0, len(data), chunk):
            inner = at + chunk < len(data)
            make = engine.inner if inner else engine.last
            streams.append(make(data[at : at + chunk], data[max(0, at - 32768) : at]))
        joined = b"".join(streams) or engine.last(b"", b"")
        assert zlib.decompress(joined, -15) == data


def test_header_is_that_of_gzip_n_9(engine: Engine) -> None:
    assert gzip_bytes(b"x", engine=engine)[:10].hex() == "1f8b0800000000000203"


def test_bytes_do_not_depend_on_threads_or_writes(engine: Engine) -> None:
    data = mixed(4 * CHUNK + 99)
    results = set()
    for threads, step in ((1, len(data)), (2, 7777), (5, CHUNK), (3, CHUNK + 1)):
        out = io.BytesIO()
        with GzipWriter(out, engine=engine, threads=threads) as writer:
            for at in range(0, len(data), step):
                assert writer.write(memoryview(data)[at : at + step]) == len(data[at : at + step])
        results.add(out.getvalue())
    assert results == {gzip_bytes(data, engine=engine)}


def test_hash_and_size_are_of_the_compressed_bytes(engine: Engine) -> None:
    out = io.BytesIO()
    with GzipWriter(out, engine=engine) as writer:
        writer.write(mixed(2 * CHUNK))
    assert writer.sha256 == hashlib.sha256(out.getvalue()).hexdigest()
    assert writer.size == len(out.getvalue())


def test_small_data_starts_no_thread(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise AssertionError("a thread was started")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert single_member(gzip_bytes(mixed(CHUNK), engine=engine)) == mixed(CHUNK)


def test_memory_is_bounded() -> None:
    """However slow the threads, only a few chunks wait for them."""
    release = threading.Event()
    waiting = 0

    def inner(chunk: bytes, before: bytes) -> bytes:
        assert release.wait(60)
        return zlib_engine().inner(chunk, before)

    def feed() -> None:
        nonlocal waiting
        with GzipWriter(io.BytesIO(), engine=replace(zlib_engine(), inner=inner), threads=2) as writer:
            for _ in range(40):
                writer.write(bytes(CHUNK))
                waiting += 1

    feeder = threading.Thread(target=feed)
    feeder.start()
    feeder.join(0.3)
    assert waiting < 10
    release.set()
    feeder.join()
    assert waiting == 40


def test_a_failing_thread_fails_the_writer() -> None:
    def inner(chunk: bytes, before: bytes) -> bytes:
        raise MemoryError

    writer = GzipWriter(io.BytesIO(), engine=replace(zlib_engine(), inner=inner))
    with pytest.raises(MemoryError), writer:
        writer.write(bytes(2 * CHUNK))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("gzip")]


def test_an_error_ends_the_threads_and_finishes_nothing() -> None:
    out = io.BytesIO()
    with pytest.raises(RuntimeError), GzipWriter(out, engine=zlib_engine()) as writer:
        writer.write(mixed(3 * CHUNK))
        raise RuntimeError
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("gzip")]
    with pytest.raises((EOFError, zlib.error)):
        gzip.decompress(out.getvalue())


def test_gzip_program_accepts_it(engine: Engine) -> None:
    program = shutil.which("gzip")
    if program is None:
        pytest.skip("no gzip")
    blob = gzip_bytes(mixed(3 * CHUNK + 5), engine=engine)
    subprocess.run([program, "-t"], input=blob, check=True)
    assert len(gzip.decompress(blob)) == 3 * CHUNK + 5


def test_zlib_chunks_know_what_precedes_them() -> None:
    # Noise that comes again within 32 KiB can be stored as references only with the dictionary.
    noise = random.Random(3).randbytes(16384)
    data = bytes(CHUNK - len(noise)) + noise + noise
    assert len(gzip_bytes(data, engine=zlib_engine())) < 1.2 * len(noise) + 4096


def test_zlib_is_used_without_deflate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compress, "libdeflate_engine", lambda: None)
    compress.best_engine.cache_clear()
    try:
        assert compress.best_engine().name == "zlib"
    finally:
        compress.best_engine.cache_clear()


def test_libdeflate_is_not_used_without_a_scanner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blockscan, "load", lambda: None)
    assert libdeflate_engine() is None


def test_libdeflate_is_preferred() -> None:
    libdeflate()
    assert compress.best_engine().name == "libdeflate"


def test_scanner_finds_the_last_block() -> None:
    scan = blockscan.load()
    assert scan is not None
    # Two stored blocks of one byte each: the second header follows the first block's 5 + 1 bytes.
    stream = b"\x00\x01\x00\xfe\xffA" + b"\x01\x01\x00\xfe\xffB"
    assert zlib.decompress(stream, -15) == b"AB"
    assert scan(stream, 2) == (48, 96)
    assert zlib.decompress(blockscan.continued(stream, 2, scan) + b"\x03\x00", -15) == b"AB"


def test_scanner_refuses_damaged_streams() -> None:
    scan = blockscan.load()
    assert scan is not None
    for stream in (b"\x07", b"\x00\x01\x00", b""):
        with pytest.raises(ValueError, match="deflate stream"):
            scan(stream, 10)
