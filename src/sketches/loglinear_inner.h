/* loglinear_inner.h - the counters themselves, for those who print them. Layout: loglinear.c. */
#ifndef WEIR_LOGLINEAR_INNER_H
#define WEIR_LOGLINEAR_INNER_H

#include "kernels/loglinear.h"
#include "weir/loglinear.h"

struct loglinear_view { const uint64_t *zero; struct loglinear_map map; };    /* zero[place], as loglinear_place has it; negative values below */
struct loglinear_view loglinear_view_of(const weir_loglinear *histogram);
/* Where bin 0 .. bins ends below; its upper end is that of the next. */
double loglinear_bound(const struct loglinear_view *view, int64_t bin);

#endif
