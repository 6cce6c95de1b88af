/* distribution.c - contract: distribution.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "generators/distribution.h"
#include "kernels/kernels.h"
#include "kernels/random.h"
#include "machine/assert.h"

int distribution_parse(struct distribution *out, const char *text)
{
    static const struct { const char *name; enum dist_kind kind; } names[] = {
        { "uniform", DIST_UNIFORM }, { "normal", DIST_NORMAL }, { "lognormal", DIST_LOGNORMAL }, { "seq", DIST_SEQ } };
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(text, names[i].name) == 0) {
            out->kind = names[i].kind;
            return 0;
        }
    if (strncmp(text, "zipf:", 5) != 0) return -1;
    char *end;
    double const s = strtod(text + 5, &end);
    if (end == text + 5 || *end != '\0' || !(s > 0 && s <= 10)) return -1;
    out->kind = DIST_ZIPF;
    out->s = s;
    return 0;
}

/* The integral of x^-s and its inverse, steady near s = 1. */
static double zipf_h(double s, double x)
{
    double const log_x = log(x), t = (1 - s) * log_x;
    return fabs(t) > 1e-8 ? log_x * expm1(t) / t : log_x;
}
static double zipf_h_inverse(double s, double x)
{
    double t = x * (1 - s);
    if (t < -1) t = -1;
    return exp(fabs(t) > 1e-8 ? x * log1p(t) / t : x);
}

void distribution_init(struct distribution *d)
{
    if (d->kind != DIST_ZIPF) return;
    if (d->distinct == 0) d->distinct = ZIPF_N_DEFAULT;
    d->h_x1 = zipf_h(d->s, 1.5) - 1;
    d->h_n = zipf_h(d->s, (double)d->distinct + 0.5);
    d->s_const = 2 - zipf_h_inverse(d->s, zipf_h(d->s, 2.5) - pow(2, -d->s));
}

static double unit_of(uint64_t word) { return (double)(word >> 11) * 0x1p-53; }

enum { ZIPF_TRIES = 64 };    /* each succeeds with probability over 0.6; the 64th is taken as it is */

static uint64_t zipf_at(const struct distribution *d, uint64_t index)
{
    uint64_t word = random_word(d->seed, index), k = 1;
    for (unsigned tries = 0; tries < ZIPF_TRIES; tries++, word = random_word(word, tries)) {
        double const u = d->h_n + unit_of(word) * (d->h_x1 - d->h_n);
        double const x = zipf_h_inverse(d->s, u);
        k = x < 1 ? 1 : (uint64_t)(x + 0.5);
        if (k > d->distinct) k = d->distinct;
        if ((double)k - x <= d->s_const || u >= zipf_h(d->s, (double)k + 0.5) - pow((double)k, -d->s)) break;
    }
    return k;
}

static double normal_at(uint64_t seed, uint64_t index)
{
    double const u = 1.0 - unit_of(random_word(seed, 2 * index)), v = unit_of(random_word(seed, 2 * index + 1));
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

/* Which value element i is: itself, or one of `distinct`. */
static uint64_t index_at(const struct distribution *d, uint64_t i)
{
    if (d->distinct == 0) return i;
    return (uint64_t)(((unsigned __int128)random_word(d->seed + 1, i) * d->distinct) >> 64);
}

void distribution_f64(const struct distribution *d, double *out, size_t count, uint64_t first)
{
    if (d->kind == DIST_UNIFORM && d->distinct == 0) {
        weir_kernels.random->units(out, count, d->seed, first);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t const n = first + i;
        switch (d->kind) {
        case DIST_UNIFORM: out[i] = unit_of(random_word(d->seed, index_at(d, n))); break;
        case DIST_NORMAL: out[i] = normal_at(d->seed, index_at(d, n)); break;
        case DIST_LOGNORMAL: out[i] = exp(normal_at(d->seed, index_at(d, n))); break;
        case DIST_ZIPF: out[i] = (double)zipf_at(d, n); break;
        default: out[i] = (double)(d->distinct ? n % d->distinct : n);
        }
    }
}

void distribution_i64(const struct distribution *d, int64_t *out, size_t count, uint64_t first)
{
    if (d->kind == DIST_UNIFORM && d->distinct == 0) {
        weir_kernels.random->words((uint64_t *)out, count, d->seed, first);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t const n = first + i;
        switch (d->kind) {
        case DIST_UNIFORM: out[i] = (int64_t)random_word(d->seed, index_at(d, n)); break;
        case DIST_NORMAL: out[i] = (int64_t)(1e6 * normal_at(d->seed, index_at(d, n))); break;
        case DIST_LOGNORMAL: out[i] = (int64_t)(1e6 * exp(normal_at(d->seed, index_at(d, n)))); break;
        case DIST_ZIPF: out[i] = (int64_t)zipf_at(d, n); break;
        default: out[i] = (int64_t)(d->distinct ? n % d->distinct : n);
        }
    }
}
