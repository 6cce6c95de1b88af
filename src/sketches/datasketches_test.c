/* datasketches_test.c - what weir/datasketches.h promises.
 *
 * Oracle: the Python package datasketches 5.2.0, by tests/datasketches_constants.py, which prints the bytes
 * below. Sizes that do not fit here, in both directions, are in tests/datasketches_check.py.
 */
#include <math.h>
#include "weir/datasketches.h"
#include "tests/weir_test.h"

enum { P_TOP = 12, MANY = 5000, IMAGE_MAX = 1 << 14 };
static _Alignas(64) uint8_t block_a[WEIR_HLL_BYTES(P_TOP)], block_b[WEIR_HLL_BYTES(P_TOP)];
static uint64_t hashes[MANY];

/* Values 1 .. 5; 1 .. 20; and 1 .. 400 with three whose ranks are exceptions. */
static const uint64_t rare[] = { 24321, 156037, 157230 };
static const char list[] =
    "02010708030805082bf2fb06862ff90d7581660781bc5d067b65e608";
static const char list_updatable[] =
    "02010708030005082bf2fb06862ff90d7581660781bc5d067b65e608000000000000000000000000";
static const char set[] =
    "03010708050800051400000081bc5d06cef05b1f6ec53406862ff90dc87a2404db522d042bf2fb06b05b4612ae3c8811"
    "c1e91705d216730734a2610e75816607f671f206b83ff907464ab7047b65e608fc2d420ac3dd51047c74b907";
static const char set_updatable[] =
    "0301070805000005140000000000000081bc5d0600000000cef05b1f6ec5340600000000862ff90d00000000c87a2404"
    "db522d04000000002bf2fb0600000000b05b4612ae3c881100000000c1e9170500000000d21673070000000034a2610e"
    "75816607f671f20600000000b83ff907464ab704000000007b65e608fc2d420ac3dd5104000000007c74b907";
static const char hll_4[] =
    "0a010705020802029143ed6f2a947940000000000cf0fd3f000000000000000003000000030000002350263320232155"
    "2243f3401224ff341c0000481d00004815000048";
static const char hll_4_updatable[] =
    "0a010705020002029143ed6f2a947940000000000cf0fd3f000000000000000003000000030000002350263320232155"
    "2243f3401224ff341c0000481d0000481500004800000000";
static const char hll_6[] =
    "0a010705000800069143ed6f2a947940000000000cf0fd3f0000000000000000000000000000000005211c0851140251"
    "1003711c045118852418c4601092641400";
static const char hll_6_updatable[] =
    "0a010705000000069143ed6f2a947940000000000cf0fd3f0000000000000000000000000000000005211c0851140251"
    "1003711c045118852418c4601092641400";
static const char hll_8[] =
    "0a0107050008000a9143ed6f2a947940000000000cf0fd3f000000000000000000000000000000000504020708040505"
    "020405040304070704040506051202060403060412120605";
static const char hll_8_updatable[] =
    "0a0107050000000a9143ed6f2a947940000000000cf0fd3f000000000000000000000000000000000504020708040505"
    "020405040304070704040506051202060403060412120605";
static const char kll_none[] =
    "02010f0108000800";
static const char kll_one[] =
    "02020f040800080000000000002059c0";
static const char kll_exact[] =
    "05010f00140008000c00000000000000140001000800000000000000002059c000000000006056c00000000000e058c0"
    "0000000000a058c000000000006058c000000000002058c00000000000e057c00000000000a057c000000000006057c0"
    "00000000002057c00000000000e056c00000000000a056c000000000006056c000000000002059c0";
static const char kll_levels[] =
    "05010f001800080096000000000000001800030000000000060000001800000000000000002059c00000000000404840"
    "00000000006051c000000000004043c00000000000001ec000000000008037400000000000e057c000000000002050c0"
    "0000000000e056c000000000006055c00000000000e052c000000000006050c00000000000404bc00000000000c048c0"
    "0000000000c043c00000000000803dc00000000000803cc00000000000002bc00000000000000cc000000000000004c0"
    "0000000000001e40000000000000294000000000008036400000000000c0404000000000004043400000000000404840"
    "00000000006058c00000000000a057c00000000000a055c00000000000e054c000000000002053c000000000006052c0"
    "0000000000a050c00000000000c04cc00000000000c04bc00000000000c047c00000000000c046c00000000000c042c0"
    "0000000000c041c00000000000803ac000000000008038c000000000008030c00000000000002dc000000000000012c0"
    "000000000000f8bf00000000000021400000000000002740000000000080324000000000008035400000000000404040"
    "000000000040414000000000004045400000000000404640";

