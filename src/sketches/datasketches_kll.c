/* datasketches_kll.c - quantile sketches in the bytes of Apache DataSketches. Contract: weir/datasketches.h.
 *
 *   byte 0       1         2    3       4       6   7      8       16        18       19     20
 *        +-------+---------+----+-------+-------+---+------+-------+---------+--------+------+-----
 *        | words | version | 15 | flags | k u16 | 8 | zero | n u64 | k error | levels | zero | ...
 *        +-------+---------+----+-------+-------+---+------+-------+---------+--------+------+-----
 *   empty (words 2, version 1) ends at 8; one item (words 2, version 2): 8: f64
 *   else  (words 5, version 1) 20: start u32 of each level   then: min f64, max f64, items f64 from level 0 up
 *
 * An item of level h weighs 2^h, and the weights add up to n. Starts count from the beginning of an array
 * that has room for what all levels may hold: k items for the top one, and 2/3 of the one above for each
 * other. It ends where the last level does, so the first start says how many items there are to those who
 * know that room to the last item.
 */
#include <math.h>
#include "machine/assert.h"
#include "sketches/kll_inner.h"
#include "sketches/little_endian.h"
#include "weir/datasketches.h"

enum {
    FAMILY = 15, M = 8, K_MAX = 65535, LEVELS_MOST = 61,
    SHORT_WORDS = 2, FULL_WORDS = 5, FULL_VERSION = 1, ONE_VERSION = 2,
    EMPTY = 1, SORTED = 2, ONE = 4, DOUBLES = 8 /* once said by Java */,
    HEAD = 8, STARTS_AT = 20,
};

/* The keys of the smallest and the largest double. */
static int64_t key_lowest(void)  { return weir_key_f64(-INFINITY); }
static int64_t key_highest(void) { return weir_key_f64(INFINITY); }

/* k * (2/3)^depth, rounded as they do it: in two steps where 3^depth would be too long. */
static uint32_t fallen(uint32_t k, unsigned depth)
{
    uint64_t three = 1;
    for (unsigned i = 0; i < depth; i++) three *= 3;
    return (uint32_t)((((uint64_t)(2 * k) << depth) / three + 1) >> 1);
}

static uint32_t room(uint32_t k, unsigned levels)
{
    uint32_t sum = 0;
    for (unsigned depth = 0; depth < levels; depth++) {
        uint32_t const share = depth <= 30 ? fallen(k, depth) : fallen(fallen(k, depth / 2), depth - depth / 2);
        sum += share < M ? M : share;
    }
    return sum;
}

static void head_write(uint8_t *bytes, unsigned words, unsigned version, unsigned flags, unsigned k)
{
    uint8_t const head[HEAD] = { (uint8_t)words, (uint8_t)version, FAMILY, (uint8_t)flags, (uint8_t)k,
                                 (uint8_t)(k >> 8), M, 0 };
    memcpy(bytes, head, sizeof head);
}

/* Sorted keys as doubles, and `extra` once where it belongs. */
static uint8_t *write_level(uint8_t *at, struct kll_run run, const int64_t *extra)
{
    for (uint32_t i = 0; i < run.count || extra != NULL; at += 8) {
        int const is_extra = extra != NULL && (i == run.count || *extra < run.keys[i]);
        store_le_f64(at, weir_f64_key(is_extra ? *extra : run.keys[i]));
        if (is_extra) extra = NULL;
        else i++;
    }
    return at;
}

