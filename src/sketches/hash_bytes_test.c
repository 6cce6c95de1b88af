/* hash_bytes_test.c - weir_hash_bytes: its definition, its quality, the same on every instruction set.
 *
 * Oracle of the definition: a second, byte-by-byte writing of kernels/hash_bytes.h with schoolbook
 * multiplication. Quality is measured against what random functions do; the seeds are fixed.
 */
#include <math.h>
#include "weir/hash.h"
#include "kernels/cells.h"
#include "tests/weir_test.h"

static uint64_t plain_fold(uint64_t x, uint64_t y)
{
    uint64_t high = 0, low = 0;
    for (int i = 0; i < 64; i++)
        if (y >> i & 1) {
            uint64_t add = x << i, before = low;
            low += add;
            high += (i == 0 ? 0 : x >> (64 - i)) + (low < before);
        }
    return high ^ low;
}
static uint64_t plain_load(const uint8_t *at, size_t have)
{
    uint64_t word = 0;
    for (size_t i = 0; i < 8 && i < have; i++) word |= (uint64_t)at[i] << 8 * i;
    return word;
}
static uint64_t plain_hash(const uint8_t *at, size_t length, uint64_t seed)
{
    /* as SHA-512 starts: the words of 2, 3, 5 and 7 */
    static const uint64_t root[4] = { UINT64_C(0x6a09e667f3bcc908), UINT64_C(0xbb67ae8584caa73b),
                                      UINT64_C(0x3c6ef372fe94f82b), UINT64_C(0xa54ff53a5f1d36f1) };
    uint64_t key[4], lane[2], a, b;
    for (int i = 0; i < 4; i++) key[i] = plain_fold(seed ^ root[i], root[(i + 1) % 4]) ^ root[i];
    if (length <= 16) {
        a = plain_load(at, length);
        b = length > 8 ? plain_load(at + 8, length - 8) : 0;
    } else {
        size_t done = 0;
        lane[0] = key[2];
        lane[1] = key[3];
        for (; length - done > 32; done += 32)
            for (int i = 0; i < 2; i++)
                lane[i] = plain_fold(plain_load(at + done + 16 * i, 8) ^ key[i], plain_load(at + done + 16 * i + 8, 8) ^ lane[i]);
        if (length - done > 16) lane[0] = plain_fold(plain_load(at + done, 8) ^ key[0], plain_load(at + done + 8, 8) ^ lane[0]);
        a = plain_load(at + length - 16, 8);
        b = plain_load(at + length - 8, 8) ^ lane[0] ^ (lane[1] << 32 | lane[1] >> 32);
    }
    return plain_fold(plain_fold(a ^ key[0], b ^ key[1]) ^ key[2], length ^ key[3]);
}

TEST(every_length_hashes_as_defined_and_reads_no_byte_more)
{
    FOR_SEEDS(4) {
        for (size_t length = 0; length <= 300; length++) {
            uint8_t *text = malloc(length + (length == 0));
            for (size_t i = 0; i < length; i++) text[i] = (uint8_t)prng_next(prng);
            CHECK(weir_hash_bytes(text, length, seed) == plain_hash(text, length, seed));
            free(text);
        }
        CHECK(weir_hash_bytes(NULL, 0, seed) == plain_hash(NULL, 0, seed));
    }
}

TEST(views_hash_as_single_texts_do)
{
    enum { BYTES = 8192, VIEWS = 999 };
    static uint32_t start[VIEWS], length[VIEWS];
    static uint64_t out[VIEWS];
    FOR_SEEDS(20) {
        uint8_t *base = malloc(64 + BYTES + 64);
        for (int i = 0; i < 64 + BYTES + 64; i++) base[i] = (uint8_t)prng_next(prng);
        for (int i = 0; i < VIEWS; i++) {
            length[i] = (uint32_t)prng_below(prng, i % 50 == 0 ? 1000 : 36);
            start[i] = (uint32_t)prng_below(prng, BYTES - length[i] + 1);
            if (i < 40) start[i] = i % 2 ? 0 : BYTES - length[i];
        }
        size_t count = seed % 4 == 0 ? prng_below(prng, 20) : VIEWS;
        weir_kernels.cells->hash_views(out, base + 64, start, length, count, seed);
        for (size_t i = 0; i < count; i++) CHECK(out[i] == weir_hash_bytes(base + 64 + start[i], length[i], seed));
        free(base);
    }
}

TEST(each_bit_of_the_text_flips_each_bit_of_the_hash_half_the_time)
{
    enum { TRIALS = 2000 };
    static const size_t lengths[] = { 1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 65 };
    struct prng p = { 5 };
    for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
        static uint32_t flips[65 * 8][64];
        memset(flips, 0, sizeof flips);
        for (int t = 0; t < TRIALS; t++) {
            uint8_t text[65];
            for (size_t i = 0; i < 65; i++) text[i] = (uint8_t)prng_next(&p);
            uint64_t before = weir_hash_bytes(text, lengths[l], 0);
            for (size_t b = 0; b < lengths[l] * 8; b++) {
                text[b / 8] ^= (uint8_t)(1 << b % 8);
                uint64_t change = weir_hash_bytes(text, lengths[l], 0) ^ before;
                for (int i = 0; i < 64; i++) flips[b][i] += change >> i & 1;
                text[b / 8] ^= (uint8_t)(1 << b % 8);
            }
        }
        /* 65 * 8 * 64 binomials of 2000 have sigma 22.4; texts of one byte repeat themselves, so more */
        double const bound = lengths[l] == 1 ? 0.2 : 0.06;
        for (size_t b = 0; b < lengths[l] * 8; b++)
            for (int i = 0; i < 64; i++)
                if (fabs((double)flips[b][i] / TRIALS - 0.5) > bound) fail_msg("length %zu bit %zu -> %d: %u of %d", lengths[l], b, i, flips[b][i], TRIALS);
    }
}

