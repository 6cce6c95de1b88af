/* vectors_loops.h - the loops of vectors.h that a compiler makes vectors of by itself. The including file is
 * compiled for its instruction set and defines the rest: comparisons, and packing where it has an instruction for that. */
#if defined(__GNUC__) && !defined(__clang__)
#define VECTORIZED __attribute__((optimize("O2,tree-vectorize,no-unroll-loops,vect-cost-model=cheap")))
#else
#define VECTORIZED
#endif

/* Rooms are a multiple of 64 rows long, so that whole vectors need no tail of single rows. */
#define ROUNDED(count) (((count) + 63) & ~(size_t)63)

#define VECTORS_ARITHMETIC(name, type, op)                                                                    \
    VECTORIZED static void name(type *out, const type *a, const type *b, size_t count)                                  \
    {                                                                                                        \
        for (size_t i = 0; i < ROUNDED(count); i++) out[i] = a[i] op b[i];                                   \
    }
VECTORS_ARITHMETIC(add_f64, double, +)
VECTORS_ARITHMETIC(subtract_f64, double, -)
VECTORS_ARITHMETIC(multiply_f64, double, *)
VECTORS_ARITHMETIC(divide_f64, double, /)

VECTORIZED static int64_t add_i64(int64_t *out, const int64_t *a, const int64_t *b, size_t count)
{
    int64_t over = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t const x = a[i], y = b[i], sum = (int64_t)((uint64_t)x + (uint64_t)y);
        over |= (x ^ sum) & (y ^ sum);    /* both signs differ from the sum's */
        out[i] = sum;
    }
    return over < 0;
}

VECTORIZED static int64_t subtract_i64(int64_t *out, const int64_t *a, const int64_t *b, size_t count)
{
    int64_t over = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t const x = a[i], y = b[i], difference = (int64_t)((uint64_t)x - (uint64_t)y);
        over |= (x ^ y) & (x ^ difference);
        out[i] = difference;
    }
    return over < 0;
}

static int64_t multiply_i64(int64_t *out, const int64_t *a, const int64_t *b, size_t count)
{
    int64_t big = 0;    /* factors of 31 bits and sign cannot leave the range: the usual case needs no care */
    for (size_t i = 0; i < count; i++) {
        int64_t const x = a[i], y = b[i];
        big |= (x ^ (x >> 63)) | (y ^ (y >> 63));
    }
    int over = 0;
    if (big >> 31 == 0) {
        for (size_t i = 0; i < count; i++) out[i] = a[i] * b[i];
    } else {
        for (size_t i = 0; i < count; i++) over |= __builtin_mul_overflow(a[i], b[i], &out[i]);
    }
    return over;
}

VECTORIZED static uint64_t any_bit(const uint64_t *values, size_t count)
{
    uint64_t any = 0;
    for (size_t i = 0; i < count; i++) any |= values[i];
    return any;
}

/* x != x as bits: the largest of all without its sign is above that of infinity. */
VECTORIZED static int has_nan(const double *values, size_t count)
{
    uint64_t any = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t bits;
        __builtin_memcpy(&bits, values + i, 8);
        any |= UINT64_C(0x7ff0000000000000) - (bits & UINT64_C(0x7fffffffffffffff));    /* top bit: borrowed */
    }
    return (int)(any >> 63);
}

static uint64_t clear_nan(uint64_t *bits, double *values, size_t count)
{
    uint64_t const any = (uint64_t)has_nan(values, count);
    for (size_t from = 0; from < count; from += 64) {
        size_t const end = count - from < 64 ? count - from : 64;
        uint64_t word = 0;
        if (any) {
            for (size_t i = 0; i < end; i++) {
                uint64_t const nan = values[from + i] != values[from + i];
                word |= nan << i;
                if (nan) values[from + i] = 0;
            }
        }
        bits[from / 64] = word;
    }
    return any;
}

#define VECTORS_CHOOSE(name, type)                                                                            \
    static void name(type *out, const uint64_t *bits, const type *a, const type *b, size_t count)            \
    {                                                                                                        \
        for (size_t i = 0; i < count; i++) out[i] = bits[i / 64] >> (i % 64) & 1 ? a[i] : b[i];              \
    }
VECTORS_CHOOSE(choose_64, uint64_t)
VECTORS_CHOOSE(choose_32, uint32_t)

/* Bit by bit: what does without an instruction for it. */
#define VECTORS_PACK(name, type)                                                                                      \
    static size_t name(type *out, const type *in, const uint64_t *bits, size_t count)                        \
    {                                                                                                        \
        size_t packed = 0;                                                                                   \
        for (size_t from = 0; from < count; from += 64)                                                      \
            for (uint64_t word = bits[from / 64]; word != 0; word &= word - 1)                               \
                out[packed++] = in[from + (unsigned)__builtin_ctzll(word)];                                  \
        return packed;                                                                                       \
    }

#define VECTORS_TABLE(isa)                                                                                    \
    const struct vectors_kernels vectors_##isa = {                                                           \
        .less_i64 = less_i64, .less_equal_i64 = less_equal_i64, .equal_i64 = equal_i64,                      \
        .less_f64 = less_f64, .less_equal_f64 = less_equal_f64, .equal_f64 = equal_f64,                      \
        .pack_64 = pack_64, .pack_32 = pack_32, .choose_64 = choose_64, .choose_32 = choose_32,              \
        .add_i64 = add_i64, .subtract_i64 = subtract_i64, .multiply_i64 = multiply_i64,                      \
        .add_f64 = add_f64, .subtract_f64 = subtract_f64, .multiply_f64 = multiply_f64,                      \
        .divide_f64 = divide_f64, .has_nan = has_nan, .any_bit = any_bit, .clear_nan = clear_nan }
