#!/usr/bin/env python3
"""What Apache DataSketches and Redis write, as the constants of src/sketches/datasketches_test.c and redis_test.c.

    python3 -m venv v && v/bin/pip install datasketches
    v/bin/python tests/datasketches_constants.py [PORT of a redis-server]
"""
import socket
import struct
import sys

from datasketches import hll_sketch, kll_doubles_sketch, tgt_hll_type

FORMS = [("LIST", 8, 5, "HLL_8"), ("SET", 8, 20, "HLL_6"), ("HLL_4", 5, 400, "HLL_4"), ("HLL_6", 5, 400, "HLL_6"),
         ("HLL_8", 5, 400, "HLL_8")]


def define(name, data):
    text = bytes(data).hex()
    lines = [f'    "{text[i:i + 96]}"' for i in range(0, len(text), 96)]
    print(f"static const char {name}[] =\n" + "\n".join(lines) + ";")


def coupon(value):
    sketch = hll_sketch(12, tgt_hll_type.HLL_8)
    sketch.update(value)
    return struct.unpack("<I", sketch.serialize_compact()[8:])[0]


def hll():
    for value in (0, 1, -1, 2**63 - 1, 0.0, -0.0, 1.0, -2.5, float("inf"), float("nan"), "a", "weir",
                  "fifteen letters", "sixteen letters.", "seventeen letters", "Grüße",
                  "a stream of any size is described in one mebibyte"):
        print(f"{value!r}: 0x{coupon(value):08x}")
    rare = [v for v in range(1, 200000) if coupon(v) >> 26 >= 17][:4]    # ranks that are exceptions
    print("rare:", rare)
    for name, lg_k, count, kind in FORMS:
        sketch = hll_sketch(lg_k, getattr(tgt_hll_type, kind))
        for v in [*range(1, count + 1), *(rare if count == 400 else [])]:
            sketch.update(v)
        define(name.lower(), sketch.serialize_compact())
        define(name.lower() + "_updatable", sketch.serialize_updatable())


def kll():
    for name, k, count in (("kll_none", 8, 0), ("kll_one", 8, 1), ("kll_exact", 20, 12), ("kll_levels", 24, 150)):
        sketch = kll_doubles_sketch(k)
        for i in range(count):
            sketch.update(i * 7919 % count - 100.5)
        define(name, sketch.serialize())


def redis(port):
    with socket.create_connection(("127.0.0.1", port)) as s:
        def ask(*words):
            s.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
            data = s.recv(1 << 20)
            while data[:1] == b"$" and len(data) < int(data[1:data.index(b"\r")]) + data.index(b"\r") + 4:
                data += s.recv(1 << 20)
            return data.split(b"\r\n", 1)[1][:-2] if data[:1] == b"$" else data.strip()
        ask(b"CONFIG", b"SET", b"hll-sparse-max-bytes", b"3000")
        ask(b"DEL", b"weir:one")
        ask(b"PFADD", b"weir:one", b"a", b"weir", b"8 bytes.")
        print("sparse:", ", ".join(f"0x{b:02x}" for b in ask(b"GET", b"weir:one")))
        ask(b"CONFIG", b"SET", b"hll-sparse-max-bytes", b"0")
        for word in (b"", b"a", b"weir", b"8 bytes.", b"a stream of any size is described in one mebibyte"):
            ask(b"DEL", b"weir:one")
            ask(b"PFADD", b"weir:one", word)
            bits = int.from_bytes(ask(b"GET", b"weir:one")[16:], "little")
            at = (bits.bit_length() - 1) // 6
            print(f"{word!r}: register {at} rank {bits >> 6 * at & 63}")


hll()
kll()
if len(sys.argv) > 1:
    redis(int(sys.argv[1]))