struct image { uint8_t bytes[IMAGE_MAX]; size_t size; };

static struct image image_of(const char *hex)
{
    static struct image image;
    image.size = strlen(hex) / 2;
    for (size_t i = 0; i < image.size; i++) {
        char const two[3] = { hex[2 * i], hex[2 * i + 1], 0 };
        image.bytes[i] = (uint8_t)strtoul(two, NULL, 16);
    }
    return image;
}

static weir_hll *made(uint8_t *block, unsigned p)
{
    weir_hll *h = NULL;
    CHECK_OK(weir_hll_init(&h, block, WEIR_HLL_BYTES(p), p, WEIR_HASH_DATASKETCHES));
    return h;
}

static weir_hll *made_of(uint8_t *block, unsigned p, uint64_t count, int with_rare)
{
    weir_hll *h = made(block, p);
    for (uint64_t v = 1; v <= count; v++) hashes[v - 1] = v;
    weir_hash_datasketches_u64_batch(hashes, hashes, count, p);
    weir_hll_add(h, hashes, count);
    weir_hash_datasketches_u64_batch(hashes, rare, 3, p);
    if (with_rare) weir_hll_add(h, hashes, 3);
    return h;
}

static struct image exported(const weir_hll *h)
{
    static struct image image;
    CHECK_OK(weir_datasketches_hll_export(h, image.bytes, sizeof image.bytes, &image.size));
    return image;
}

static void import(weir_hll **h, const struct image *image)
{
    CHECK_OK(weir_datasketches_hll_import(h, block_a, sizeof block_a, image->bytes, image->size));
}

static void offer(uint8_t *ranks, unsigned p, uint64_t hash)
{
    uint8_t rank = 1;
    while (rank < 65 - p && (hash >> (64 - p - rank) & 1) == 0) rank++;
    if (rank > ranks[hash >> (64 - p)]) ranks[hash >> (64 - p)] = rank;
}

/* The 2^p registers that a block holds, or those of the hashes that it holds (layout: docs/formats.md). */
static void ranks_of(const uint8_t *block, unsigned p, uint8_t *ranks)
{
    uint64_t hash;
    memset(ranks, 0, (size_t)1 << p);
    if (block[5] == 1) memcpy(ranks, block + 64, (size_t)1 << p);
    else for (size_t at = 0; at < (size_t)1 << p; at += 8) {
        memcpy(&hash, block + 64 + at, 8);
        if (hash != 0) offer(ranks, p, hash);
    }
    if (block[7] == 1) offer(ranks, p, 0);
}

TEST(a_value_has_the_coupon_that_it_has_there)
{
    static const struct { uint64_t value; uint32_t coupon; } numbers[] = {
        { 0, 0x04c2d7cb }, { 1, 0x06fbf22b }, { ~UINT64_C(0), 0x0be764d9 }, { INT64_MAX, 0x0db4baff } };
    struct { double value; uint32_t coupon; } const doubles[] = {
        { 0.0, 0x04c2d7cb }, { -0.0, 0x04c2d7cb }, { 1.0, 0x0f9da50b }, { -2.5, 0x07ebdff4 }, 
        { INFINITY, 0x04db9e28 }, { NAN, 0x18bd31eb }, { -NAN, 0x18bd31eb } };
    static const struct { const char *value; uint32_t coupon; } texts[] = {
        { "a", 0x043b822f }, { "weir", 0x178acab5 }, { "fifteen letters", 0x06431ecd },
        { "sixteen letters.", 0x0f3dd5e2 }, { "seventeen letters", 0x04ecc889 }, { "Grüße", 0x04890f29 },
        { "a stream of any size is described in one mebibyte", 0x06a925b5 } };
    for (unsigned p = WEIR_HLL_P_MIN; p <= P_TOP; p++) {
        for (unsigned i = 0; i < 4 + 7 + 7; i++) {
            uint64_t hash, batch;
            uint32_t coupon;
            if (i < 4) {
                hash = weir_hash_datasketches_u64(numbers[i].value, p);
                weir_hash_datasketches_u64_batch(&batch, &numbers[i].value, 1, p);
                coupon = numbers[i].coupon;
            } else if (i < 11) {
                hash = weir_hash_datasketches_f64(doubles[i - 4].value, p);
                weir_hash_datasketches_f64_batch(&batch, &doubles[i - 4].value, 1, p);
                coupon = doubles[i - 4].coupon;
            } else {
                CHECK_EQ(weir_hash_datasketches_bytes(&hash, texts[i - 11].value, strlen(texts[i - 11].value), p), 1);
                batch = hash;
                coupon = texts[i - 11].coupon;
            }
            CHECK(hash == batch);
            CHECK_EQ(hash >> (64 - p), coupon & ((1u << p) - 1));
            CHECK_EQ((unsigned)__builtin_clzll(hash << p) + 1, coupon >> 26);
            weir_hll *h = made(block_a, p);
            weir_hll_add(h, &hash, 1);
            struct image const image = exported(h);
            uint32_t written;
            CHECK_EQ(image.size, 12);
            memcpy(&written, image.bytes + 8, 4);
            CHECK_EQ(written, coupon);
        }
    }
    uint64_t hash = 7;
    CHECK_EQ(weir_hash_datasketches_bytes(&hash, NULL, 0, 12), 0);
    CHECK_EQ(hash, 7);
}

