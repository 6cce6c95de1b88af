/* bloom_inner.h - the arithmetic that both Bloom filters need. */
#ifndef WEIR_BLOOM_INNER_H
#define WEIR_BLOOM_INNER_H

/* The rate of false positives of a split-block filter with that many items a block, on average. */
double bloom_false_positives(double items_a_block);

#endif
