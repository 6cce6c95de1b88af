"""A ring read by its documented layout alone (weir/ring.h, docs/formats.md): no library, just bytes.
The library, as producer, is the other side."""
import ctypes
import mmap
import os
import struct

import pytest
from conftest import ROOT

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