static const struct form { const char *name, *hex; unsigned p; uint64_t count; int with_rare; } forms[] = {
    { "list", list, 8, 5, 0 },   { "list, updatable", list_updatable, 8, 5, 0 },
    { "set", set, 8, 20, 0 },    { "set, updatable", set_updatable, 8, 20, 0 },
    { "hll_4", hll_4, 5, 400, 1 }, { "hll_4, updatable", hll_4_updatable, 5, 400, 1 },
    { "hll_6", hll_6, 5, 400, 1 }, { "hll_6, updatable", hll_6_updatable, 5, 400, 1 },
    { "hll_8", hll_8, 5, 400, 1 }, { "hll_8, updatable", hll_8_updatable, 5, 400, 1 } };
enum { FORMS = sizeof forms / sizeof forms[0] };

TEST(each_of_their_forms_gives_the_registers_of_its_values)
{
    uint8_t theirs[256], mine[256];
    for (const struct form *f = forms; f < forms + FORMS; f++) {
        weir_hll *h = NULL;
        struct image const image = image_of(f->hex);
        import(&h, &image);
        ranks_of(block_a, f->p, theirs);
        made_of(block_b, f->p, f->count, f->with_rare);
        ranks_of(block_b, f->p, mine);
        CHECK_SAME_BYTES(theirs, mine, (size_t)1 << f->p);
        CHECK(!weir_hll_count(h).exact);
        CHECK_OK(weir_hll_open(&h, block_a, WEIR_HLL_BYTES(f->p)));
        CHECK_OK(weir_hll_merge(h, made_of(block_b, f->p, f->count, f->with_rare)));
    }
}

