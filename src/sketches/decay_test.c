/* decay_test.c - what weir/decay.h promises. Oracle: the defining sums over all events, in long double. */
#include <math.h>
#include "weir/decay.h"
#include "tests/weir_test.h"

enum { EVENTS = 3000 };
static int64_t times[EVENTS];
static double values[EVENTS];

static void fill(struct prng *prng, size_t count, double half_life)
{
    int64_t now = (int64_t)prng_below(prng, 1000000) - 500000;
    for (size_t i = 0; i < count; i++) {
        now += (int64_t)prng_below(prng, prng_below(prng, 10) ? 20 : (uint64_t)(half_life * 3));
        times[i] = now - (int64_t)(prng_below(prng, 4) ? 0 : prng_below(prng, (uint64_t)(half_life * 2)));
        values[i] = 50 + 10 * prng_unit(prng);
    }
}

static int near(double a, long double b, double error)
{
    return fabsl((long double)a - b) <= error * (1e-300L + fabsl(b));
}

static void check_decay(const weir_decay *d, size_t count, int64_t at, double half_life)
{
    long double weight = 0, sum = 0, m2 = 0;
    for (size_t i = 0; i < count; i++) {
        long double const w = exp2l(-(long double)(at - times[i]) / half_life);
        weight += w;
        sum += w * values[i];
    }
    for (size_t i = 0; i < count; i++)
        m2 += exp2l(-(long double)(at - times[i]) / half_life) * (values[i] - sum / weight) *
              (values[i] - sum / weight);
    CHECK(near(weir_decay_count(d, at), weight, 1e-12));
    CHECK(near(weir_decay_sum(d, at), sum, 1e-12));
    CHECK(near(weir_decay_rate(d, at), weight * logl(2) / half_life, 1e-12));
    CHECK(near(weir_decay_mean(d), sum / weight, 1e-13));
    CHECK(near(weir_decay_variance(d), m2 / weight, 1e-9) || fabs(weir_decay_variance(d)) < 1e-20);
}

TEST(decayed_sums_are_those_of_the_definition_in_any_order_and_any_cut)
{
    FOR_SEEDS(100) {
        double const half_life = 1 + 1000 * prng_unit(prng);
        size_t const count = 1 + prng_below(prng, seed % 5 ? 100 : EVENTS);
        fill(prng, count, half_life);
        int64_t latest = times[0];
        for (size_t i = 0; i < count; i++) latest = times[i] > latest ? times[i] : latest;
        weir_decay all, parts[3];
        CHECK_OK(weir_decay_init(&all, half_life));
        for (unsigned k = 0; k < 3; k++) CHECK_OK(weir_decay_init(&parts[k], half_life));
        weir_decay_add(&all, times, values, count);
        check_decay(&all, count, latest, half_life);
        check_decay(&all, count, latest + (int64_t)(3 * half_life), half_life);
        CHECK(weir_decay_count(&all, latest - 1000) == weir_decay_count(&all, latest));
        for (size_t i = 0; i < count;) {
            size_t const n = prng_below(prng, 40), part = n < count - i ? n : count - i;
            weir_decay *d = &parts[prng_below(prng, 3)];
            if (prng_below(prng, 2)) weir_decay_add(d, times + i, values + i, part);
            else for (size_t k = 0; k < part; k++) weir_decay_add_at(d, times[i + k], values + i + k, 1);
            i += part;
        }
        CHECK_OK(weir_decay_merge(&parts[1], &parts[0]));
        CHECK_OK(weir_decay_merge(&parts[2], &parts[1]));
        check_decay(&parts[2], count, latest, half_life);
    }
}

TEST(a_steady_stream_has_its_rate_and_silence_halves_it)
{
    weir_decay d, other;
    CHECK_EQ(weir_decay_init(&d, 0), WEIR_ERR_RANGE);
    CHECK_EQ(weir_decay_init(&d, INFINITY), WEIR_ERR_RANGE);
    CHECK_OK(weir_decay_init(&d, 1000));
    CHECK(isnan(weir_decay_mean(&d)) && isnan(weir_decay_variance(&d)) && weir_decay_count(&d, 5) == 0);
    for (int64_t t = 0; t < 100000; t++) weir_decay_add_at(&d, t, NULL, 3);
    CHECK(fabs(weir_decay_rate(&d, 99999) - 3) < 0.01);
    CHECK(fabs(weir_decay_rate(&d, 100999) - 1.5) < 0.01);
    CHECK(weir_decay_count(&d, INT64_MAX) == 0);
    weir_decay_add_at(&d, INT64_MAX, NULL, 1);    /* all before is forgotten */
    weir_decay_add_at(&d, INT64_MIN, NULL, 1);
    CHECK(weir_decay_count(&d, INT64_MAX) == 1);
    CHECK_OK(weir_decay_init(&other, 1001));
    CHECK_EQ(weir_decay_merge(&d, &other), WEIR_ERR_MISMATCH);
}

