/* units.h - sizes and durations as people type them.
 *
 *   size       DIGITS [. DIGITS] [UNIT]    B; K M G T P and KiB MiB GiB TiB PiB: powers of 1024, as in
 *                                          GNU sort; kB KB MB GB TB PB: powers of 1000; none: bytes
 *   duration   DIGITS [. DIGITS] UNIT      ns us ms s m min h d; "0" needs none
 *
 * Letters of sizes may be of either case; a blank or sign is refused. Fractions are exact and cut to
 * whole bytes or nanoseconds: 1.5KiB is 1536, 0.3B is 0.
 */
#ifndef WEIR_UNITS_H
#define WEIR_UNITS_H

#include <stddef.h>
#include <stdint.h>

/* 0, or -1: not a size, or above UINT64_MAX; *out has not changed then. */
int parse_size(const char *text, uint64_t *out);

/* 0, or -1: not a duration, or above INT64_MAX; *out has not changed then. */
int parse_duration_ns(const char *text, int64_t *out);

/* A whole number without sign or unit: 0, or -1 as above. */
int parse_count(const char *text, uint64_t *out);

/* A plain decimal fraction below 2^53 without sign or exponent, at most 15 digits in all, so that the
 * double is the nearest one: 0, or -1. */
int parse_fraction(const char *text, double *out);

#endif
