/* weir/estimate.h - a figure that says how far it may be off.
 *
 * low <= true value <= high holds with the confidence that the operator's header states;
 * exact is 1 when low == value == high because nothing had to be estimated.
 */
#ifndef WEIR_ESTIMATE_H
#define WEIR_ESTIMATE_H

typedef struct weir_estimate {
    double value;
    double low;
    double high;
    int    exact;    /* 0 or 1 */
} weir_estimate;

#endif
