/* quantiles.c - contract: quantiles.h. */
#include <math.h>
#include "kernels/kernels.h"
#include "kernels/numeric.h"
#include "machine/assert.h"
#include "operators/quantiles.h"
#include "weir/gk.h"
#include "weir/loglinear.h"

enum { STEP = 8, KLL_K_USEFUL_MAX = 768, GK_TUPLES_MIN = 16, GK_TUPLES_USEFUL_MAX = 4000,
       LOG_SIZE_USEFUL_MAX = 8 };

static void must(weir_status status) { WEIR_ASSERT(status == WEIR_OK); }

/* ---- sizes ----------------------------------------------------------------------------------- */

size_t quantiles_bytes(enum quantile_by by, unsigned size)
{
    if (size == 0) return 0;
    switch (by) {
    case BY_GK: return weir_gk_bytes(4.0 / size);
    case BY_LOG: return weir_loglinear_bytes(size - 1, LOG_EXPONENT_MIN, LOG_EXPONENT_MAX);
    default: return weir_kll_bytes(size);
    }
}

unsigned quantiles_size_after(enum quantile_by by, unsigned size)
{
    static const unsigned first[] = { [BY_KLL] = WEIR_KLL_K_MIN, [BY_GK] = GK_TUPLES_MIN, [BY_LOG] = 1 };
    static const unsigned last[] = { [BY_KLL] = KLL_K_USEFUL_MAX, [BY_GK] = GK_TUPLES_USEFUL_MAX,
                                     [BY_LOG] = LOG_SIZE_USEFUL_MAX };
    if (size == 0) return first[by];
    return size >= last[by] ? 0 : size + (by == BY_LOG ? 1 : STEP);
}

double quantiles_error_of(enum quantile_by by, unsigned size)
{
    if (size == 0) return 1;
    if (by == BY_KLL) return weir_kll_rank_error_of_k(size);
    if (by == BY_GK) return 4.0 / size;
    double ratio = 2;    /* of a bin's ends */
    for (unsigned scale = 1; scale < size; scale++) ratio = sqrt(ratio);
    return (ratio - 1) / (ratio + 1);
}

/* ---- states ---------------------------------------------------------------------------------- */

void quantiles_init(enum quantile_by by, void *block, unsigned size, uint64_t seed)
{
    WEIR_ASSERT(block != NULL && size != 0);
    size_t const bytes = quantiles_bytes(by, size);
    weir_kll *kll;
    weir_gk *gk;
    weir_loglinear *log;
    switch (by) {
    case BY_GK: must(weir_gk_init(&gk, block, bytes, 4.0 / size)); return;
    case BY_LOG:
        must(weir_loglinear_init_otel(&log, block, bytes, size - 1, LOG_EXPONENT_MIN, LOG_EXPONENT_MAX));
        return;
    default: must(weir_kll_init(&kll, block, bytes, size, seed));
    }
}

uint64_t quantiles_count(enum quantile_by by, void *block)
{
    return by == BY_GK ? weir_gk_count(block) : by == BY_LOG ? weir_loglinear_count(block).all : weir_kll_count(block);
}

static int64_t key_uint_of_int(int64_t key) { return (int64_t)((uint64_t)key ^ (UINT64_C(1) << 63)); }
static int64_t key_float_of_int(int64_t key) { return weir_key_f64((double)key); }
static int64_t key_float_of_uint(int64_t key) { return weir_key_f64((double)((uint64_t)key ^ (UINT64_C(1) << 63))); }

void quantiles_widen(enum quantile_by by, void *block, enum key_class from, enum key_class to)
{
    WEIR_ASSERT(from != KEYS_TIME && to != KEYS_TIME && from < to);
    int64_t (*const map)(int64_t) = to == KEYS_UINT ? key_uint_of_int
                                  : from == KEYS_INT ? key_float_of_int : key_float_of_uint;
    if (by == BY_KLL) weir_kll_map(block, map);
    if (by == BY_GK) weir_gk_map(block, map);
}

static void keys_add(enum quantile_by by, void *block, const int64_t *keys, size_t count)
{
    if (by == BY_GK) weir_gk_add(block, keys, count);
    else weir_kll_add(block, keys, count);
}

void quantiles_add_ints(enum quantile_by by, void *block, enum key_class keys, const int64_t *values,
                        size_t count, int64_t *room)
{
    if (by == BY_LOG || keys == KEYS_FLOAT) {
        weir_kernels.numeric->f64_of_i64((double *)room, values, count);
        quantiles_add_floats(by, block, (const double *)room, count, room);
    } else if (keys == KEYS_UINT) {
        quantiles_add_uints(by, block, keys, (const uint64_t *)values, count, room);
    } else {
        keys_add(by, block, values, count);
    }
}

