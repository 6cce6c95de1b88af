#!/usr/bin/env python3
"""weir's instruments and those of Apache DataSketches and Redis, each on the other's bytes, in both directions.

    python3 -m venv v && v/bin/pip install datasketches numpy
    v/bin/python tests/datasketches_check.py [libweir.so.0 [FOLDER]]

Where redis-server is installed one is started on a free port and stopped again. FOLDER holds sketches that Java, C++
and Go wrote, as apache/datasketches-go has them in serialization_test_data: hll[468]_nN_*.sk, kll_double_nN_*.sk.
"""
import ctypes
import glob
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import time

import numpy as np
from datasketches import hll_sketch, hll_union, kll_doubles_sketch, tgt_hll_type

HERE = os.path.dirname(os.path.abspath(__file__))
weir = ctypes.CDLL(sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "../build/shared/src/libweir.so.0"))
pointer, size_t, u64, i64, f64 = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint64, ctypes.c_int64, ctypes.c_double
SEED, SEED_REDIS = u64(0x35e1d8c6b07a4f92), u64(0x7a92c4d10e5b38f6)
COUNTS = (0, 1, 7, 8, 9, 30, 200, 10**4, 10**6)
KINDS = (tgt_hll_type.HLL_4, tgt_hll_type.HLL_6, tgt_hll_type.HLL_8)
done = 0


class Estimate(ctypes.Structure):
    _fields_ = [("value", f64), ("low", f64), ("high", f64), ("exact", ctypes.c_int)]


class Quantile(ctypes.Structure):
    _fields_ = [("value", i64), ("low", i64), ("high", i64), ("exact", ctypes.c_int)]


for name, result in (("weir_hll_count", Estimate), ("weir_kll_bytes", size_t), ("weir_kll_quantile", Quantile),
                     ("weir_kll_rank_error", f64), ("weir_kll_count", u64), ("weir_hash_redis", u64),
                     ("weir_hash_datasketches_bytes", size_t)):
    getattr(weir, name).restype = result


def check(condition, *what):
    global done
    done += 1
    if not condition:
        sys.exit(f"datasketches_check: {what}")


def at(array):
    return pointer(array.ctypes.data)


class Sketch:
    """A block, aligned to 64, and the handle that init or import made of it."""

    def __init__(self, size, make, *args):
        self.memory, self.size, self.handle = ctypes.create_string_buffer(size + 64), size, pointer()
        self.start = (ctypes.addressof(self.memory) + 63) // 64 * 64
        status = make(ctypes.byref(self.handle), pointer(self.start), size_t(size), *args)
        check(status == 0, make.__name__, status)

    def bytes(self):
        return ctypes.string_at(self.start, self.size)

    def export(self, call, room):
        out, size = ctypes.create_string_buffer(room), size_t()
        status = call(self.handle, out, size_t(room), ctypes.byref(size))
        check(status == 0, call.__name__, status)
        return out.raw[:size.value]


def hll(p, hashes, seed=SEED):
    sketch = Sketch(64 + 2**p, weir.weir_hll_init, p, seed)
    weir.weir_hll_add(sketch.handle, at(hashes), size_t(len(hashes)))
    return sketch


def hll_hashes(p, values):
    if values.dtype == object:
        one = u64()
        hashes = []
        for text in values:
            data = text.encode()
            if weir.weir_hash_datasketches_bytes(ctypes.byref(one), data, size_t(len(data)), p):
                hashes.append(one.value)
        return np.array(hashes, dtype=np.uint64)
    hashes = np.empty(len(values), dtype=np.uint64)
    doubles, integers = weir.weir_hash_datasketches_f64_batch, weir.weir_hash_datasketches_u64_batch
    (doubles if values.dtype == np.float64 else integers)(at(hashes), at(values), size_t(len(values)), p)
    return hashes


def hll_import(p, data):
    data = bytes(data)
    return Sketch(64 + 2**p, weir.weir_datasketches_hll_import, data, size_t(len(data)))


