/* arena_test.c - what arena.h promises. */
#include "budget/arena.h"
#include "tests/weir_test.h"

static _Alignas(4096) uint8_t memory[1 << 16];

TEST(what_is_taken_is_aligned_apart_and_booked)
{
    FOR_SEEDS(300) {
        static const char *const parts[] = { "a", "b", "c" };
        struct arena arena;
        uint64_t booked = 0, by_part[3] = { 0 };
        uint8_t *last_end = memory;
        arena_init(&arena, memory, sizeof memory);
        for (;;) {
            unsigned const part = (unsigned)prng_below(prng, 3);
            size_t const bytes = 1 + prng_below(prng, 5000), free_before = arena_free_bytes(&arena);
            uint8_t *const at = arena_take(&arena, parts[part], bytes);
            if (at == NULL) {    /* it did not fit, and nothing changed */
                CHECK(bytes > free_before);
                CHECK_EQ(arena_free_bytes(&arena), free_before);
                break;
            }
            CHECK((uintptr_t)at % ARENA_ALIGN == 0 && at >= last_end && at + bytes <= memory + sizeof memory);
            last_end = at + bytes;
            booked += free_before - arena_free_bytes(&arena);
            by_part[part] += free_before - arena_free_bytes(&arena);
        }
        CHECK_EQ(ledger_total(&arena), booked);
        for (unsigned i = 0; i < arena.line_count; i++)
            for (unsigned part = 0; part < 3; part++)
                if (strcmp(arena.lines[i].part, parts[part]) == 0) CHECK_EQ(arena.lines[i].bytes, by_part[part]);
    }
}

TEST(what_lives_elsewhere_is_booked_beside_it)
{
    struct arena arena;
    arena_init(&arena, memory, 4096);
    CHECK(arena_take(&arena, "x", 64) != NULL);
    ledger_book(&arena, "program", 1000);
    ledger_book(&arena, "program", 24);
    strcpy(ledger_book(&arena, "x", 0)->buys, "room");
    CHECK_EQ(ledger_total(&arena), 64 + 1024);
    CHECK_EQ(arena.line_count, 2);
}

TEST(freezing_touches_what_was_taken_and_changes_none_of_it)
{
    struct arena arena;
    arena_init(&arena, memory, sizeof memory);
    uint8_t *const at = arena_take(&arena, "x", 10000);
    for (unsigned i = 0; i < 10000; i++) at[i] = (uint8_t)i;
    arena_freeze(&arena);
    for (unsigned i = 0; i < 10000; i++) CHECK_EQ(at[i], (uint8_t)i);
}

TEST(an_arena_of_nothing_has_room_for_nothing)
{
    struct arena arena;
    arena_init(&arena, NULL, 0);
    CHECK(arena_take(&arena, "x", 1) == NULL);
}

int main(void)
{
    return RUN_TESTS(RUN(what_is_taken_is_aligned_apart_and_booked), RUN(what_lives_elsewhere_is_booked_beside_it),
                     RUN(freezing_touches_what_was_taken_and_changes_none_of_it), RUN(an_arena_of_nothing_has_room_for_nothing));
}
