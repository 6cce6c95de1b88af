"""A ring read by its documented layout alone (weir/ring.h, docs/formats.md): no library, just bytes.
The library, as producer, is the other side."""
import ctypes
import fcntl
import json
import mmap
import os
import struct
import subprocess

import pytest
from conftest import EXE, ROOT, run

LIBRARY = ROOT / os.environ.get("WEIR_LIB", "build/libweir.so.0")


class Reader:
    """Consumer i of a ring file: the whole of the protocol that a reader of a blocking ring needs."""

    def __init__(self, path, i=0):
        with open(path, "r+b") as file:
            self.m = mmap.mmap(file.fileno(), 0)
        magic, self.policy, _, _, self.slot, self.size, self.data = struct.unpack_from("<4sBBHI4xQQ", self.m, 0)
        assert magic == b"WRG1" and self.policy == 0
        self.line = 512 + 128 * i

    def word(self, at):
        return struct.unpack_from("<Q", self.m, at)[0]

    def read(self):
        head, cursor = self.word(64), self.word(self.line)
        at, end, mark = cursor & ~15, head & ~15, cursor & 1
        sequence, delivered = struct.unpack_from("<QQ", self.m, self.line + 64 + 16 * mark)
        records = []
        while at < end:
            place = at % self.size
            header = self.data + place if self.slot == 0 else 4096 + place // self.slot * 16
            length, flags, stamp = struct.unpack_from("<IIQ", self.m, header)
            start = self.data + place + (16 if self.slot == 0 else 0)
            if flags == 0:
                records.append((stamp >> 8, self.m[start:start + length]))
            at += self.slot or 16 + (length + 15) // 16 * 16
        if records:
            sequence, delivered = records[-1][0] + 1, delivered + len(records)
        struct.pack_into("<QQ", self.m, self.line + 64 + 16 * (1 - mark), sequence, delivered)
        struct.pack_into("<Q", self.m, self.line, at | (1 - mark))    # releases them, and makes the mark count
        return records, bool(head & 2)


class Config(ctypes.Structure):
    _fields_ = [("data_bytes", ctypes.c_uint64), ("slot_bytes", ctypes.c_uint32), ("consumers", ctypes.c_uint32),
                ("policy", ctypes.c_int), ("shares", ctypes.c_int)]


class Place(ctypes.Structure):
    _fields_ = [("mapping", ctypes.c_void_p), ("bytes", ctypes.c_uint64), ("fd", ctypes.c_int), ("error", ctypes.c_int)]


class Account(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("offered", "delivered", "dropped", "unread")] + [("is_served", ctypes.c_int)]


