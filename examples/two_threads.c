/* two_threads.c - mean and deviation of numbers, one a line: each thread has a state of its own, merged at the end.
 *
 *   seq 1 1000000 | ./two_threads
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

struct part { const double *values; size_t count; weir_moments moments; };

static void *work(void *argument)
{
    struct part *part = argument;
    weir_moments_add(&part->moments, part->values, part->count);
    return NULL;
}

int main(void)
{
    size_t count = 0, room = 1 << 20;
    double *values = malloc(room * sizeof *values);
    while (values != NULL && scanf("%lf", &values[count]) == 1)
        if (++count == room) values = realloc(values, (room *= 2) * sizeof *values);
    if (values == NULL) return 1;

    struct part parts[2] = { { values, count / 2, { 0 } }, { values + count / 2, count - count / 2, { 0 } } };
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, &parts[1]) != 0) return 1;
    work(&parts[0]);
    pthread_join(thread, NULL);
    weir_moments_merge(&parts[0].moments, &parts[1].moments);
    printf("%zu\t%.15g\t%.15g\n", count, weir_moments_mean(&parts[0].moments), sqrt(weir_moments_variance(&parts[0].moments)));
    free(values);
    return 0;
}
