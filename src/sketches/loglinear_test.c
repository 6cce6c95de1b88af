/* loglinear_test.c - what weir/loglinear.h promises. Oracle: the sorted values, and frexp() for octaves. */
#include <float.h>
#include <math.h>
#include "kernels/loglinear.h"
#include "tests/weir_test.h"
#include "weir/loglinear.h"

enum { BLOCK_BYTES = 1 << 18, VALUES_MAX = 20000 };
static _Alignas(64) uint8_t block_a[BLOCK_BYTES], block_b[BLOCK_BYTES], block_c[BLOCK_BYTES];
static double values[VALUES_MAX], sorted[VALUES_MAX];

static int compare(const void *a, const void *b)
{
    double const x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static weir_loglinear *fresh(uint8_t *block, unsigned bits, int low, int high)
{
    weir_loglinear *h = NULL;
    assert_true(weir_loglinear_bytes(bits, low, high) <= BLOCK_BYTES);
    CHECK_OK(weir_loglinear_init(&h, block, BLOCK_BYTES, bits, low, high));
    return h;
}

static weir_loglinear *fresh_otel(uint8_t *block, unsigned scale, int low, int high)
{
    weir_loglinear *h = NULL;
    assert_true(weir_loglinear_bytes(scale, low, high) <= BLOCK_BYTES);
    CHECK_OK(weir_loglinear_init_otel(&h, block, BLOCK_BYTES, scale, low, high));
    return h;
}

enum { ANY_BITS, POWERS, NORMAL, SPECIAL, EQUAL, KINDS };
static void fill(struct prng *prng, size_t n, unsigned kind)
{
    static const double special[] = { 0, -0.0, INFINITY, -INFINITY, 5e-324, -5e-324, DBL_MIN, -DBL_MIN,
                                      DBL_MAX, -DBL_MAX, 1, -1, 0x1p-20, 0x1p20, 0x1.0000000000001p20,
                                      0x1.fffffffffffffp19 };
    for (size_t i = 0; i < n; i++) {
        union { uint64_t i; double f; } u = { prng_next(prng) };
        switch (kind) {
        case ANY_BITS: values[i] = u.f == u.f ? u.f : 1; break;
        case POWERS:   values[i] = ldexp(u.i & 1 ? 1 : -1, (int)prng_below(prng, 80) - 40); break;
        case NORMAL:   values[i] = (u.i & 1 ? 1 : -1) * exp(20 * prng_unit(prng) - 10); break;
        case SPECIAL:  values[i] = special[prng_below(prng, sizeof special / sizeof special[0])]; break;
        default:       values[i] = 0.1; break;
        }
    }
}

TEST(init_refuses_what_does_not_fit_and_writes_nothing)
{
    weir_loglinear *h = NULL;
    memset(block_a, 0xa5, sizeof block_a);
    memset(block_b, 0xa5, sizeof block_b);
    CHECK_EQ(weir_loglinear_init(&h, block_a, weir_loglinear_bytes(5, -4, 4) - 1, 5, -4, 4), WEIR_ERR_SPACE);
    CHECK_EQ(weir_loglinear_init(&h, block_a, BLOCK_BYTES, 11, -4, 4), WEIR_ERR_RANGE);
    CHECK_EQ(weir_loglinear_init(&h, block_a, BLOCK_BYTES, 5, 4, 4), WEIR_ERR_RANGE);
    CHECK_EQ(weir_loglinear_init(&h, block_a, BLOCK_BYTES, 5, -1023, 4), WEIR_ERR_RANGE);
    CHECK_EQ(weir_loglinear_init(&h, block_a, BLOCK_BYTES, 5, 0, 1025), WEIR_ERR_RANGE);
    CHECK(h == NULL);
    CHECK_SAME_BYTES(block_a, block_b, sizeof block_a);
    CHECK_EQ(weir_loglinear_bytes(6, -32, 32), 64 + 8 * (2 * (64 << 6) + 9));
}

TEST(every_quantile_lies_in_its_bounds_and_is_near_its_value)
{
    FOR_SEEDS(120) {
        int const otel = seed % 2;
        unsigned const bits = (unsigned)prng_below(prng, 8), kind = (unsigned)(seed / 2 % KINDS);
        int const whole = prng_below(prng, 3) == 0 && bits <= 2;
        int const low = whole ? -1022 : -20, high = whole ? 1024 : 20;
        size_t const n = 1 + prng_below(prng, seed % 2 ? 3000 : 20);
        fill(prng, n, kind);
        weir_loglinear *const h = otel ? fresh_otel(block_a, bits, low, high) : fresh(block_a, bits, low, high);
        double const ratio = exp2(1 / ldexp(1, (int)bits)), error = otel ? (ratio - 1) / (ratio + 1) : 1 / (2 * ldexp(1, (int)bits) + 1);
        weir_loglinear_add(h, values, n);
        memcpy(sorted, values, n * sizeof *sorted);
        qsort(sorted, n, sizeof *sorted, compare);
        CHECK_EQ(weir_loglinear_count(h).all, n);
        for (unsigned i = 0; i <= 100; i++) {
            double const q = i / 100.0;
            size_t at = 0;
            while ((double)(at + 1) / (double)n < q) at++;
            weir_loglinear_quantile const got = weir_loglinear_quantile_at(h, q);
            CHECK(got.low <= sorted[at] && sorted[at] <= got.high);
            CHECK(got.low <= got.value && got.value <= got.high);
            double const size = fabs(sorted[at]);
            if (size > ldexp(1, low) && (high == 1024 ? size < INFINITY : size <= ldexp(1, high)))
                CHECK(fabs(got.value - sorted[at]) <= size * error * (1 + 1e-12));
        }
        for (size_t i = 0; i < n; i += 1 + n / 50) {
            uint64_t least, most, up_to = 0;
            weir_loglinear_rank(h, values[i], &least, &most);
            for (size_t j = 0; j < n; j++) up_to += values[j] <= values[i];
            CHECK(least <= up_to && up_to <= most);
            if (kind == POWERS && values[i] >= 0x1p-20 && values[i] <= 0x1p20) CHECK_EQ(least, up_to);
        }
    }
}

TEST(zeros_infinities_and_nans_are_counted_apart)
{
    weir_loglinear *const h = fresh(block_a, 3, -4, 4);
    static const double some[] = { 0, -0.0, 0, INFINITY, -INFINITY, -INFINITY, NAN, -NAN, NAN, 0.0625, 0.0626,
                                   -16, -16.001, -5e-324, 17, DBL_MAX, 1, 1, 1 };
    weir_loglinear_add(h, some, sizeof some / sizeof some[0]);
    weir_loglinear_counts const c = weir_loglinear_count(h);
    CHECK_EQ(c.all, 16);
    CHECK_EQ(c.zero, 3);
    CHECK_EQ(c.nan, 3);
    CHECK_EQ(c.infinite[0], 1);  CHECK_EQ(c.infinite[1], 2);
    CHECK_EQ(c.near_zero[0], 1); CHECK_EQ(c.near_zero[1], 1);
    CHECK_EQ(c.binned[0], 4);    CHECK_EQ(c.binned[1], 1);
    CHECK_EQ(c.beyond[0], 2);    CHECK_EQ(c.beyond[1], 1);
    CHECK(weir_loglinear_quantile_at(h, 0).value == -INFINITY);
    CHECK(weir_loglinear_quantile_at(h, 1).value == INFINITY);
}

TEST(every_set_of_kernels_leaves_the_same_bytes)
{
    const char *const *const names = weir_kernels_names();
    FOR_SEEDS(40) {
        size_t const n = prng_below(prng, 600), at = prng_below(prng, 5);
        unsigned const bits = (unsigned)prng_below(prng, 6);
        fill(prng, n + at, (unsigned)(seed % KINDS));
        for (size_t i = 0; i < n + at; i++)
            if (prng_below(prng, 50) == 0) values[i] = prng_below(prng, 2) ? NAN : -NAN;
        for (unsigned i = 0; names[i] != NULL; i++) {
            CHECK_EQ(weir_kernels_choose(names[i]), 0);
            weir_loglinear *const h = fresh(i == 0 ? block_a : block_b, bits, -30, 50);
            weir_loglinear_add(h, values + at, n);
            if (i > 0) CHECK_SAME_BYTES(block_a, block_b, weir_loglinear_bytes(bits, -30, 50));
        }
    }
}

TEST(merge_leaves_the_bytes_of_the_union_and_refuses_other_bins)
{
    FOR_SEEDS(20) {
        size_t const n = prng_below(prng, 3000), cut = prng_below(prng, n + 1);
        fill(prng, n, (unsigned)(seed % KINDS));
        weir_loglinear *const a = fresh(block_a, 4, -9, 9), *const b = fresh(block_b, 4, -9, 9);
        weir_loglinear *const all = fresh(block_c, 4, -9, 9);
        weir_loglinear_add(a, values, cut);
        weir_loglinear_add(b, values + cut, n - cut);
        weir_loglinear_add(all, values, n);
        CHECK_OK(weir_loglinear_merge(a, b));
        CHECK_SAME_BYTES(block_a, block_c, weir_loglinear_bytes(4, -9, 9));
        weir_loglinear_reset(a);
        CHECK_EQ(weir_loglinear_count(a).all, 0);
        CHECK_EQ(weir_loglinear_merge(a, fresh(block_b, 5, -9, 9)), WEIR_ERR_MISMATCH);
        CHECK_EQ(weir_loglinear_merge(a, fresh_otel(block_b, 4, -9, 9)), WEIR_ERR_MISMATCH);
        CHECK_EQ(weir_loglinear_merge(a, fresh(block_b, 4, -9, 10)), WEIR_ERR_MISMATCH);
    }
}

TEST(otel_buckets_hold_what_lies_between_their_powers_of_two)
{
    FOR_SEEDS(60) {
        size_t const n = prng_below(prng, 2000);
        int const scale = -(int)prng_below(prng, 11), negative = (int)prng_below(prng, 2);
        fill(prng, n, (unsigned)(seed % KINDS));
        weir_loglinear *const h = fresh(block_a, 2, -1022, 1024);
        weir_loglinear_add(h, values, n);
        static uint64_t buckets[2100];
        int32_t offset;
        size_t count = 2100;
        CHECK_OK(weir_loglinear_otel(h, scale, negative, &offset, buckets, &count));
        static uint64_t want[2100];
        memset(want, 0, sizeof want);
        size_t expected = 0;
        for (size_t i = 0; i < n; i++) {
            double const size = fabs(values[i]);
            if ((signbit(values[i]) != 0) != negative || size <= DBL_MIN || size == INFINITY) continue;
            int exponent;
            if (frexp(size, &exponent) == 0.5) exponent--;    /* 2^(exponent-1) < size <= 2^exponent */
            int const bucket = (int)floor((exponent - 1) / ldexp(1, -scale)) - offset;
            CHECK(bucket >= 0 && (size_t)bucket < count);
            want[bucket]++;
            expected++;
        }
        CHECK_SAME_BYTES(want, buckets, count * sizeof *want);
        CHECK((count > 0) == (expected > 0));
        if (count == 0) continue;
        CHECK(want[0] > 0 && want[count - 1] > 0);
        count--;
        CHECK_EQ(weir_loglinear_otel(h, scale, negative, &offset, buckets, &count), WEIR_ERR_SPACE);
        CHECK_EQ(weir_loglinear_otel(h, 1, negative, &offset, buckets, &count), WEIR_ERR_RANGE);
    }
}

/* The bits of value^256. */
static unsigned bits_of_power(uint64_t value)
{
    static uint32_t a[1024], b[1024];
    unsigned n = 2;
    a[0] = (uint32_t)value;
    a[1] = (uint32_t)(value >> 32);
    for (unsigned square = 0; square < 8; square++, n *= 2) {
        memset(b, 0, 2 * n * sizeof *b);
        for (unsigned i = 0; i < n; i++) {
            uint64_t carry = 0;
            for (unsigned j = 0; j < n; j++) {
                carry += (uint64_t)a[i] * a[j] + b[i + j];
                b[i + j] = (uint32_t)carry;
                carry >>= 32;
            }
            b[i + n] = (uint32_t)carry;
        }
        memcpy(a, b, 2 * n * sizeof *b);
    }
    while (a[n - 1] == 0) n--;
    return 32 * n - (unsigned)__builtin_clz(a[n - 1]);
}

TEST(each_cut_is_the_whole_part_of_its_power_of_two)
{
    for (unsigned j = 1; j < 256; j++) {    /* cut^256 < 2^(52 * 256 + j) < (cut + 1)^256 */
        uint64_t const cut = octave_cuts[j - 1] + (UINT64_C(1) << 52);
        CHECK(bits_of_power(cut) <= 52 * 256 + j);
        CHECK(bits_of_power(cut + 1) > 52 * 256 + j);
    }
    CHECK_EQ(octave_cuts[255], UINT64_MAX);
}

/* i with 2^(i / 2^scale) < size <= 2^((i + 1) / 2^scale): the cuts below it are counted one by one. */
static int bucket_by_counting(double size, int scale)
{
    int exponent;
    uint64_t const mantissa = (uint64_t)ldexp(frexp(size, &exponent), 53) - (UINT64_C(1) << 52);
    int const fine = scale > 0 ? scale : 0;
    int at = (exponent - 1) * (1 << fine);
    if (mantissa == 0) at--;
    else for (unsigned j = 1; j < 1u << fine; j++) at += mantissa > octave_cuts[(j << (8 - fine)) - 1];
    return (int)floor(at / ldexp(1, fine - scale));
}

TEST(otel_buckets_of_every_scale_up_to_its_own_are_exact)
{
    FOR_SEEDS(80) {
        unsigned const own = (unsigned)prng_below(prng, WEIR_LOGLINEAR_SCALE_MAX + 1);
        int const scale = (int)prng_below(prng, own + 11) - 10, negative = (int)prng_below(prng, 2);
        size_t const n = prng_below(prng, 3000);
        fill(prng, n, (unsigned)(seed % KINDS));
        for (size_t i = 0; i < n; i++) {    /* at cuts, and one step to either side */
            if (prng_below(prng, 2)) continue;
            union { uint64_t i; double f; } u = { .f = values[i] };
            uint64_t const j = prng_below(prng, 256);
            u.i = (u.i & UINT64_C(0xfff) << 52) + (j == 0 ? 0 : octave_cuts[j - 1]) + prng_below(prng, 3) - 1;
            if (u.f == u.f) values[i] = u.f;
        }
        int const low = own > 5 ? -25 : -200, high = own > 5 ? 30 : 300;
        weir_loglinear *const h = fresh_otel(block_a, own, low, high);
        weir_loglinear_add(h, values, n);
        static uint64_t buckets[20000], want[20000];
        int32_t offset;
        size_t count = 20000, expected = 0;
        CHECK_EQ(weir_loglinear_otel(h, (int)own + 1, negative, &offset, buckets, &count), WEIR_ERR_RANGE);
        CHECK_OK(weir_loglinear_otel(h, scale, negative, &offset, buckets, &count));
        memset(want, 0, sizeof want);
        for (size_t i = 0; i < n; i++) {
            double const size = fabs(values[i]);
            if ((signbit(values[i]) != 0) != negative || size <= ldexp(1, low) || size > ldexp(1, high)) continue;
            int const bucket = bucket_by_counting(size, scale) - offset;
            CHECK(bucket >= 0 && (size_t)bucket < count);
            want[bucket]++;
            expected++;
        }
        CHECK_SAME_BYTES(want, buckets, count * sizeof *want);
        CHECK((count > 0) == (expected > 0));
        if (count > 0) CHECK(want[0] > 0 && want[count - 1] > 0);
    }
}

TEST(init_otel_refuses_a_scale_that_it_has_no_cuts_for)
{
    weir_loglinear *h = NULL;
    CHECK_EQ(weir_loglinear_init_otel(&h, block_a, BLOCK_BYTES, 9, -4, 4), WEIR_ERR_RANGE);
    CHECK_EQ(weir_loglinear_init_otel(&h, block_a, weir_loglinear_bytes(8, -4, 4) - 1, 8, -4, 4), WEIR_ERR_SPACE);
    CHECK_OK(weir_loglinear_init_otel(&h, block_a, weir_loglinear_bytes(8, -4, 4), 8, -4, 4));
}

TEST(open_accepts_what_was_saved_and_refuses_or_is_safe_on_any_bytes)
{
    FOR_SEEDS(2000) {
        size_t const n = prng_below(prng, 100), bytes = weir_loglinear_bytes(2, -5, 6);
        fill(prng, n, (unsigned)(seed % KINDS));
        weir_loglinear *h = seed % 2 ? fresh(block_a, 2, -5, 6) : fresh_otel(block_a, 2, -5, 6);
        weir_loglinear_add(h, values, n);
        CHECK_OK(weir_loglinear_open(&h, block_a, bytes));
        CHECK_EQ(weir_loglinear_open(&h, block_a, bytes + 8), WEIR_ERR_FORMAT);
        CHECK_EQ(weir_loglinear_open(&h, block_a, 10), WEIR_ERR_FORMAT);
        block_a[prng_below(prng, prng_below(prng, 2) ? 64 : bytes)] ^= (uint8_t)(1u << prng_below(prng, 8));
        if (weir_loglinear_open(&h, block_a, bytes) != WEIR_OK) continue;
        if (weir_loglinear_count(h).all > 0) (void)weir_loglinear_quantile_at(h, 0.9);
        weir_loglinear_add(h, values, n);
        weir_status const merged = weir_loglinear_merge(fresh(block_b, 2, -5, 6), h);
        CHECK(merged == WEIR_OK || merged == WEIR_ERR_MISMATCH);
        static uint64_t buckets[64];
        int32_t offset;
        for (int scale = -11; scale < 10; scale++) {
            size_t count = 64;
            weir_status const told = weir_loglinear_otel(h, scale, 0, &offset, buckets, &count);
            CHECK(told == WEIR_ERR_RANGE || count <= 64);
        }
    }
}

int main(void)
{
    return RUN_TESTS(RUN(init_refuses_what_does_not_fit_and_writes_nothing),
                     RUN_ON_EVERY_CPU(every_quantile_lies_in_its_bounds_and_is_near_its_value),
                     RUN_ON_EVERY_CPU(zeros_infinities_and_nans_are_counted_apart),
                     RUN(every_set_of_kernels_leaves_the_same_bytes),
                     RUN(merge_leaves_the_bytes_of_the_union_and_refuses_other_bins),
                     RUN(otel_buckets_hold_what_lies_between_their_powers_of_two),
                     RUN(each_cut_is_the_whole_part_of_its_power_of_two),
                     RUN_ON_EVERY_CPU(otel_buckets_of_every_scale_up_to_its_own_are_exact),
                     RUN(init_otel_refuses_a_scale_that_it_has_no_cuts_for),
                     RUN(open_accepts_what_was_saved_and_refuses_or_is_safe_on_any_bytes));
}
