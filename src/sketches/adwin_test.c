/* adwin_test.c - what weir/adwin.h promises. Oracles: sums over the last `width` values, the formula of the
 * paper over every cut of a list, false alarms and delays over many seeds. */
#include <math.h>
#include "weir/adwin.h"
#include "tests/weir_test.h"

enum { MANY = 20000 };
static double values[MANY];

static double normal(struct prng *prng)
{
    return sqrt(-2 * log(1 - prng_unit(prng))) * cos(6.283185307179586 * prng_unit(prng));
}

TEST(the_window_is_the_last_width_values)
{
    FOR_SEEDS(40) {
        weir_adwin a;
        CHECK_OK(weir_adwin_init(&a, 0.002, 1));
        double level = 0;
        for (size_t i = 0; i < 4000; i++) {
            if (prng_below(prng, 700) == 0) level = prng_unit(prng);
            values[i] = floor((level + 0.2 * prng_unit(prng)) * 1024);    /* sums are exact */
        }
        CHECK(isnan(weir_adwin_mean(&a)));
        for (size_t at = 0; at < 4000;) {
            size_t const n = 1 + prng_below(prng, 300), part = n < 4000 - at ? n : 4000 - at;
            uint64_t const before = a.width;
            size_t const used = weir_adwin_add(&a, values + at, part);
            at += used < part ? used + 1 : part;
            CHECK_EQ(a.seen, at);
            CHECK_EQ(a.width, before + (used < part ? used + 1 - a.dropped : part));
            double sum = 0, m2 = 0, dropped = 0;
            for (size_t i = at - a.width; i < at; i++) sum += values[i];
            double const mean = sum / (double)a.width;
            for (size_t i = at - a.width; i < at; i++) m2 += (values[i] - mean) * (values[i] - mean);
            CHECK(weir_adwin_mean(&a) == mean);
            CHECK(a.width < 2 ||
                  fabs(weir_adwin_variance(&a) - m2 / ((double)a.width - 1)) <= 1e-10 * (1 + m2));
            if (used == part) continue;
            for (size_t i = at - a.width - a.dropped; i < at - a.width; i++) dropped += values[i];
            CHECK(a.before == dropped / (double)a.dropped);
        }
    }
}

/* A list of buckets kept and cut as the paper says, written without the rows of the real one. */
struct plain { struct { double size, sum; } buckets[400]; unsigned count; };

static void plain_add(struct plain *p, double value)
{
    p->buckets[p->count].size = 1;
    p->buckets[p->count++].sum = value;
    for (double size = 1;; size *= 2) {    /* oldest first: the two oldest of a size become one */
        unsigned of_size = 0, first = 0;
        for (unsigned i = p->count; i-- > 0;)
            if (p->buckets[i].size == size) of_size++, first = i;
        if (of_size < 6) return;
        p->buckets[first].size *= 2;
        p->buckets[first].sum += p->buckets[first + 1].sum;
        p->count--;
        memmove(&p->buckets[first + 1], &p->buckets[first + 2],
                (p->count - first - 1) * sizeof p->buckets[0]);
    }
}

static int plain_cut(const struct plain *p, const double *window, double delta)
{
    double n = 0, sum = 0, m2 = 0, old = 0, old_sum = 0;
    for (unsigned i = 0; i < p->count; i++) n += p->buckets[i].size, sum += p->buckets[i].sum;
    for (size_t i = 0; i < (size_t)n; i++) m2 += (window[i] - sum / n) * (window[i] - sum / n);
    double const each = delta / p->count;
    for (unsigned i = 0; i + 1 < p->count; i++) {
        old += p->buckets[i].size, old_sum += p->buckets[i].sum;
        double const m = 1 / (1 / old + 1 / (n - old));
        double const cut = sqrt(2 / m * (m2 / n) * log(2 / each)) + 2 / (3 * m) * log(2 / each);
        if (old >= 5 && n - old >= 5 && fabs(old_sum / old - (sum - old_sum) / (n - old)) > cut) return 1;
    }
    return 0;
}