def hll_export(p, sketch):
    return sketch.export(weir.weir_datasketches_hll_export, 40 + 2**p)


def theirs(p, kind, values):
    sketch = hll_sketch(p, kind)
    for value in values.tolist():
        sketch.update(value)
    return sketch


def registers(p, data):
    """Of their bytes, by their own conversion to HLL_8 (a union keeps lg_k, and a list stays a list)."""
    union = hll_union(p)
    union.update(hll_sketch.deserialize(bytes(data)))
    data = bytes(union.get_result(tgt_hll_type.HLL_8).serialize_compact())
    coupons = data[8 if data[0] == 2 else 12:]
    return data[40:] if data[0] == 10 else sorted(coupons[i:i + 4] for i in range(0, len(coupons), 4))


def composite(data):
    """What they estimate from registers alone: their own bytes, marked as merged."""
    data = bytearray(data)
    data[5] |= 16
    return hll_sketch.deserialize(bytes(data)).get_estimate()


def distinct(p, values, what):
    kinds = [theirs(p, kind, values) for kind in KINDS]
    here = hll(p, hll_hashes(p, values))
    out = hll_export(p, here)
    back = hll_sketch.deserialize(out)
    cap = 65 - p
    largest = max(out[40:]) if out[0] == 10 else 0
    reference = bytes(kinds[2].serialize_compact())
    if out[0] == reference[0]:    # a list, a set, or registers on both sides
        if largest < cap:
            check(registers(p, out) == registers(p, reference), what, "registers")
    if out[0] == 10:    # theirs estimates from history; ours, and theirs once it has been merged, from registers
        if reference[0] == 10 and largest < cap:
            check(back.get_estimate() == composite(reference), what, "estimate")
    else:
        check(math.isclose(back.get_estimate(), kinds[2].get_estimate(), rel_tol=1e-12), what, "coupons")
    count = weir.weir_hll_count(here.handle)
    limit = 4 * 1.04 / math.sqrt(2**p)
    check(abs(count.value - len(values)) <= limit * len(values) + 1e-9, what, count.value)
    check(abs(back.get_estimate() - count.value) <= limit * len(values) + 1, what, back.get_estimate(), count.value)

    dense = None
    for sketch in kinds:
        for data in (sketch.serialize_compact(), sketch.serialize_updatable()):
            came = hll_import(p, data)
            dense = dense or came.bytes()
            check(came.bytes() == dense, what, "the forms differ")
            if len(values):
                value = weir.weir_hll_count(came.handle).value
                check(abs(value - len(values)) <= limit * len(values) + 1e-9, what, value)
    merged = hll(p, np.empty(0, dtype=np.uint64))    # ours and what came of theirs is what came of theirs
    for source in (hll_import(p, reference), here):
        check(weir.weir_hll_merge(merged.handle, source.handle) == 0, what, "merge")
    if len(values) and merged.bytes()[5] == 1:
        check(merged.bytes() == dense, what, "ours adds to theirs")
    union = hll_union(p)                             # and there
    union.update(back)
    union.update(kinds[0])
    result = union.get_result(tgt_hll_type.HLL_8)
    same = registers(p, result.serialize_compact()) == registers(p, reference)
    check(same or out[0] != reference[0], what, "union")
    if len(values):
        hll_import(p, result.serialize_compact())
        hll_import(p, union.get_result(tgt_hll_type.HLL_4).serialize_updatable())


def full_size():
    """Sketches that are registers from the first value on."""
    for p in (4, 8, 12):
        for kind in KINDS:
            for n in (0, 3, 500):
                values = np.arange(n, dtype=np.int64)
                sketch = hll_sketch(p, kind, True)
                for value in values.tolist():
                    sketch.update(value)
                check(bytes(sketch.serialize_compact())[0] == 10, "full size")
                images = (sketch.serialize_compact(), sketch.serialize_updatable(),
                          theirs(p, kind, values).serialize_compact())
                check(len({hll_import(p, data).bytes() for data in images}) == 1, "full size", p, kind, n)


