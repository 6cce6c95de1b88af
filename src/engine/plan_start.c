/* plan_start.c - the last step of a plan, apart from plan.c because all of that is behind us then (cli/program.h). */
#include <string.h>
#include "engine/plan.h"

void plan_start(struct plan *plan)
{
    struct run *run = &plan->run;
    arena_freeze(&plan->arena);
    memset(run->totals, 0, run->profile_count * sizeof *run->totals);
    for (unsigned i = 0; i < run->worker_count; i++) {
        struct worker *w = &run->workers[i];
        run->ops->init(w->parser, &run->options, &plan->schema, &w->books);
        for (uint32_t p = 0; p < run->profile_count; p++) profile_init(run_profile(run, w, p), run_layout(run, p));
    }
}