weir_status weir_datasketches_kll_export(weir_kll *kll, void *bytes, size_t bytes_max, size_t *size)
{
    WEIR_ASSERT(kll != NULL && bytes != NULL && size != NULL);
    struct kll_view const view = kll_look(kll);
    uint8_t *const to = bytes;
    if (view.count > 0 && (view.min < key_lowest() || view.max > key_highest())) return WEIR_ERR_RANGE;
    if (view.count <= 1) {
        if (bytes_max < HEAD + 8 * view.count) return WEIR_ERR_SPACE;
        head_write(to, SHORT_WORDS, view.count ? ONE_VERSION : FULL_VERSION, view.count ? ONE : EMPTY, view.k);
        if (view.count == 1) store_le_f64(to + HEAD, weir_f64_key(view.min));
        *size = HEAD + 8 * view.count;
        return WEIR_OK;
    }

    struct kll_run runs[LEVELS_MOST] = { 0 };    /* of their levels */
    uint64_t weights = 0;
    uint32_t kept = 0;
    unsigned levels = 0;
    for (unsigned h = 0; h < view.levels; h++) {
        struct kll_run const run = kll_level(kll, h);
        if (run.count == 0) continue;
        runs[run.log2] = run;
        weights += (uint64_t)run.count << run.log2;
        kept += run.count;
        levels = run.log2 + 1;
    }
    uint64_t const beyond = view.count > weights ? view.count - weights : 0;    /* less than the weights */
    int64_t const median = weir_kll_quantile(kll, 0.5).value;
    kept += (uint32_t)__builtin_popcountll(beyond);
    while (beyond >> levels != 0) levels++;
    uint32_t k = view.k, k_high = K_MAX;    /* the least that has room */
    WEIR_ASSERT(levels >= 1 && levels <= LEVELS_MOST && room(K_MAX, levels) >= kept);
    while (k < k_high) {
        uint32_t const middle = (k + k_high) / 2;
        if (room(middle, levels) >= kept) k_high = middle;
        else k = middle + 1;
    }

    size_t const needed = STARTS_AT + 4 * levels + 16 + 8 * (size_t)kept;
    if (bytes_max < needed) return WEIR_ERR_SPACE;
    head_write(to, FULL_WORDS, FULL_VERSION, SORTED, k);
    store_le(to + 8, weights + beyond, 8);
    store_le(to + 16, view.k_error, 2);
    to[18] = (uint8_t)levels;
    to[19] = 0;
    uint8_t *at = to + STARTS_AT + 4 * levels;
    store_le_f64(at, weir_f64_key(view.min));
    store_le_f64(at + 8, weir_f64_key(view.max));
    at += 16;
    uint32_t start = room(k, levels) - kept;
    for (unsigned h = 0; h < levels; h++) {
        uint8_t *const end = write_level(at, runs[h], beyond >> h & 1 ? &median : NULL);
        store_le(to + STARTS_AT + 4 * h, start, 4);
        start += (uint32_t)((size_t)(end - at) / 8);
        at = end;
    }
    WEIR_ASSERT(at == to + needed);
    *size = needed;
    return WEIR_OK;
}

/* The bytes, taken apart. */
struct image {
    unsigned k, k_error, levels, flags;
    uint64_t n;
    const uint8_t *items;
    uint32_t counts[LEVELS_MOST];
    int64_t min, max;
};

/* Whether items are numbers from min to max, in order in each level that has to be. Nothing lost: then both
 * are items. */
static int items_are_sound(const struct image *image)
{
    int64_t lowest = INT64_MAX, highest = INT64_MIN;
    const uint8_t *at = image->items;
    for (unsigned h = 0; h < image->levels; h++) {
        int const in_order = h > 0 || (image->flags & SORTED) != 0;
        int64_t before = INT64_MIN;
        for (uint32_t i = 0; i < image->counts[h]; i++, at += 8) {
            double const value = load_le_f64(at);
            if (value != value) return 0;
            int64_t const key = weir_key_f64(value);
            if (key < image->min || key > image->max || (in_order && key < before)) return 0;
            if (key < lowest) lowest = key;
            if (key > highest) highest = key;
            before = key;
        }
    }
    return image->counts[0] != image->n || (lowest == image->min && highest == image->max);
}

static weir_status full_open(struct image *image, const uint8_t *bytes, size_t size)
{
    if (size < STARTS_AT) return WEIR_ERR_FORMAT;
    image->n = load_le(bytes + 8, 8);
    image->k_error = (unsigned)load_le(bytes + 16, 2);
    image->levels = bytes[18];
    if (image->levels < 1 || image->levels > LEVELS_MOST || image->n == 0) return WEIR_ERR_FORMAT;
    if (image->k_error < M || image->k_error > image->k) return WEIR_ERR_FORMAT;
    size_t const after = STARTS_AT + 4 * (size_t)image->levels;
    if (size < after + 16) return WEIR_ERR_FORMAT;

    uint32_t const end = room(image->k, image->levels);
    uint64_t weights = 0;
    for (unsigned h = 0; h < image->levels; h++) {
        uint32_t const start = (uint32_t)load_le(bytes + STARTS_AT + 4 * h, 4);
        uint32_t const next = h + 1 < image->levels ? (uint32_t)load_le(bytes + STARTS_AT + 4 * h + 4, 4) : end;
        if (start > next || next > end) return WEIR_ERR_FORMAT;
        uint32_t const count = next - start;
        if (image->n >> h < count) return WEIR_ERR_FORMAT;
        weights += (uint64_t)count << h;
        if (weights > image->n) return WEIR_ERR_FORMAT;
        image->counts[h] = count;
    }
    size_t const kept = end - (size_t)load_le(bytes + STARTS_AT, 4);
    if (weights != image->n || size != after + 16 + 8 * kept) return WEIR_ERR_FORMAT;

    double const min = load_le_f64(bytes + after), max = load_le_f64(bytes + after + 8);
    if (!(min <= max)) return WEIR_ERR_FORMAT;
    image->min = weir_key_f64(min);
    image->max = weir_key_f64(max);
    image->items = bytes + after + 16;
    if (!items_are_sound(image)) return WEIR_ERR_FORMAT;
    return image->n > KLL_COUNT_MAX ? WEIR_ERR_FULL : WEIR_OK;
}