TEST(nothing_comes_in_and_goes_out_as_nothing)
{
    weir_hll *h = NULL;
    struct image const none = exported(made(block_b, 9));
    static const uint8_t empty[] = { 2, 1, 7, 9, 3, 12, 0, 8 };    /* hll_sketch(9, HLL_8).serialize_compact() */
    CHECK_EQ(none.size, sizeof empty);
    CHECK_SAME_BYTES(none.bytes, empty, sizeof empty);
    import(&h, &none);
    CHECK(weir_hll_count(h).exact && weir_hll_count(h).value == 0);
    CHECK_SAME_BYTES(block_a, block_b, WEIR_HLL_BYTES(9));
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t const x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

TEST(a_set_goes_out_as_the_coupons_that_they_would_have)
{
    for (unsigned which = 0; which < 2; which++) {
        unsigned const at = which ? 12 : 8;
        struct image theirs = image_of(which ? set : list), mine = exported(made_of(block_a, 8, which ? 20 : 5, 0));
        theirs.bytes[7] = (uint8_t)((theirs.bytes[7] & 3) | 2 << 2);    /* what it will be one day is HLL_8 */
        CHECK_EQ(theirs.size, mine.size);
        uint32_t a[20], b[20];
        memcpy(a, theirs.bytes + at, theirs.size - at);
        memcpy(b, mine.bytes + at, mine.size - at);
        qsort(a, (theirs.size - at) / 4, 4, compare_u32);
        qsort(b, (mine.size - at) / 4, 4, compare_u32);
        CHECK_SAME_BYTES(theirs.bytes, mine.bytes, at);
        CHECK_SAME_BYTES(a, b, theirs.size - at);
    }
}

TEST(registers_go_out_as_their_hll_8_marked_as_merged)
{
    struct image theirs = image_of(hll_8);
    struct image const mine = exported(made_of(block_a, 5, 400, 1));
    theirs.bytes[5] |= 16;
    memset(theirs.bytes + 8, 0, 8);    /* the history, which is not known */
    CHECK_EQ(mine.size, theirs.size);
    CHECK_SAME_BYTES(mine.bytes, theirs.bytes, theirs.size);
}

TEST(what_goes_out_comes_in_with_the_same_registers)
{
    static uint8_t before[1 << P_TOP], after[1 << P_TOP];
    FOR_SEEDS(200) {
        unsigned const p = WEIR_HLL_P_MIN + (unsigned)prng_below(prng, P_TOP - WEIR_HLL_P_MIN + 1);
        size_t const n = prng_below(prng, prng_below(prng, 2) ? MANY : ((size_t)1 << (p - 3)) + 3);
        for (size_t i = 0; i < n; i++) {
            hashes[i] = prng_next(prng);
            if (prng_below(prng, 50) == 0) hashes[i] &= ~UINT64_C(0) << (64 - p) | 0xffff;    /* addresses lost */
            if (prng_below(prng, 500) == 0) hashes[i] &= ~UINT64_C(0) << (64 - p);
        }
        weir_hll *h = made(block_b, p);
        weir_hll_add(h, hashes, n);
        ranks_of(block_b, p, before);
        struct image const image = exported(h);
        CHECK(image.size <= WEIR_DATASKETCHES_HLL_BYTES(p));
        import(&h, &image);
        ranks_of(block_a, p, after);
        CHECK_SAME_BYTES(before, after, (size_t)1 << p);
        CHECK_OK(weir_hll_open(&h, block_a, WEIR_HLL_BYTES(p)));
    }
}

TEST(ranks_beyond_ours_are_our_largest)
{
    struct image image = image_of(list);
    weir_hll *h = NULL;
    image.bytes[11] = 0xff;    /* rank 63 */
    import(&h, &image);
    CHECK_EQ(block_a[64 + (image.bytes[8])], 65 - 8);
    CHECK_OK(weir_hll_open(&h, block_a, WEIR_HLL_BYTES(8)));
}

TEST(other_seeds_and_too_little_room_are_refused)
{
    static uint8_t bytes[WEIR_DATASKETCHES_HLL_BYTES(P_TOP)];
    weir_hll *h = NULL, *none = NULL;
    size_t size = 0;
    CHECK_OK(weir_hll_init(&h, block_a, sizeof block_a, 8, 1));
    CHECK_EQ(weir_datasketches_hll_export(h, bytes, sizeof bytes, &size), WEIR_ERR_MISMATCH);
    uint64_t const counts[] = { 0, 7, 20, 400 };
    size_t const sizes[] = { 8, 36, 92, 296 };
    for (unsigned i = 0; i < 4; i++) {
        h = made_of(block_a, 8, counts[i], 0);
        CHECK_EQ(weir_datasketches_hll_export(h, bytes, sizes[i] - 1, &size), WEIR_ERR_SPACE);
        CHECK_EQ(size, 0);
        CHECK_OK(weir_datasketches_hll_export(h, bytes, sizes[i], &size));
        CHECK_EQ(size, sizes[i]);
        CHECK_EQ(weir_datasketches_hll_import(&none, block_b, WEIR_HLL_BYTES(8) - 1, bytes, size), WEIR_ERR_SPACE);
        CHECK(none == NULL);
        size = 0;
    }
    struct image image = image_of(list);
    for (unsigned p = 0; p < 256; p++) {
        image.bytes[3] = (uint8_t)p;
        weir_status const expected = p < 4 || p > 21 ? WEIR_ERR_FORMAT : p > 18 ? WEIR_ERR_RANGE
                                                     : p > P_TOP ? WEIR_ERR_SPACE : WEIR_OK;
        CHECK_EQ(weir_datasketches_hll_import(&h, block_b, sizeof block_b, image.bytes, image.size), expected);
    }
}

/* Bytes on the heap of exactly their size, so that the sanitizer sees a read beyond them. */
static int taken(const uint8_t *bytes, size_t size)
{
    uint8_t *const copy = malloc(size ? size : 1);
    weir_hll *h = NULL;
    if (copy == NULL) abort();
    memcpy(copy, bytes, size);
    weir_status const status = weir_datasketches_hll_import(&h, block_a, sizeof block_a, copy, size);
    free(copy);
    if (status != WEIR_OK) {
        CHECK(h == NULL);
        return 0;
    }
    unsigned const p = bytes[3];
    CHECK_OK(weir_hll_open(&h, block_a, WEIR_HLL_BYTES(p)));
    weir_estimate const e = weir_hll_count(h);
    CHECK(e.low <= e.value && e.value <= e.high);
    weir_hll_add(h, hashes, 100);
    return 1;
}

TEST(bytes_cut_short_or_too_long_are_refused)
{
    for (const struct form *f = forms; f < forms + FORMS; f++) {
        struct image const image = image_of(f->hex);
        for (size_t size = 0; size < image.size; size++) CHECK(!taken(image.bytes, size));
        CHECK(taken(image.bytes, image.size));
        CHECK(!taken(image.bytes, image.size + 1));
        CHECK(!taken(image.bytes, image.size + 4));
    }
}

/* Which flipped bits tell nothing: what is not read, what a writer may leave out, and coupons, any of which
 * may be. */
static int may_pass(const struct image *image, size_t at, unsigned bit)
{
    unsigned const kind = image->bytes[7] & 3, compact = image->bytes[5] & 8;
    if (at == 3) return kind != 2;                                       /* lg_k */
    if (at == 4) return kind == 0 || compact || (image->bytes[7] & 12);  /* the room it had */
    if (at == 5) return bit == 1 || bit == 4 || bit == 5 || (bit == 3 && kind == 2 && (image->bytes[7] & 12));
    if (at == 6) return kind == 1;
    if (at == 7) return kind != 2;
    if (kind != 2) return at >= (kind ? 12 : 8);
    return at < 18 || (at >= 24 && at < 32);    /* the history; the last digits of the sums, one of which is 0 */
}

TEST(a_flipped_bit_is_found_where_it_says_something_and_never_does_harm)
{
    for (const struct form *f = forms; f < forms + FORMS; f++) {
        struct image image = image_of(f->hex);
        for (size_t at = 0; at < image.size; at++)
            for (unsigned bit = 0; bit < 8; bit++) {
                image.bytes[at] ^= (uint8_t)(1 << bit);
                int const passed = taken(image.bytes, image.size);
                image.bytes[at] ^= (uint8_t)(1 << bit);
                if (passed && !may_pass(&image, at, bit)) fail_msg("%s: byte %zu bit %u", f->name, at, bit);
            }
    }
}

TEST(random_bytes_do_no_harm)
{
    FOR_SEEDS(20000) {
        struct image image = image_of(forms[seed % FORMS].hex);
        for (unsigned i = 0; i < 1 + seed % 5; i++) {
            size_t const at = prng_below(prng, prng_below(prng, 2) ? image.size : 40 < image.size ? 40 : image.size);
            image.bytes[at] = (uint8_t)prng_next(prng);
        }
        if (seed % 3 == 0) image.size = prng_below(prng, image.size + 1);
        (void)taken(image.bytes, image.size);
    }
}

enum { K_TOP = 300 };
static _Alignas(64) uint8_t kll_a[136 + 24 * K_TOP], kll_b[136 + 24 * K_TOP];
static double numbers[1 << 17];

static weir_kll *kll_made(uint8_t *block, unsigned k)
{
    weir_kll *kll = NULL;
    CHECK_OK(weir_kll_init(&kll, block, sizeof kll_a, k, 3));
    return kll;
}

static struct image kll_exported(weir_kll *kll)
{
    static struct image image;
    CHECK_OK(weir_datasketches_kll_export(kll, image.bytes, sizeof image.bytes, &image.size));
    return image;
}

/* A sketch in their bytes, read as their readers do: items with weights, and what the head says. */
struct their_kll {
    unsigned k, min_k, levels;
    uint64_t n, weights[4096];
    double min, max, items[4096];
    size_t count;
};

static struct their_kll kll_read(const struct image *image)
{
    static struct their_kll t;
    uint32_t starts[62];
    memset(&t, 0, sizeof t);
    memcpy(&t.k, image->bytes + 4, 2);
    memcpy(&t.n, image->bytes + 8, 8);
    memcpy(&t.min_k, image->bytes + 16, 2);
    t.levels = image->bytes[18];
    const uint8_t *at = image->bytes + 20;
    memcpy(starts, at, 4 * t.levels);
    at += 4 * t.levels;
    memcpy(&t.min, at, 8);
    memcpy(&t.max, at + 8, 8);
    at += 16;
    t.count = (size_t)(image->bytes + image->size - at) / 8;
    memcpy(t.items, at, 8 * t.count);
    for (size_t i = 0; i < t.count; i++) {
        unsigned level = 0;
        while (level + 1 < t.levels && starts[0] + i >= starts[level + 1]) level++;
        t.weights[i] = UINT64_C(1) << level;
    }
    return t;
}

static uint64_t their_weight_up_to(const struct their_kll *t, double value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < t->count; i++)
        if (t->items[i] <= value) sum += t->weights[i];
    return sum;
}

