/* distribution.h - numbers of a stated distribution, each a function of seed and index alone.
 *
 *   uniform      f64 in [0, 1); integers over all 64 bits
 *   normal       mean 0, deviation 1 (Box, Muller 1958); as integers times 1,000,000
 *   lognormal    exp of that
 *   zipf:S       ranks 1..N with probability ~ 1 / rank^S (rejection-inversion: Hormann, Derflinger 1996)
 *   seq          0, 1, 2, ...
 *
 * With `distinct` N > 0, element i is the value number (random index below N) of the same
 * distribution, so that just N different values occur; for zipf and seq N bounds the values themselves.
 */
#ifndef WEIR_DISTRIBUTION_H
#define WEIR_DISTRIBUTION_H

#include <stddef.h>
#include <stdint.h>

enum dist_kind { DIST_UNIFORM, DIST_NORMAL, DIST_LOGNORMAL, DIST_ZIPF, DIST_SEQ };

struct distribution {
    enum dist_kind kind;
    uint64_t       seed;
    uint64_t       distinct;    /* 0: as many as there are */
    double         s;           /* zipf */
    double         h_x1, h_n, s_const;    /* zipf, from distribution_init */
};

enum { ZIPF_N_DEFAULT = 1000000 };

/* 0; -1: text is not a distribution, or its parameter is out of range (zipf: 0 < S <= 10). */
int distribution_parse(struct distribution *out, const char *text);
/* Call after kind, s, distinct and seed are set. */
void distribution_init(struct distribution *d);

/* Elements first .. first + count - 1. */
void distribution_f64(const struct distribution *d, double *out, size_t count, uint64_t first);
void distribution_i64(const struct distribution *d, int64_t *out, size_t count, uint64_t first);

#endif