void quantiles_add_uints(enum quantile_by by, void *block, enum key_class keys, const uint64_t *values,
                         size_t count, int64_t *room)
{
    if (by == BY_LOG || keys == KEYS_FLOAT) {
        weir_kernels.numeric->f64_of_u64((double *)room, values, count);
        quantiles_add_floats(by, block, (const double *)room, count, room);
    } else if (by == BY_KLL) {    /* which maps what it keeps only */
        weir_kll_add_u64(block, values, count);
    } else {
        weir_kernels.numeric->key_of_u64(room, values, count);
        weir_gk_add(block, room, count);
    }
}

void quantiles_add_floats(enum quantile_by by, void *block, const double *values, size_t count, int64_t *room)
{
    if (by == BY_LOG) {
        weir_loglinear_add(block, values, count);
    } else if (by == BY_KLL) {
        weir_kll_add_f64(block, values, count);
    } else {
        weir_kernels.numeric->key_of_f64(room, values, count);
        weir_gk_add(block, room, count);
    }
}

void quantiles_merge(enum quantile_by by, void *into, void *from)
{
    must(by == BY_GK ? weir_gk_merge(into, from)
       : by == BY_LOG ? weir_loglinear_merge(into, from) : weir_kll_merge(into, from));
}

/* ---- answers --------------------------------------------------------------------------------- */

enum { ROUNDED = 1024 };    /* an int of 64 bits and its double are no farther apart */

static __int128 whole_of(double value)
{
    return value >= 0x1p66 ? (__int128)1 << 66 : value <= -0x1p66 ? -((__int128)1 << 66) : (__int128)value;
}

/* The key of a whole number, or the nearest one that there is. */
static int64_t key_of_whole(__int128 value, enum key_class keys)
{
    if (keys == KEYS_UINT) {
        uint64_t const bits = value < 0 ? 0 : value > UINT64_MAX ? UINT64_MAX : (uint64_t)value;
        return key_uint_of_int((int64_t)bits);
    }
    return value < INT64_MIN ? INT64_MIN : value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

/* From a bin to the keys that its values may have. A bin is open at the end nearer to zero. */
static weir_quantile keys_of_bin(weir_loglinear_quantile bin, enum key_class keys)
{
    if (keys == KEYS_FLOAT)
        return (weir_quantile){ .value = weir_key_f64(bin.value), .low = weir_key_f64(bin.low), .high = weir_key_f64(bin.high) };
    __int128 low = whole_of(ceil(bin.low)), high = whole_of(floor(bin.high));
    if (bin.low > 0 && (double)low == bin.low) low++;
    if (bin.high < 0 && (double)high == bin.high) high--;
    if (bin.low <= -0x1p53) low -= ROUNDED;
    if (bin.high >= 0x1p53) high += ROUNDED;
    return (weir_quantile){ .value = key_of_whole(whole_of(round(bin.value)), keys), .low = key_of_whole(low, keys),
                            .high = key_of_whole(high, keys) };
}

static double double_of_key(int64_t key, enum key_class keys)
{
    return keys == KEYS_FLOAT ? weir_f64_key(key) : keys == KEYS_UINT ? (double)(uint64_t)key_uint_of_int(key) : (double)key;
}

weir_quantile quantiles_at(enum quantile_by by, void *block, enum key_class keys, double q, int64_t min, int64_t max)
{
    weir_quantile at;
    if (by == BY_KLL) {
        double const error = weir_kll_rank_error(block);
        at = weir_kll_quantile(block, q);
        if (q - error <= 0) at.low = min;    /* the ends are known exactly, the sampler or not */
        if (q + error >= 1) at.high = max;
        return at;
    }
    if (by == BY_GK) {
        weir_gk_quantile const gk = weir_gk_quantile_at(block, q);
        at = (weir_quantile){ .value = gk.value, .low = gk.low, .high = gk.high };
    } else {
        at = keys_of_bin(weir_loglinear_quantile_at(block, q), keys);
        if (at.low < min) at.low = min;
        if (at.high > max) at.high = max;
        if (at.value < at.low) at.value = at.low;
        if (at.value > at.high) at.value = at.high;
    }
    at.exact = at.low == at.high;
    return at;
}

double quantiles_rank(enum quantile_by by, void *block, enum key_class keys, int64_t key)
{
    if (by == BY_KLL) return weir_kll_rank(block, key);
    uint64_t low, high;
    if (by == BY_GK) weir_gk_rank(block, key, &low, &high);
    else weir_loglinear_rank(block, double_of_key(key, keys), &low, &high);
    return (double)(low + (high - low) / 2) / (double)quantiles_count(by, block);
}