static weir_status kll_import(weir_kll **kll, unsigned k, const struct image *image)
{
    return weir_datasketches_kll_import(kll, kll_a, sizeof kll_a, k, 3, image->bytes, image->size);
}

TEST(their_quantile_sketch_comes_in_with_every_item_and_its_weight)
{
    weir_kll *kll = NULL;
    struct image const none = image_of(kll_none), one = image_of(kll_one);
    struct image const exact = image_of(kll_exact), levels = image_of(kll_levels);
    CHECK_OK(kll_import(&kll, 20, &none));
    CHECK_EQ(weir_kll_count(kll), 0);
    CHECK_OK(kll_import(&kll, 20, &one));
    CHECK_EQ(weir_kll_count(kll), 1);
    CHECK(weir_f64_key(weir_kll_quantile(kll, 0.5).value) == -100.5);
    CHECK_OK(kll_import(&kll, 20, &exact));
    CHECK_EQ(weir_kll_count(kll), 12);
    for (unsigned i = 1; i <= 12; i++)
        CHECK(weir_f64_key(weir_kll_quantile(kll, (i - 0.5) / 12).value) == i - 1 - 100.5);
    CHECK(weir_kll_rank_error(kll) == 0);

    CHECK_OK(kll_import(&kll, 200, &levels));
    struct their_kll const t = kll_read(&levels);
    CHECK_EQ(weir_kll_count(kll), 150);
    CHECK(weir_kll_rank_error(kll) >= 2.296 / pow(24, 0.9723));
    for (size_t i = 0; i < t.count; i++) {
        double const there = (double)their_weight_up_to(&t, t.items[i]) / 150;
        CHECK(weir_kll_rank(kll, weir_key_f64(t.items[i])) == there || t.items[i] == t.max);
    }
    CHECK(weir_f64_key(weir_kll_quantile(kll, 0).value) == -100.5);
    CHECK(weir_f64_key(weir_kll_quantile(kll, 1).value) == 48.5);
    CHECK_OK(weir_kll_open(&kll, kll_a, weir_kll_bytes(200)));
}

