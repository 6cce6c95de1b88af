/* prefixes_test.c - what weir/prefixes.h promises. Oracle: all addresses kept and counted. */
#include "weir/prefixes.h"
#include "tests/weir_test.h"

enum { MANY = 20000, ROOM = 4000, BLOCK = 6 << 20 };
static _Alignas(64) uint8_t block_a[BLOCK], block_b[BLOCK];
struct address { uint64_t high, low; };
static struct address stream[MANY], sorted[MANY];
static weir_prefix out[ROOM];
static weir_heavy_item scratch[WEIR_HEAVY_COUNTERS_MAX];

static uint64_t zipf(struct prng *prng, uint64_t limit)    /* small numbers often: 1 / x */
{
    double const u = prng_unit(prng);
    uint64_t x = 1;
    for (double p = u; p < 0.5 && x < limit; p *= 2) x *= 2;
    return (x - 1 + prng_below(prng, x)) % limit;
}

/* Traffic: networks by zipf, in them subnets by zipf, in these hosts by zipf or all different. */
static void fill(struct prng *prng, unsigned bits, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t const net = zipf(prng, 200) * 0x9d, sub = zipf(prng, 256), rack = zipf(prng, 256);
        uint64_t const host = prng_below(prng, 3) ? zipf(prng, 256) : prng_next(prng);
        if (bits == 32)
            stream[i].high = (net % 256 << 24 | sub << 16 | rack << 8 | host % 256) << 32, stream[i].low = 0;
        else
            stream[i].high = 0x20010db8ull << 32 | (net & 0xffff) << 16 | sub << 8 | rack,
            stream[i].low = rack % 3 ? host : host % 16;
    }
}

static void add(weir_prefixes *p, unsigned bits, const struct address *from, size_t count)
{
    static uint32_t v4[MANY];
    static uint8_t v6[MANY * 16];
    for (size_t i = 0; i < count; i++) {
        v4[i] = (uint32_t)(from[i].high >> 32);
        for (unsigned k = 0; k < 8; k++) {
            v6[16 * i + k] = (uint8_t)(from[i].high >> (56 - 8 * k));
            v6[16 * i + 8 + k] = (uint8_t)(from[i].low >> (56 - 8 * k));
        }
    }
    if (bits == 32) weir_prefixes_add4(p, v4, count);
    else weir_prefixes_add6(p, v6, count);
}

static struct address cut(struct address a, unsigned length)
{
    for (unsigned bit = length; bit < 128; bit++) {
        if (bit < 64) a.high &= ~(UINT64_C(1) << (63 - bit));
        else a.low &= ~(UINT64_C(1) << (127 - bit));
    }
    return a;
}

static int by_address(const void *a, const void *b)
{
    const struct address *x = a, *y = b;
    if (x->high != y->high) return x->high < y->high ? -1 : 1;
    return x->low == y->low ? 0 : x->low < y->low ? -1 : 1;
}

static int same_address(struct address a, struct address b) { return a.high == b.high && a.low == b.low; }

