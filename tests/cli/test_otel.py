"""OpenTelemetry's buckets by libweir against exact whole numbers: 2^i < x^(2^scale) <= 2^(i + 1), scale after scale."""
import collections
import ctypes
import math
import random

import pytest

from conftest import ROOT


def bucket(x, scale):
    """ceil(2^scale log2(x)) - 1, exactly: x = m 2^e, and the bits of m^(2^scale) are its logarithm's whole part."""
    mantissa, exponent = math.frexp(x)
    m, e = int(mantissa * 2**53), exponent - 53
    power, fine = m**(2**max(scale, 0)), e * 2**max(scale, 0)
    log = power.bit_length() - (power & (power - 1) == 0)    # rounded up
    return (log + fine - 1) >> max(-scale, 0)


@pytest.fixture(scope="module")
def weir():
    path = ROOT / "build/libweir.so.0"
    if not path.exists():
        pytest.skip("no build/libweir.so.0: make build")
    library = ctypes.CDLL(str(path))
    library.weir_loglinear_bytes.restype = ctypes.c_size_t
    return library


def histogram(weir, scale, values, low=-40, high=40):
    size = weir.weir_loglinear_bytes(scale, low, high)
    room = ctypes.create_string_buffer(size + 64)
    at = (ctypes.addressof(room) + 63) & ~63
    h = ctypes.c_void_p()
    assert weir.weir_loglinear_init_otel(ctypes.byref(h), ctypes.c_void_p(at), ctypes.c_size_t(size), scale, low, high) == 0
    weir.weir_loglinear_add(h, (ctypes.c_double * len(values))(*values), ctypes.c_size_t(len(values)))
    return h, room


def export(weir, h, scale, negative=0):
    offset, count, buckets = ctypes.c_int32(), ctypes.c_size_t(50000), (ctypes.c_uint64 * 50000)()
    assert weir.weir_loglinear_otel(h, scale, negative, ctypes.byref(offset), buckets, ctypes.byref(count)) == 0
    return {offset.value + i: buckets[i] for i in range(count.value) if buckets[i]}


def near_bounds(rng, scale, n):
    """Powers of two and doubles within a few steps of 2^(i / 2^scale)."""
    for _ in range(n):
        x = 2.0 ** rng.randrange(-39, 40) if rng.random() < 0.2 else 2.0 ** (rng.randrange(-39 << scale, 39 << scale) / 2**scale)
        for _ in range(rng.randrange(4)):
            x = math.nextafter(x, rng.choice((0, math.inf)))
        yield x


@pytest.mark.parametrize("scale", range(9))
def test_buckets_are_exact(weir, scale):
    rng = random.Random(scale)
    values = list(near_bounds(rng, scale, 1500)) + [math.exp(rng.uniform(-20, 20)) for _ in range(500)]
    values = [v if rng.random() < 0.7 else -v for v in values]
    h, room = histogram(weir, scale, values)
    for coarse in range(-3, scale + 1):
        for negative in (0, 1):
            want = collections.Counter(bucket(abs(v), coarse) for v in values if (v < 0) == bool(negative))
            assert export(weir, h, coarse, negative) == want


def test_every_bound_of_the_finest_scale_is_where_it_belongs(weir):
    for i in range(-256, 257):
        x = 2.0 ** (i / 256)
        around = [math.nextafter(x, 0), x, math.nextafter(x, math.inf)]
        h, room = histogram(weir, 8, around)
        assert export(weir, h, 8) == collections.Counter(bucket(v, 8) for v in around)