TEST(exact_quantiles_go_out_as_theirs)
{
    weir_kll *kll = kll_made(kll_a, 8);
    struct image theirs = image_of(kll_none), mine = kll_exported(kll);
    CHECK_EQ(mine.size, theirs.size);
    CHECK_SAME_BYTES(mine.bytes, theirs.bytes, theirs.size);
    numbers[0] = -100.5;
    weir_kll_add_f64(kll, numbers, 1);
    theirs = image_of(kll_one), mine = kll_exported(kll);
    CHECK_EQ(mine.size, theirs.size);
    CHECK_SAME_BYTES(mine.bytes, theirs.bytes, theirs.size);

    kll = kll_made(kll_a, 20);
    for (int i = 0; i < 12; i++) numbers[i] = i * 7919 % 12 - 100.5;
    weir_kll_add_f64(kll, numbers, 12);
    theirs = image_of(kll_exact), mine = kll_exported(kll);
    CHECK_EQ(mine.size, theirs.size);
    CHECK_EQ(mine.bytes[3], theirs.bytes[3] | 2);    /* sorted */
    mine.bytes[3] = theirs.bytes[3];
    CHECK_SAME_BYTES(mine.bytes, theirs.bytes, 40);
    for (int i = 0; i < 12; i++) {
        double item;
        memcpy(&item, mine.bytes + 40 + 8 * i, 8);
        CHECK(item == i - 100.5);
    }
}

TEST(what_goes_out_weighs_as_much_and_what_the_sampler_holds_is_at_the_median)
{
    FOR_SEEDS(300) {
        unsigned const k = 8 + (unsigned)prng_below(prng, prng_below(prng, 2) ? 40 : K_TOP - 8);
        size_t const n = 2 + prng_below(prng, prng_below(prng, 2) ? 4 * k : sizeof numbers / sizeof *numbers - 2);
        size_t const first = seed % 3 == 0 ? n / 3 : n;
        for (size_t i = 0; i < n; i++)
            numbers[i] = seed % 5 == 0 ? (double)prng_below(prng, 9) : prng_unit(prng) - 0.5;
        weir_kll *kll = kll_made(kll_a, k), *other = kll_made(kll_b, k);
        weir_kll_add_f64(kll, numbers, first);
        weir_kll_add_f64(other, numbers + first, n - first);
        CHECK_OK(weir_kll_merge(kll, other));
        struct image const image = kll_exported(kll);
        CHECK(image.size <= WEIR_DATASKETCHES_KLL_BYTES(k));
        struct their_kll const t = kll_read(&image);
        uint64_t total = 0;
        for (size_t i = 0; i < t.count; i++) total += t.weights[i];
        CHECK(t.n == total);
        CHECK(t.k >= k && t.min_k <= k && (first < n || t.n == n));
        CHECK(t.min == weir_f64_key(weir_kll_quantile(kll, 0).value));
        CHECK(t.max == weir_f64_key(weir_kll_quantile(kll, 1).value));
        double const off = first < n ? 4.0 / k : 1.6 / (k * (double)k);
        for (size_t i = 0; i < t.count; i += 1 + t.count / 50) {
            double const here = weir_kll_rank(kll, weir_key_f64(t.items[i]));
            double const there = (double)their_weight_up_to(&t, t.items[i]) / (double)t.n;
            CHECK(fabs(here - there) <= off || t.items[i] == t.max);
        }
        if (weir_kll_rank_error(kll) == 0) CHECK(t.levels == 1);
        weir_kll *back = NULL;
        weir_status const status = weir_datasketches_kll_import(&back, kll_b, sizeof kll_b, k, 1, image.bytes,
                                                                image.size);
        CHECK(status == WEIR_OK || (status == WEIR_ERR_RANGE && k < 24));
        if (status == WEIR_OK) CHECK(weir_kll_count(back) == t.n);
    }
}

