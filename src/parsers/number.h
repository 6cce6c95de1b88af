/* number.h - a decimal number taken apart, between its text and its value. For cells.c. */
#ifndef WEIR_NUMBER_H
#define WEIR_NUMBER_H

#include <stdint.h>

/* value = digits * 10^exponent, up to what the dropped digits add. */
struct decimal {
    uint64_t digits;         /* the first 19 significant ones */
    int64_t  exponent;
    uint32_t significant;    /* how many are in digits: 0..19 */
    uint32_t dropped;        /* how many followed that are not ... */
    uint8_t  last;           /* ... the last of them, 0..9 */
    uint8_t  inexact;        /* 1: one of them was not zero */
    uint8_t  negative;
    uint8_t  whole;          /* 1: -?digits and nothing else, as an int is written */
};

/* 1 if all of text is a finite number by the grammar of cells.h. */
int decimal_read(struct decimal *out, const uint8_t *text, uint32_t length);
/* Its value, correctly rounded. text is what *d was read from. */
double decimal_to_f64(const struct decimal *d, const uint8_t *text, uint32_t length);
/* 1 if text is inf or infinity in any case, with or without sign. */
int infinity_read(double *out, const uint8_t *text, uint32_t length);
/* 10^q as out[0] * 2^64 + out[1] in [2^127, 2^128) of a unit that is a power of two: exact, or rounded up.
 * q: -342..308. */
void power_of_five(int q, uint64_t out[2]);

#endif