/* Every bound, from the addresses themselves, and that nothing is left out. */
static void check_found(const weir_prefixes_shape *s, size_t count, size_t found, uint64_t threshold,
                        uint64_t error)
{
    memcpy(sorted, stream, count * sizeof stream[0]);
    qsort(sorted, count, sizeof sorted[0], by_address);
    static uint32_t explained[MANY];    /* index + 1 of the last reported prefix that covers the address */
    memset(explained, 0, sizeof explained);
    size_t next = 0;
    for (unsigned length = s->longest;; length -= s->step) {
        size_t const first = next;
        while (next < found && out[next].length == length) next++;
        static uint32_t after[MANY];
        memcpy(after, explained, count * sizeof after[0]);
        size_t reported = 0;
        for (size_t i = 0; i < count;) {    /* groups of one prefix */
            struct address const prefix = cut(sorted[i], length);
            uint64_t all = 0, own = 0;
            size_t const begin = i;
            for (; i < count && same_address(cut(sorted[i], length), prefix); i++) {
                all++;
                own += explained[i] == 0;
            }
            size_t k = first;
            while (k < next && !same_address((struct address){ out[k].high, out[k].low }, prefix)) k++;
            if (k == next) {
                CHECK(own < threshold);    /* coverage */
                continue;
            }
            reported++;
            CHECK(out[k].count_low <= all && all <= out[k].count_high &&
                  out[k].count_high - out[k].count_low <= error);
            CHECK(out[k].own_low <= own && own <= out[k].own_high && out[k].own_high >= threshold);
            for (size_t j = begin; j < i; j++) {
                if (explained[j] != 0 && out[explained[j] - 1].length > length) {
                    uint32_t const parent = out[explained[j] - 1].parent;
                    CHECK_EQ(parent, k);
                }
                after[j] = (uint32_t)k + 1;
            }
            if (error == 0) CHECK(out[k].own_low == own && out[k].own_high == own);
        }
        CHECK_EQ(reported, next - first);    /* and each only once */
        memcpy(explained, after, count * sizeof after[0]);
        if (length < s->shortest + s->step) break;
    }
    CHECK_EQ(next, found);
}

static weir_prefixes *made(void *block, const weir_prefixes_shape *s, uint64_t seed)
{
    weir_prefixes *p;
    CHECK(weir_prefixes_bytes(s) != 0 && weir_prefixes_bytes(s) <= BLOCK);
    CHECK_OK(weir_prefixes_init(&p, block, weir_prefixes_bytes(s), s, seed));
    return p;
}