TEST(quantiles_of_other_things_than_doubles_and_too_little_room_are_refused)
{
    static uint8_t bytes[IMAGE_MAX];
    size_t size = 0;
    weir_kll *kll = kll_made(kll_a, 20);
    int64_t const not_a_number = INT64_MAX;
    weir_kll_add(kll, &not_a_number, 1);
    CHECK_EQ(weir_datasketches_kll_export(kll, bytes, sizeof bytes, &size), WEIR_ERR_RANGE);
    kll = kll_made(kll_a, 20);
    double const ends[] = { -INFINITY, INFINITY, 0 };
    weir_kll_add_f64(kll, ends, 3);
    struct image const image = kll_exported(kll);
    CHECK_EQ(weir_datasketches_kll_export(kll, bytes, image.size - 1, &size), WEIR_ERR_SPACE);
    CHECK_EQ(size, 0);
    CHECK_OK(weir_datasketches_kll_export(kll, bytes, image.size, &size));
    CHECK_OK(kll_import(&kll, 8, &image));

    struct image const levels = image_of(kll_levels);
    weir_kll *none = NULL;
    CHECK_EQ(kll_import(&none, 7, &levels), WEIR_ERR_RANGE);
    CHECK_EQ(kll_import(&none, WEIR_KLL_K_MAX + 1, &levels), WEIR_ERR_RANGE);
    CHECK_EQ(kll_import(&none, 8, &levels), WEIR_ERR_RANGE);    /* the error of both is more than it can say */
    CHECK_EQ(weir_datasketches_kll_import(&none, kll_a, weir_kll_bytes(100) - 1, 100, 3, levels.bytes, levels.size),
             WEIR_ERR_SPACE);
    CHECK(none == NULL);
}

static int kll_taken(const uint8_t *bytes, size_t size)
{
    uint8_t *const copy = malloc(size ? size : 1);
    weir_kll *kll = NULL;
    if (copy == NULL) abort();
    memcpy(copy, bytes, size);
    weir_status const status = weir_datasketches_kll_import(&kll, kll_a, sizeof kll_a, 100, 3, copy, size);
    free(copy);
    if (status != WEIR_OK) {
        CHECK(kll == NULL);
        return 0;
    }
    CHECK_OK(weir_kll_open(&kll, kll_a, weir_kll_bytes(100)));
    weir_kll_add_f64(kll, numbers, 1000);
    (void)weir_kll_quantile(kll, 0.5);
    CHECK_OK(weir_kll_merge(kll_made(kll_b, 60), kll));
    return 1;
}

TEST(quantile_bytes_that_are_cut_or_flipped_never_do_harm)
{
    const char *const images[] = { kll_none, kll_one, kll_exact, kll_levels };
    for (unsigned which = 0; which < 4; which++) {
        struct image image = image_of(images[which]);
        size_t const ends = which < 2 ? 8 : 20 + 4u * image.bytes[18];    /* from here on: numbers */
        for (size_t size = 0; size < image.size; size++) CHECK(!kll_taken(image.bytes, size));
        CHECK(kll_taken(image.bytes, image.size));
        CHECK(!kll_taken(image.bytes, image.size + 8));
        for (size_t at = 0; at < image.size; at++)
            for (unsigned bit = 0; bit < 8; bit++) {
                image.bytes[at] ^= (uint8_t)(1 << bit);
                int const passed = kll_taken(image.bytes, image.size);
                image.bytes[at] ^= (uint8_t)(1 << bit);
                int const silent = at == 7 || at == 19 || (at == 3 && bit == 3) || (at == 3 && bit == 1) ||
                                   at == 16 || at == 17 || at >= ends || (which < 2 && (at == 4 || at == 5));
                if (passed && !silent) fail_msg("image %u: byte %zu bit %u", which, at, bit);
            }
    }
}