def distinct_all():
    rng = np.random.default_rng(1)
    for p in (4, 5, 7, 8, 10, 12, 14, 18):
        for n in COUNTS:
            distinct(p, np.arange(n, dtype=np.int64) * 7919 - 5, ("integers", p, n))
            if n <= 10**4:
                distinct(p, rng.standard_normal(n), ("doubles", p, n))
                texts = np.array([f"Nr. {i} " + "ü" * (i % 40) for i in range(n)], dtype=object)
                distinct(p, texts, ("texts", p, n))


def kll(k, values, parts=1):
    sketches = []
    for i in range(parts):
        part = np.ascontiguousarray(values[i::parts])
        sketches.append(Sketch(weir.weir_kll_bytes(k), weir.weir_kll_init, k, u64(i + 1)))
        weir.weir_kll_add_f64(sketches[-1].handle, at(part), size_t(len(part)))
    for other in sketches[1:]:
        check(weir.weir_kll_merge(sketches[0].handle, other.handle) == 0, "kll merge")
    return sketches[0]


def kll_import(k, data):
    return Sketch(weir.weir_kll_bytes(k), weir.weir_datasketches_kll_import, k, u64(7), data, size_t(len(data)))


def number(key):
    return np.int64(key ^ (key >> 63 & 0x7fffffffffffffff)).view(np.float64)


def worst(ordered, asked, answers):
    """The largest distance of a rank asked for from those that its answer has."""
    low = np.searchsorted(ordered, answers, "left") / len(ordered)
    high = np.searchsorted(ordered, answers, "right") / len(ordered)
    return max(max(0.0, l - q, q - h) for q, l, h in zip(asked, low, high))


ASKED = [i / 100 for i in range(1, 100)]


def quantiles(k, values, what, parts=1):
    n, ordered = len(values), np.sort(values)
    sketch = kll(k, values, parts)
    data = sketch.export(weir.weir_datasketches_kll_export, 24 * k + 800)
    back = kll_doubles_sketch.deserialize(data)
    exact = weir.weir_kll_rank_error(sketch.handle) == 0
    check(weir.weir_kll_count(sketch.handle) == n, what)
    check(back.n == n or (parts > 1 and abs(back.n - n) < n / 100), what, "n", back.n)
    check(back.is_empty() == (n == 0) and back.is_estimation_mode() != exact, what, "mode", exact)
    errors = []
    if n:
        check(back.get_min_value() == number(weir.weir_kll_quantile(sketch.handle, f64(0)).value), what, "min")
        check(back.get_max_value() == number(weir.weir_kll_quantile(sketch.handle, f64(1)).value), what, "max")
        error = worst(ordered, ASKED, back.get_quantiles(ASKED, True))
        here = worst(ordered, ASKED, [number(weir.weir_kll_quantile(sketch.handle, f64(q)).value) for q in ASKED])
        check(abs(error - here) <= 3.2 / k**2 + 2 / n or parts > 1, what, "goes out with another error", here, error)
        check(error <= back.normalized_rank_error(False) if not exact else error <= 1 / n, what, "goes out", error)
        errors.append(error * k)
        one = kll_doubles_sketch(back.k)    # it is one that can be added to and merged
        one.merge(back)
        one.update(1.0)
        check(one.n == back.n + 1, what, "grows")

    source = kll_doubles_sketch(k)
    source.update(values)
    data = bytes(source.serialize())
    for ours in (k, 2 * k):
        came = kll_import(ours, data)
        check(weir.weir_kll_count(came.handle) == n, what, "count")
        if n:
            allowed = weir.weir_kll_rank_error(came.handle)
            error = worst(ordered, ASKED, [number(weir.weir_kll_quantile(came.handle, f64(q)).value) for q in ASKED])
            check(error <= max(allowed, 1 / n), what, "comes in", ours, error, allowed)
            check(allowed == 0 or allowed >= source.normalized_rank_error(False), what, "claims less than they do")
            check(number(weir.weir_kll_quantile(came.handle, f64(0)).value) == values.min(), what)
            check(number(weir.weir_kll_quantile(came.handle, f64(1)).value) == values.max(), what)
            errors.append(error / allowed if allowed else 0)
            opened = weir.weir_kll_open(ctypes.byref(came.handle), pointer(came.start), size_t(came.size))
            check(opened == 0, what, "open")
            weir.weir_kll_add_f64(came.handle, at(values), size_t(min(n, 1000)))
    return errors