@pytest.mark.parametrize("slot_bytes", [0, 128])
def test_a_reader_of_the_layout_alone_gets_every_record_and_releases_it(slot_bytes):
    lib, name = ctypes.CDLL(str(LIBRARY)), f"layout-{os.getpid()}-{slot_bytes}"
    place, block, ring = Place(), ctypes.create_string_buffer(512 + 64), ctypes.c_void_p()
    handle = ctypes.c_void_p((ctypes.addressof(block) + 63) // 64 * 64)
    assert lib.weir_ring_create(ctypes.byref(place), name.encode(), ctypes.byref(Config(1024, slot_bytes, 1, 0, 0))) == 0
    try:
        assert lib.weir_ring_attach(ctypes.byref(ring), handle, ctypes.c_size_t(512), ctypes.byref(place), -1) == 0
        sent = [bytes([i % 251]) * (i * 37 % 129) for i in range(500)]
        reader, got, ended = Reader(f"/dev/shm/weir.{name}"), [], False
        for record in sent:
            while lib.weir_ring_send(ring, record, ctypes.c_size_t(len(record))) != 0:    # full: it commits
                got += reader.read()[0]
        lib.weir_ring_end(ring)
        while not ended:
            records, ended = reader.read()
            got += records
        assert got == list(enumerate(sent))
        account = Account()
        assert lib.weir_ring_books(ring, 0, ctypes.byref(account)) == 0
        assert (account.offered, account.delivered, account.dropped, account.unread) == (500, 500, 0, 0)
    finally:
        lib.weir_ring_remove(name.encode())


class Writer:
    """The producer of a blocking ring with one consumer: records, head, wake-up, lock."""

    def __init__(self, path):
        self.file = open(path, "r+b")
        fcntl.fcntl(self.file, fcntl.F_OFD_SETLK, struct.pack("hhxxxxqqixxxx", fcntl.F_WRLCK, os.SEEK_SET, 64, 1, 0))
        self.m = mmap.mmap(self.file.fileno(), 0)
        self.slot, self.size, self.data = struct.unpack_from("<8xI4xQQ", self.m, 0)
        struct.pack_into("<I", self.m, 88, struct.unpack_from("<I", self.m, 88)[0] + 1)    # one came
        self.waits = ctypes.c_uint32.from_buffer(self.m, 192)

    def send(self, record, ended=0):
        """False: there is no room now. None instead of a record: say only that this was all."""
        head = struct.unpack_from("<Q", self.m, 64)[0]
        cursor = struct.unpack_from("<Q", self.m, 512)[0] & ~15
        at, mark = head & ~15, head & 1
        sequence, refused = struct.unpack_from("<QQ", self.m, 128 + 16 * mark)
        if record is not None:
            span = self.slot or 16 + (len(record) + 15) // 16 * 16
            left = self.size - at % self.size
            padding = left if span > left else 0
            if at + padding + span - cursor > self.size:
                return False
            if padding:
                struct.pack_into("<IIQ", self.m, self.data + at % self.size, padding - 16, 1, sequence << 8)
            at += padding
            place = at % self.size
            header = self.data + place if self.slot == 0 else 4096 + place // self.slot * 16
            start = self.data + place + (16 if self.slot == 0 else 0)
            self.m[start:start + len(record)] = record
            struct.pack_into("<IIQ", self.m, header, len(record), 0, sequence << 8)
            at, sequence = at + span, sequence + 1
        struct.pack_into("<QQ", self.m, 128 + 16 * (1 - mark), sequence, refused)
        struct.pack_into("<Q", self.m, 64, at | (1 - mark) | ended)    # there they are, and the mark counts
        if self.waits.value & 1:
            self.waits.value = (self.waits.value & ~3) + 4
            ctypes.CDLL(None).syscall(202, ctypes.byref(self.waits), 1, 1 << 30, None, None, 0)    # FUTEX_WAKE
        return True


def books(path, consumer):
    """Of the file alone, as docs/formats.md has them."""
    m = open(path, "rb").read()
    slot, size, data = struct.unpack_from("<8xI4xQQ", m, 0)
    head, cursor = struct.unpack_from("<Q", m, 64)[0], struct.unpack_from("<Q", m, 512 + 128 * consumer)[0]
    total = struct.unpack_from("<Q", m, 128 + 16 * (head & 1))[0]
    joined, delivered = struct.unpack_from("<Q", m, 512 + 128 * consumer + 96)[0], struct.unpack_from("<Q", m, 512 + 128 * consumer + 72 + 16 * (cursor & 1))[0]
    at, next_ = cursor & ~15, total
    while at != head & ~15:
        length, flags, stamp = struct.unpack_from("<IIQ", m, data + at % size if slot == 0 else 4096 + at % size // slot * 16)
        if flags == 0:
            next_ = stamp >> 8
            break
        at += 16 + (length + 15) // 16 * 16
    return {"offered": total - joined, "delivered": delivered, "dropped": next_ - joined - delivered, "unread": total - next_}


@pytest.mark.parametrize("made", [["--bytes", "4096", "--messages"], ["--bytes", "4096", "--slot", "512"], ["--bytes", "256KiB"]])
def test_a_producer_by_the_layout_alone_is_read_by_the_program(made):
    name = f"layout-p-{os.getpid()}"
    path = f"/dev/shm/weir.{name}"
    assert run("ring", "create", name, *made, over=True).code == 0
    try:
        writer = Writer(path)
        values = [i * 0.5 for i in range(20000)]
        parts, at = [], 0
        step = 8192 if made == ["--bytes", "256KiB"] else 1
        while at < len(values):    # whole slots there, pieces of many lengths else
            n = step if step > 1 else 1 + at % 60
            parts.append(struct.pack(f"<{len(values[at:at + n])}d", *values[at:at + n]))
            at += n
        reader = subprocess.Popen([EXE, "summary", "-i", "f64", "-o", "ndjson", f"ring:{name}"], stdout=subprocess.PIPE)
        for part in parts:
            while not writer.send(part):
                assert reader.poll() is None
        stat = [json.loads(line) for line in run("ring", "stat", "-o", "ndjson", name, over=True).out.splitlines()]
        assert stat[0]["producer"] == "there"
        writer.send(None, ended=2)
        out = json.loads(reader.communicate(timeout=20)[0].splitlines()[0])
        assert reader.returncode == 0
        assert (out["count"], out["min"], out["max"], out["mean"]) == (len(values), 0, values[-1], sum(values) / len(values))
        assert books(path, 0) == {"offered": len(parts), "delivered": len(parts), "dropped": 0, "unread": 0}
    finally:
        run("ring", "rm", name, over=True)


@pytest.mark.parametrize("policy", ["drop-oldest", "drop-newest"])
@pytest.mark.parametrize("kind", [["--messages"], ["--slot", "1KiB"]])
def test_books_by_the_layout_alone_are_those_that_the_program_says(policy, kind):
    name = f"layout-b-{os.getpid()}"
    assert run("ring", "create", name, "--bytes", "16KiB", "--slow", policy, *kind, over=True).code == 0
    try:
        said = json.loads(run("gen", "csv", "--rows", 3000, "--seed", "5", "--to", f"ring:{name}", "--stats", over=True).err)["outputs"][f"ring:{name}"]
        for _ in range(2):    # before it is read, and after
            stat = json.loads(run("ring", "stat", "-o", "ndjson", name, over=True).out.splitlines()[1])
            mine = books(f"/dev/shm/weir.{name}", 0)
            assert mine == {key: stat[key] for key in mine} and mine["offered"] == said["records"] + said["records_dropped"] > 16
            assert mine["offered"] == mine["delivered"] + mine["dropped"] + mine["unread"]
            assert run("ring", "cat", name, over=True).code == 0
        assert mine["unread"] == 0 < mine["dropped"]
    finally:
        run("ring", "rm", name, over=True)