static const weir_prefixes_shape shapes[] = {
    {32, 32, 8, 8, 4096, 0},   {32, 32, 8, 8, 256, 0},   {32, 24, 4, 4, 512, 0},     {32, 32, 1, 1, 256, 0},
    {128, 64, 16, 16, 512, 0}, {128, 128, 8, 8, 512, 0}, {128, 128, 4, 32, 1024, 0}, {128, 121, 7, 3, 256, 0},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

TEST(bounds_hold_and_nothing_above_the_threshold_is_left_out)
{
    for (unsigned k = 0; k < SHAPES; k++) {
        weir_prefixes_shape const *s = &shapes[k];
        FOR_SEEDS(4) {
            size_t const count = 3000 + prng_below(prng, MANY - 3000), half = prng_below(prng, count);
            weir_prefixes *p = made(block_a, s, seed);
            fill(prng, s->bits, count);
            if (seed % 2) {
                add(p, s->bits, stream, count);
            } else {    /* two workers */
                weir_prefixes *q = made(block_b, s, seed);
                add(p, s->bits, stream, half);
                add(q, s->bits, stream + half, count - half);
                CHECK_OK(weir_prefixes_merge(p, q));
            }
            CHECK_EQ(weir_prefixes_total(p), count);
            uint64_t const error = weir_prefixes_error(p);
            CHECK(error <= count / (s->counters / 3) + 1);
            uint64_t const threshold = error + 1 + count / (20 + prng_below(prng, 300));
            size_t found;
            CHECK_OK(weir_prefixes_find(p, threshold, out, ROOM, &found, scratch, weir_prefixes_scratch(p)));
            check_found(s, count, found, threshold, error);
        }
    }
}

TEST(few_prefixes_are_counted_exactly)
{
    weir_prefixes *p = made(block_a, &shapes[0], 7);
    for (size_t i = 0; i < 1000; i++)
        stream[i].high = (0x0a010203ull + (i % 5 == 0 ? 0x100 * (i % 10) : 0)) << 32, stream[i].low = 0;
    add(p, 32, stream, 1000);
    size_t found;
    CHECK_OK(weir_prefixes_find(p, 100, out, ROOM, &found, scratch, 10));
    check_found(&shapes[0], 1000, found, 100, 0);
    CHECK_EQ(found, 2);    /* 10.1.2.3: 900; 10.1.7.3: 100 */
    CHECK(out[0].high == 0x0a010203ull << 32 && out[0].length == 32 && out[0].own_low == 900);
    CHECK(out[1].high == 0x0a010703ull << 32 && out[1].own_high == 100);
    CHECK_OK(weir_prefixes_find(p, 1000, out, ROOM, &found, scratch, 10));
    CHECK_EQ(found, 1);
    CHECK(out[0].high == 0x0a01ull << 48 && out[0].length == 16 && out[0].count_low == 1000);
}

/* 2 % from one host, 20 % from random hosts of one network, the rest from anywhere. */
TEST(a_flood_of_random_sources_may_be_sampled_and_bounds_say_so)
{
    static const weir_prefixes_shape sampled[] = { { 32, 32, 8, 8, 1024, WEIR_HEAVY_MAY_SAMPLE },
                                                   { 128, 128, 16, 16, 1024, WEIR_HEAVY_MAY_SAMPLE } };
    for (unsigned k = 0; k < 2; k++)
        FOR_SEEDS(4) {
            weir_prefixes *p = made(block_a, &sampled[k], seed);
            uint64_t host = 0, network = 0, total = 0;
            unsigned const bits = sampled[k].bits;
            uint64_t const net = 0x0a01ull << 48, wide = bits == 32 ? 0xffffull << 32 : 0;
            for (unsigned round = 0; round < 20; round++) {
                for (size_t i = 0; i < MANY; i++) {
                    uint64_t const draw = prng_below(prng, 50), noise = prng_next(prng);
                    stream[i] = (struct address){ noise, noise * 3 };
                    if (draw == 0) stream[i] = (struct address){ 0xc0a80101ull << 32, 1 };
                    else if (draw <= 10) stream[i] = (struct address){ net | (noise & wide), noise };
                    if (bits == 32) stream[i].low = 0, stream[i].high &= 0xffffffffull << 32;
                    host += draw == 0;
                    network += bits == 32 ? stream[i].high >> 48 == 0x0a01 : stream[i].high == net;
                }
                total += MANY;
                add(p, bits, stream, MANY);
            }
            CHECK(weir_prefixes_sampling(p) > 1);
            size_t found;
            CHECK_OK(
                weir_prefixes_find(p, total / 100, out, ROOM, &found, scratch, weir_prefixes_scratch(p)));
            CHECK(found >= 2 && out[0].length == bits && out[0].high == 0xc0a80101ull << 32);
            CHECK(out[0].count_low <= host && host <= out[0].count_high);
            size_t at = 1;    /* before it, parents of the host may be named: bounds are wide */
            while (at < found && out[at].high != net) at++;
            CHECK(at < found && out[at].length == (bits == 32 ? 16 : 64) && at <= 4);
            CHECK(out[at].count_low <= network && network <= out[at].count_high);
        }
}

TEST(what_does_not_fit_or_cannot_be_promised_is_said)
{
    FOR_SEEDS(3) {
        weir_prefixes *p = made(block_a, &shapes[1], seed);
        size_t found = 5;
        CHECK_EQ(weir_prefixes_find(p, 0, out, ROOM, &found, scratch, 1), WEIR_ERR_RANGE);
        CHECK_EQ(found, 0);
        CHECK_OK(weir_prefixes_find(p, 1, out, ROOM, &found, scratch, weir_prefixes_scratch(p)));
        CHECK_EQ(found, 0);
        fill(prng, 32, 10000);
        add(p, 32, stream, 10000);
        uint64_t const error = weir_prefixes_error(p);
        CHECK(error > 0);
        CHECK_EQ(weir_prefixes_find(p, error, out, ROOM, &found, scratch, weir_prefixes_scratch(p)),
                 WEIR_ERR_RANGE);
        CHECK_EQ(weir_prefixes_find(p, 2 * error, out, 2, &found, scratch, weir_prefixes_scratch(p)),
                 WEIR_ERR_SPACE);
        CHECK_EQ(weir_prefixes_find(p, 2 * error, out, ROOM, &found, scratch, 2), WEIR_ERR_SPACE);
        CHECK_EQ(found, 0);
        uint64_t const threshold = 2 * error + 1;
        CHECK_OK(weir_prefixes_find(p, threshold, out, ROOM, &found, scratch, 2 * 10000 / threshold + 1));
        check_found(&shapes[1], 10000, found, threshold, error);
        weir_prefixes_reset(p);
        CHECK_EQ(weir_prefixes_total(p), 0);
    }
}

TEST(other_shapes_are_refused_and_do_not_merge)
{
    weir_prefixes *p, *q;
    static const weir_prefixes_shape bad[] = { { 64, 32, 8, 8, 64, 0 },  { 32, 33, 8, 8, 64, 0 },
                                              { 32, 32, 0, 8, 64, 0 },  { 32, 32, 8, 0, 64, 0 },
                                              { 32, 16, 8, 24, 64, 0 }, { 32, 32, 8, 8, 0, 0 } };
    for (unsigned k = 0; k < 6; k++) {
        CHECK_EQ(weir_prefixes_bytes(&bad[k]), 0);
        CHECK_EQ(weir_prefixes_init(&p, block_a, BLOCK, &bad[k], 1), WEIR_ERR_RANGE);
    }
    CHECK_EQ(weir_prefixes_init(&p, block_a, weir_prefixes_bytes(&shapes[5]) - 1, &shapes[5], 1),
             WEIR_ERR_SPACE);
    p = made(block_a, &shapes[0], 1);
    q = made(block_b, &shapes[1], 1);
    CHECK_EQ(weir_prefixes_merge(p, q), WEIR_ERR_MISMATCH);
    q = made(block_b, &shapes[0], 2);
    CHECK_EQ(weir_prefixes_merge(p, q), WEIR_ERR_MISMATCH);
}

static void use(weir_prefixes *p)
{
    size_t found;
    weir_status const status = weir_prefixes_find(p, weir_prefixes_error(p) + 1, out, ROOM, &found, scratch,
                                                  weir_prefixes_scratch(p));
    CHECK(status == WEIR_OK || found == 0);
}

TEST(foreign_bytes_are_refused_or_safe)
{
    static const weir_prefixes_shape small[] = {
        { 32, 32, 16, 16, 8, 0 }, { 128, 96, 16, 48, 8, 0 }, { 128, 128, 128, 128, 16, 0 } };
    FOR_SEEDS(3000) {
        weir_prefixes_shape const *s = &small[seed % 3];
        size_t const bytes = weir_prefixes_bytes(s);
        weir_prefixes *p = made(block_a, s, seed), *q;
        fill(prng, s->bits, 200);
        add(p, s->bits, stream, 200);
        CHECK_OK(weir_prefixes_open(&p, block_a, bytes));
        CHECK_EQ(weir_prefixes_open(&p, block_a, bytes + 1), WEIR_ERR_FORMAT);
        for (unsigned k = 0; k < 1 + seed % 3; k++)
            block_a[prng_below(prng, bytes)] ^= (uint8_t)(1u << prng_below(prng, 8));
        if (weir_prefixes_open(&p, block_a, bytes) != WEIR_OK) continue;
        add(p, s->bits, stream, 200);
        use(p);
        q = made(block_b, s, seed);
        add(q, s->bits, stream, 100);
        CHECK(weir_prefixes_merge(q, p) <= WEIR_ERR_FULL);
        use(q);
    }
}

int main(void)
{
    return RUN_TESTS(RUN_ON_EVERY_CPU(bounds_hold_and_nothing_above_the_threshold_is_left_out),
                     RUN(few_prefixes_are_counted_exactly),
                     RUN(a_flood_of_random_sources_may_be_sampled_and_bounds_say_so),
                     RUN(what_does_not_fit_or_cannot_be_promised_is_said),
                     RUN(other_shapes_are_refused_and_do_not_merge),
                     RUN(foreign_bytes_are_refused_or_safe));
}