def quantiles_all():
    rng = np.random.default_rng(2)
    for k in (32, 200, 600):
        for n in COUNTS + (599, 600, 601, 2000, 10**5 + 1):
            for name, values in (("normal", rng.standard_normal(n)), ("sorted", np.arange(n) - n / 2),
                                 ("few", rng.integers(0, 5, n).astype(np.float64))):
                quantiles(k, values, (name, k, n))
                if n >= 2000:
                    quantiles(k, values, (name, k, n, "in parts"), parts=7)


def doubled():
    """Many levels: a sketch that has been merged with itself again and again."""
    values = np.random.default_rng(3).standard_normal(3000)
    ordered = np.sort(values)
    source, ours = kll_doubles_sketch(40), kll(40, values)
    source.update(values)
    for times in range(1, 46):
        source.merge(kll_doubles_sketch.deserialize(bytes(source.serialize())))
        other = Sketch(ours.size, weir.weir_kll_init, 40, u64(times))
        for one, two in ((other, ours), (ours, other)):    # a copy, and that added to what it is of
            check(weir.weir_kll_merge(one.handle, two.handle) == 0, "doubled", times)
        data = ours.export(weir.weir_datasketches_kll_export, 24 * 40 + 800)
        back = kll_doubles_sketch.deserialize(data)
        check(abs(back.n / (3000 * 2**times) - 1) < 0.02, "doubled", times, back.n)
        check(worst(ordered, ASKED, back.get_quantiles(ASKED, True)) < 0.15, "doubled goes out", times)
        back.merge(kll_doubles_sketch.deserialize(data))
        data = bytes(source.serialize())
        came = kll_import(80, data)
        check(weir.weir_kll_count(came.handle) == source.n == 3000 * 2**times, "doubled", times)
        answers = [number(weir.weir_kll_quantile(came.handle, f64(q)).value) for q in ASKED]
        check(worst(ordered, ASKED, answers) < 0.15, "doubled comes in", times)


def files(folder):
    paths = sorted(glob.glob(os.path.join(folder, "**", "*.sk"), recursive=True))
    for path in paths:
        name = re.fullmatch(r"(hll[468]|kll_double)_n(\d+)_\w+\.sk", os.path.basename(path))
        if not name:
            continue
        data, n = open(path, "rb").read(), int(name[2])
        if name[1] == "kll_double":    # the numbers 1 .. n
            came = kll_import(400, data)
            check(weir.weir_kll_count(came.handle) == n, path)
            if n:
                answers = [number(weir.weir_kll_quantile(came.handle, f64(q)).value) for q in ASKED]
                error = worst(np.arange(1.0, n + 1), ASKED, answers)
                check(error <= max(weir.weir_kll_rank_error(came.handle), 1 / n), path, error)
        else:                          # the numbers 0 .. n - 1
            here = hll(data[3], hll_hashes(data[3], np.arange(n, dtype=np.int64)))
            came = hll_import(data[3], data)
            mixed = Sketch(came.size, weir.weir_hll_init, data[3], SEED)
            for source in (came, here):
                check(weir.weir_hll_merge(mixed.handle, source.handle) == 0, path)
            check(n == 0 or mixed.bytes() == came.bytes(), path, "has other registers")
            out = hll_export(data[3], here)
            ours, source = hll_sketch.deserialize(out), hll_sketch.deserialize(data)
            check(out[0] == data[0] and (out[0] != 10 or ours.get_estimate() == composite(data)), path)
            check(out[0] == 10 or ours.get_estimate() == source.get_estimate(), path)
    check(len(paths) > 0, folder, "is empty")