TEST(cuts_are_those_of_the_paper)
{
    unsigned changes = 0;
    FOR_SEEDS(30) {
        weir_adwin a;
        struct plain p = { .count = 0 };
        CHECK_OK(weir_adwin_init(&a, 0.05, 1));
        double level = 0.5;
        size_t width = 0;
        for (size_t i = 0; i < 3000; i++) {
            if (prng_below(prng, 400) == 0) level = prng_unit(prng);
            values[i] = 0.3 * prng_unit(prng) + 0.7 * level;
            plain_add(&p, values[i]);
            width++;
            int changed = 0;
            while ((i + 1) % 32 == 0 && width >= 10 && plain_cut(&p, values + i + 1 - width, 0.05)) {
                width -= (size_t)p.buckets[0].size;
                memmove(p.buckets, p.buckets + 1, --p.count * sizeof p.buckets[0]);
                changed = 1;
            }
            CHECK_EQ(weir_adwin_add(&a, values + i, 1), !changed);
            CHECK_EQ(a.width, width);
            changes += (unsigned)changed;
        }
    }
    CHECK(getenv("WEIR_TEST_SEED") != NULL || changes > 30);
}

TEST(false_alarms_are_no_more_frequent_than_delta_for_each_look)
{
    double const delta = 0.05;
    double looks = 0, alarms = 0;
    FOR_SEEDS(100) {
        weir_adwin a;
        CHECK_OK(weir_adwin_init(&a, delta, 1));
        for (size_t i = 0; i < MANY; i++)
            values[i] = seed % 2 ? (double)(prng_below(prng, 10) < 3) : 0.5 + 0.1 * normal(prng);
        for (size_t at = 0; at < MANY;) at += weir_adwin_add(&a, values + at, MANY - at) + 1;
        looks += MANY / 32;
        alarms += (double)a.changes;
    }
    CHECK(alarms <= delta * looks);    /* in fact some hundred times fewer: bounds are not sharp */
    CHECK(alarms < 60);
}

TEST(a_step_is_found_within_the_time_of_its_bound_and_the_past_goes)
{
    FOR_SEEDS(100) {
        weir_adwin a;
        double const step = 0.3, sigma = 0.1;
        CHECK_OK(weir_adwin_init(&a, 0.002, 1));
        for (size_t i = 0; i < 6000; i++) values[i] = (i < 5000 ? 0.4 : 0.4 + step) + sigma * normal(prng);
        CHECK_EQ(weir_adwin_add(&a, values, 5000), 5000);
        size_t const delay = weir_adwin_add(&a, values + 5000, 1000);
        CHECK(delay < 96);
        size_t at = 5000 + delay + 1;
        while (at < 6000) at += weir_adwin_add(&a, values + at, 6000 - at) + 1;
        CHECK(a.width <= 1050 && fabs(weir_adwin_mean(&a) - 0.7) < 0.03);
    }
}

TEST(the_oldest_is_forgotten_when_the_last_row_is_full_and_parameters_are_checked)
{
    weir_adwin a;
    CHECK_EQ(weir_adwin_init(&a, 0, 1), WEIR_ERR_RANGE);
    CHECK_EQ(weir_adwin_init(&a, 1, 1), WEIR_ERR_RANGE);
    CHECK_EQ(weir_adwin_init(&a, 0.1, 0), WEIR_ERR_RANGE);
    CHECK_OK(weir_adwin_init(&a, 0.002, 1));
    for (unsigned row = 0; row < WEIR_ADWIN_ROWS; row++) {    /* as after some 2^34 equal values */
        a.counts[row] = WEIR_ADWIN_BUCKETS;
        a.width += WEIR_ADWIN_BUCKETS * (UINT64_C(1) << row);
        for (unsigned i = 0; i < WEIR_ADWIN_BUCKETS; i++)
            a.buckets[row][i].sum = (double)(UINT64_C(3) << row);
    }
    for (unsigned i = 0; i < 100; i++) CHECK_EQ(weir_adwin_add(&a, (double[]){ 3 }, 1), 1);
    uint64_t width = 0;
    for (unsigned row = 0; row < WEIR_ADWIN_ROWS; row++) {
        CHECK(a.counts[row] <= WEIR_ADWIN_BUCKETS);
        width += a.counts[row] << row;
    }
    CHECK_EQ(a.width, width);
    CHECK(weir_adwin_mean(&a) == 3 && weir_adwin_variance(&a) == 0);
}

int main(void)
{
    return RUN_TESTS(RUN(the_window_is_the_last_width_values),
                     RUN(cuts_are_those_of_the_paper),
                     RUN(false_alarms_are_no_more_frequent_than_delta_for_each_look),
                     RUN(a_step_is_found_within_the_time_of_its_bound_and_the_past_goes),
                     RUN(the_oldest_is_forgotten_when_the_last_row_is_full_and_parameters_are_checked));
}