enum { KEYS = 1000000 };
static uint64_t hashes[KEYS];
static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* No collision of 64 bits; of the high and of the low 32 bits as many as chance has (116.4 +- 10.8);
 * the top and the low 12 bits uniform by chi-square (4095 +- 90.5); ranks halve as HyperLogLog expects. */
static void check_quality(const char *name, size_t count)
{
    static uint32_t top[4096], low[4096];
    double chi_top = 0, chi_low = 0, expected = (double)count / 4096;
    memset(top, 0, sizeof top);
    memset(low, 0, sizeof low);
    size_t ranks[64] = { 0 };
    for (size_t i = 0; i < count; i++) {
        top[hashes[i] >> 52]++;
        low[hashes[i] & 4095]++;
        ranks[__builtin_clzll(hashes[i] << 12 | 2048)]++;
    }
    for (int i = 0; i < 4096; i++) {
        chi_top += (top[i] - expected) * (top[i] - expected) / expected;
        chi_low += (low[i] - expected) * (low[i] - expected) / expected;
    }
    size_t high_32 = 0, low_32 = 0;
    qsort(hashes, count, 8, ascending);
    for (size_t i = 1; i < count; i++) {
        if (hashes[i] == hashes[i - 1]) fail_msg("%s: two of %zu keys collide", name, count);
        high_32 += hashes[i] >> 32 == hashes[i - 1] >> 32;
    }
    for (size_t i = 0; i < count; i++) hashes[i] = hashes[i] << 32 | hashes[i] >> 32;
    qsort(hashes, count, 8, ascending);
    for (size_t i = 1; i < count; i++) low_32 += hashes[i] >> 32 == hashes[i - 1] >> 32;
    double const pairs = (double)count * (double)count / 2 / 4294967296.0, wide = 6 * sqrt(pairs) + 3;
    if (chi_top > 4095 + 6 * 90.5 || chi_low > 4095 + 6 * 90.5 || fabs((double)high_32 - pairs) > wide || fabs((double)low_32 - pairs) > wide)
        fail_msg("%s: chi %.0f %.0f, 32-bit collisions %zu %zu of %.1f", name, chi_top, chi_low, high_32, low_32, pairs);
    for (int i = 0; i < 12; i++) {
        double mean = (double)count / (double)(2 << i);
        if (fabs((double)ranks[i] - mean) > 6 * sqrt(mean)) fail_msg("%s: rank %d: %zu of %.0f", name, i, ranks[i], mean);
    }
}

TEST(structured_keys_spread_as_random_ones)
{
    static const uint64_t seeds[] = { 0, 1, UINT64_MAX };
    for (size_t s = 0; s < 3; s++) {
        char text[64];
        for (size_t i = 0; i < KEYS; i++) hashes[i] = weir_hash_bytes(text, (size_t)sprintf(text, "%zu", i), seeds[s]);
        check_quality("decimal", KEYS);
        for (size_t i = 0; i < KEYS; i++) hashes[i] = weir_hash_bytes(text, (size_t)sprintf(text, "user%07zu", i), seeds[s]);
        check_quality("user0000000", KEYS);
        for (size_t i = 0; i < KEYS; i++) hashes[i] = weir_hash_bytes(text, (size_t)sprintf(text, "item-%zu-of-the-catalogue-%zu", i % 1000, i / 1000), seeds[s]);
        check_quality("long", KEYS);
        for (size_t i = 0; i < KEYS; i++) {    /* letters a..p, four bytes, then 8 and 16 that differ in the low bits only */
            for (int j = 0; j < 5; j++) text[j] = (char)('a' + (i >> 4 * j & 15));
            hashes[i] = weir_hash_bytes(text, 5, seeds[s]);
        }
        check_quality("letters", KEYS);
        for (size_t i = 0; i < KEYS; i++) {
            memset(text, 0, 16);
            for (int j = 0; j < 16; j++) text[j] = (char)(i >> j & 1);
            text[15] = (char)(text[15] | (int)(i >> 16) << 1);
            hashes[i] = weir_hash_bytes(text, 16, seeds[s]);
        }
        check_quality("sparse", KEYS);
        memset(text, 0, 64);    /* lengths of zeros, and one byte of 64 set */
        size_t count = 0;
        static char zeros[2048];
        for (size_t i = 0; i < 2048; i++) hashes[count++] = weir_hash_bytes(zeros, i, seeds[s]);
        for (int i = 0; i < 64; i++)
            for (int v = 1; v < 256; v++)
                for (size_t length = (size_t)i + 1; length <= 64; length++) {
                    text[i] = (char)v;
                    if (count < KEYS) hashes[count++] = weir_hash_bytes(text, length, seeds[s]);
                    text[i] = 0;
                }
        check_quality("zeros", count);
        for (size_t i = 0; i < KEYS; i++) hashes[i] = weir_hash_bytes("key", 3, i + seeds[s]);
        check_quality("seeds", KEYS);
    }
}

int main(void)
{
    return RUN_TESTS(RUN(every_length_hashes_as_defined_and_reads_no_byte_more), RUN_ON_EVERY_CPU(views_hash_as_single_texts_do),
                     RUN(each_bit_of_the_text_flips_each_bit_of_the_hash_half_the_time), RUN(structured_keys_spread_as_random_ones));
}