TEST(an_average_holds_each_value_until_the_next_one)
{
    weir_ewma e;
    CHECK_EQ(weir_ewma_init(&e, -1), WEIR_ERR_RANGE);
    CHECK_OK(weir_ewma_init(&e, 10));
    CHECK(isnan(weir_ewma_at(&e, 0)));
    weir_ewma_add(&e, 100, 8);
    CHECK(weir_ewma_at(&e, 100) == 8 && weir_ewma_at(&e, 200) == 8);
    weir_ewma_add(&e, 110, 0);
    CHECK(weir_ewma_at(&e, 110) == 8 && weir_ewma_at(&e, 120) == 4 && weir_ewma_at(&e, 130) == 2);
    weir_ewma_add(&e, 105, 1e9);
    CHECK(e.late == 1 && weir_ewma_at(&e, 120) == 4);
    /* The integral of 2^(-age / 10) over a signal, in small steps. */
    FOR_SEEDS(20) {
        CHECK_OK(weir_ewma_init(&e, 10));
        double average = 0, held = 0;
        int64_t now = 0;
        for (unsigned i = 0; i < 50; i++) {
            int64_t const next = now + (int64_t)prng_below(prng, 12);
            for (; i > 0 && now < next; now++) average = held + (average - held) * exp2(-0.1);
            now = next;
            held = prng_unit(prng);
            if (i == 0) average = held;
            weir_ewma_add(&e, now, held);
            CHECK(fabs(weir_ewma_at(&e, now) - average) < 1e-13);
        }
    }
}

TEST(a_rate_counts_exactly_the_events_of_its_panes)
{
    FOR_SEEDS(100) {
        int64_t const pane = 1 + (int64_t)prng_below(prng, 100);
        weir_rate r[2];
        CHECK_OK(weir_rate_init(&r[0], pane));
        CHECK_OK(weir_rate_init(&r[1], pane));
        size_t const count = 1 + prng_below(prng, 500);
        fill(prng, count, (double)pane * 10);
        int64_t latest = times[0];
        for (size_t i = 0; i < count; i++) {
            weir_rate_add(&r[prng_below(prng, 3) == 0], times[i], 1);
            latest = times[i] > latest ? times[i] : latest;
        }
        uint64_t const late = r[0].late + r[1].late;
        CHECK_OK(weir_rate_merge(&r[0], &r[1]));
        CHECK_EQ(r[0].seen, count);
        unsigned const panes = 1 + (unsigned)prng_below(prng, 64);
        int64_t const number = latest / pane - (latest % pane < 0), start = (number + 1 - panes) * pane;
        uint64_t expected = 0, kept = 0;
        for (size_t i = 0; i < count; i++) {
            expected += times[i] >= start;
            kept += times[i] >= (number - 63) * pane;
        }
        /* An event may be late for one of the two although it would not be so for the other. */
        CHECK(late > 0 || weir_rate_events(&r[0], latest, panes) == expected);
        CHECK(weir_rate_events(&r[0], latest, panes) <= expected);
        CHECK(late > 0 || r[0].late <= count - kept);
        double const covered = (double)(latest - start + 1);
        CHECK(near(weir_rate_value(&r[0], latest, panes), weir_rate_events(&r[0], latest, panes) / covered,
                   1e-14));
        CHECK_EQ(weir_rate_events(&r[0], latest + 64 * pane, 64), 0);
    }
    weir_rate r;
    CHECK_EQ(weir_rate_init(&r, 0), WEIR_ERR_RANGE);
    CHECK_OK(weir_rate_init(&r, 7));
    weir_rate_add(&r, INT64_MIN, 1);
    CHECK_EQ(weir_rate_events(&r, INT64_MIN, 64), 1);
    weir_rate_add(&r, INT64_MAX, 2);
    CHECK_EQ(weir_rate_events(&r, INT64_MAX, 64), 2);
    CHECK(weir_rate_value(&r, INT64_MIN, 1) == 0);
}

int main(void)
{
    return RUN_TESTS(RUN(decayed_sums_are_those_of_the_definition_in_any_order_and_any_cut),
                     RUN(a_steady_stream_has_its_rate_and_silence_halves_it),
                     RUN(an_average_holds_each_value_until_the_next_one),
                     RUN(a_rate_counts_exactly_the_events_of_its_panes));
}