TEST(random_quantile_bytes_do_no_harm)
{
    FOR_SEEDS(20000) {
        struct image image = image_of(seed % 2 ? kll_levels : kll_exact);
        for (unsigned i = 0; i < 1 + seed % 5; i++) {
            size_t const at = prng_below(prng, prng_below(prng, 2) ? image.size : 60);
            image.bytes[at] = (uint8_t)prng_next(prng);
        }
        (void)kll_taken(image.bytes, image.size);
    }
}

/* A head that says anything, and levels, weights and a size that agree with it. */
TEST(any_levels_that_agree_come_in)
{
    static struct image image;
    FOR_SEEDS(3000) {
        unsigned const levels = 1 + (unsigned)prng_below(prng, 58), k = 100;
        uint32_t counts[58], starts[59], room = 0;
        for (unsigned depth = 0; depth < levels; depth++) {    /* by doubles: close to theirs, and at least 8 */
            uint32_t const share = (uint32_t)(k * pow(2.0 / 3, depth) + 0.5);
            room += share < 8 ? 8 : share;
        }
        uint64_t n = 0;
        uint32_t left = room;
        for (unsigned h = 0; h < levels; h++) {
            uint32_t const most = h > 52 ? 2 : left > 60 ? 60 : left;
            counts[h] = prng_below(prng, 3) ? 0 : (uint32_t)prng_below(prng, most + 1);
            if (counts[h] > left) counts[h] = left;
            left -= counts[h];
            n += (uint64_t)counts[h] << h;
        }
        starts[0] = left;
        for (unsigned h = 0; h < levels; h++) starts[h + 1] = starts[h] + counts[h];
        uint8_t const min_k = (uint8_t)(16 + prng_below(prng, 80));
        uint8_t const head[20] = { 5, 1, 15, 0, (uint8_t)k, 0, 8, 0, [16] = min_k, [18] = (uint8_t)levels };
        memcpy(image.bytes, head, sizeof head);
        memcpy(image.bytes + 8, &n, 8);
        memcpy(image.bytes + 20, starts, 4 * levels);
        uint8_t *at = image.bytes + 20 + 4 * levels;
        double const low = -1, high = 1e9;
        memcpy(at, &low, 8);
        memcpy(at + 8, &high, 8);
        at += 16;
        for (unsigned h = 0; h < levels; h++) {
            double value = 0;
            for (uint32_t i = 0; i < counts[h]; i++, at += 8) {
                value += prng_unit(prng);
                memcpy(at, &value, 8);
            }
        }
        image.size = (size_t)(at - image.bytes);
        int const lossless = n == counts[0];    /* then the ends have to be items */
        CHECK_EQ(kll_taken(image.bytes, image.size), n > 0 && !lossless && n <= UINT64_C(1) << 57);
    }
}

int main(void)
{
    return RUN_TESTS(RUN(a_value_has_the_coupon_that_it_has_there),
                     RUN(each_of_their_forms_gives_the_registers_of_its_values),
                     RUN(nothing_comes_in_and_goes_out_as_nothing),
                     RUN(a_set_goes_out_as_the_coupons_that_they_would_have),
                     RUN(registers_go_out_as_their_hll_8_marked_as_merged),
                     RUN(what_goes_out_comes_in_with_the_same_registers),
                     RUN(ranks_beyond_ours_are_our_largest),
                     RUN(other_seeds_and_too_little_room_are_refused),
                     RUN(bytes_cut_short_or_too_long_are_refused),
                     RUN(a_flipped_bit_is_found_where_it_says_something_and_never_does_harm),
                     RUN(random_bytes_do_no_harm),
                     RUN(their_quantile_sketch_comes_in_with_every_item_and_its_weight),
                     RUN(exact_quantiles_go_out_as_theirs),
                     RUN(what_goes_out_weighs_as_much_and_what_the_sampler_holds_is_at_the_median),
                     RUN(quantiles_of_other_things_than_doubles_and_too_little_room_are_refused),
                     RUN(quantile_bytes_that_are_cut_or_flipped_never_do_harm),
                     RUN(random_quantile_bytes_do_no_harm),
                     RUN(any_levels_that_agree_come_in));
}