def redis_all():
    if not shutil.which("redis-server"):
        print("datasketches_check: no redis-server, that part is left out")
        return
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = subprocess.Popen(["redis-server", "--port", str(port), "--save", "", "--appendonly", "no"],
                              stdout=subprocess.DEVNULL)
    try:
        redis_with(port)
    finally:
        server.terminate()
        server.wait()


def redis_with(port):
    for _ in range(100):
        try:
            link = socket.create_connection(("127.0.0.1", port))
            break
        except OSError:
            time.sleep(0.05)
    answers = link.makefile("rb")

    def ask(*words):
        words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        link.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        line = answers.readline()
        check(line[:1] != b"-", line)
        return answers.read(int(line[1:]) + 2)[:-2] if line[:1] == b"$" else line[1:-2]

    ask("CONFIG", "SET", "hll-sparse-max-bytes", "0")
    for n in COUNTS[:-1] + (10**5,):
        words = [b"word %d" % i + b"." * (i % 23) for i in range(n)]
        hashes = np.array([weir.weir_hash_redis(w, size_t(len(w))) for w in words], dtype=np.uint64)
        numbers = np.arange(n, dtype=np.int64)
        weir.weir_hash_i64_batch(at(numbers), at(numbers), size_t(n), u64(1))
        sketch, native = hll(14, hashes, SEED_REDIS), hll(14, numbers, u64(1))
        for key, made in (("same", sketch), ("native", native)):
            out = ctypes.create_string_buffer(12304)
            check(weir.weir_redis_hll_export(made.handle, out, size_t(12304)) == 0, key, n)
            ask("SET", key, out.raw)
            count = int(ask("PFCOUNT", key))
            check(abs(count - n) <= 4 * 0.0081 * n, "redis", key, n, count)
            value = weir.weir_hll_count(made.handle).value
            check(abs(count - value) <= 4 * 0.0081 * n, "redis", key, n, count, value)
        ask("DEL", "added")
        for i in range(0, n, 1000):
            ask("PFADD", "added", *words[i:i + 1000])
        if n:
            theirs, ours = ask("GET", "added"), ask("GET", "same")
            check(theirs[:4] == b"HYLL" and theirs[4] == 0, "redis", n, theirs[:16])
            check(theirs[16:] == ours[16:], "redis has other registers", n)
            check(ask("PFADD", "same", *words[:10]) == b"0", "redis", n, "did not know them")
            ask("CONFIG", "SET", "hll-sparse-max-bytes", "3000")    # and here: of sparse and dense strings
            ask("DEL", "sparse")
            for i in range(0, n, 1000):
                ask("PFADD", "sparse", *words[i:i + 1000])
            ask("CONFIG", "SET", "hll-sparse-max-bytes", "0")
            for data in (theirs, ours, ask("GET", "sparse")):
                came = Sketch(64 + 2**14, weir.weir_redis_hll_import, data, size_t(len(data)))
                dense = came.bytes()
                check(weir.weir_hll_merge(came.handle, sketch.handle) == 0, "redis", n, "comes in")
                check(came.bytes() == dense, "redis", n, "comes in with other registers")
            ask("PFMERGE", "both", "same", "added")
            check(ask("PFCOUNT", "both") == ask("PFCOUNT", "added"), "redis merges", n)


distinct_all()
full_size()
quantiles_all()
doubled()
if len(sys.argv) > 2:
    files(sys.argv[2])
redis_all()
print(f"datasketches_check: {done} checks, all as they should be")