static weir_status image_open(struct image *image, const uint8_t *bytes, size_t size)
{
    memset(image, 0, sizeof *image);
    if (size < HEAD || bytes[2] != FAMILY || bytes[6] != M) return WEIR_ERR_FORMAT;
    image->flags = bytes[3] & ~(unsigned)DOUBLES;
    image->k = (unsigned)load_le(bytes + 4, 2);
    if (image->flags > (EMPTY | SORTED | ONE) || image->k < M) return WEIR_ERR_FORMAT;
    unsigned const form = image->flags & (EMPTY | ONE), words = form == 0 ? FULL_WORDS : SHORT_WORDS;
    if (bytes[0] != words || bytes[1] != (form == ONE ? ONE_VERSION : FULL_VERSION)) return WEIR_ERR_FORMAT;
    if (form == 0) return full_open(image, bytes, size);
    image->n = image->counts[0] = form == ONE;
    image->levels = 1;
    image->items = bytes + HEAD;
    if (form == (EMPTY | ONE) || size != HEAD + 8 * image->n) return WEIR_ERR_FORMAT;
    return form == ONE && isnan(load_le_f64(image->items)) ? WEIR_ERR_FORMAT : WEIR_OK;
}

/* The k whose error is theirs (2.296 / k^0.9723, as they have measured it) and ours of k (1.8 / k: kll.c),
 * one on top of the other. As a sketch of a smaller k samples earlier, 1.67: 1.8^2 less the (2.58 * 0.26)^2
 * that is for sampling. */
static unsigned k_of_both(unsigned k_theirs, unsigned k)
{
    double const theirs = 2.296 / pow(k_theirs, 0.9723), here = 1.8 / k;
    return (unsigned)(1.67 / sqrt(theirs * theirs + here * here));
}

weir_status weir_datasketches_kll_import(weir_kll **out, void *block, size_t block_bytes, unsigned k, uint64_t seed,
                                         const void *bytes, size_t size)
{
    WEIR_ASSERT(out != NULL && block != NULL);
    WEIR_ASSERT(bytes != NULL || size == 0);
    enum { PIECE = 256 };
    struct image image;
    weir_status status = image_open(&image, bytes, size);
    if (status != WEIR_OK) return status;
    int const lossy = image.counts[0] != image.n;
    if (k < WEIR_KLL_K_MIN || k > WEIR_KLL_K_MAX) return WEIR_ERR_RANGE;
    unsigned const k_error = lossy ? k_of_both(image.k_error, k) : k;
    if (k_error < WEIR_KLL_K_MIN) return WEIR_ERR_RANGE;
    weir_kll *kll;
    status = weir_kll_init(&kll, block, block_bytes, k, seed);
    if (status != WEIR_OK) return status;

    const uint8_t *at = image.items;
    int64_t keys[PIECE];
    for (unsigned h = 0; h < image.levels; h++)
        for (uint32_t left = image.counts[h], n; left > 0; left -= n) {
            n = left < PIECE ? left : PIECE;
            for (uint32_t i = 0; i < n; i++, at += 8) keys[i] = weir_key_f64(load_le_f64(at));
            if (lossy) kll_take(kll, keys, n, h);
            else weir_kll_add(kll, keys, n);
        }
    if (lossy) kll_settle(kll, image.n, image.min, image.max, k_error);
    *out = kll;
    return WEIR_OK;
}
