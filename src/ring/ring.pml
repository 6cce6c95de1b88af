/* ring.pml - the protocol of weir/ring.h with sides that die at any step, for Spin. tests/ring_model.sh runs
 * it.
 *
 * A record is one slot of two halves, each holding its sequence: torn is where they differ. The head word
 * (position, mark, ended) and a cursor word (position, mark, held) change in one step each, as in memory;
 * everything else is a step for itself, and before each write a side may die, CRASHES times in all; then its
 * lock is free and it comes again. `ghost` variables are what an outside observer counts; sides read them
 * only in assertions.
 *
 *   POLICY 0: block, 1: drop the oldest.   BROKEN 1 to 8: a mistake that the model must find.
 *
 * Checked for these sizes: no torn record is seen, none is lost or doubled when the ring blocks, counts
 * belong to their positions, what is held is not written, nobody sleeps for ever (that would be an invalid
 * end state). Spin's memory is sequentially consistent: the order of plain accesses around an acquire or
 * release is the thread sanitizer's to watch (ring_test.c).
 */
#ifndef POLICY
#define POLICY 0
#endif
#ifndef BROKEN
#define BROKEN 0
#endif
#ifndef CONSUMERS
#define CONSUMERS 1
#endif
#ifndef RECORDS
#define RECORDS 4
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#define N 2    /* slots */

typedef marks_of { byte count[2] }
typedef cursor { byte at; bit mark; bool held; marks_of delivered; marks_of next }

byte low[N], high[N];
byte head_at; bit head_mark, head_ended; marks_of head_next;    /* marks: the next sequence */
cursor cursors[CONSUMERS];
bit consumers_wait, producer_waits;     /* words in memory; who sleeps on them is the kernel's list: */
bool asleep[CONSUMERS], producer_sleeps;
byte wakes;                             /* the count in the word that consumers sleep on, modulo 16 */

bool producer_lives, consumer_lives[CONSUMERS], reaping[CONSUMERS];    /* who has which lock */
byte crashes = CRASHES;

byte ghost_sequence[RECORDS + 2];       /* of the record at a position */
byte ghost_offered, ghost_delivered[CONSUMERS];

#define MAY_DIE    if :: atomic { crashes > 0 -> crashes--; goto died } :: skip fi
#define TAKE_BACK d_step { consumers_wait = 0; if :: BROKEN != 8 -> wakes = (wakes + 1) % 16 :: else fi }
#define WAKE_CONSUMERS d_step { asleep[0] = false; asleep[CONSUMERS - 1] = false }
#define SLOT(x)    ((x) % N)

active proctype producer()
{
    byte at, limit, sequence, i, seen;
    bit mark;

lives:
    atomic { producer_lives = true; at = head_at; limit = at; mark = head_mark; sequence = head_next.count[head_mark] };
    assert(sequence == ghost_offered);
    TAKE_BACK;    /* its predecessor may have died before it did this */
    MAY_DIE;
    WAKE_CONSUMERS;

next:
    if
    :: sequence == RECORDS -> goto commit
    :: sequence < RECORDS && at < limit -> goto write
    :: sequence < RECORDS && at == limit && at != head_at -> goto commit
    :: else -> skip
    fi;

look:    /* at all cursors */
    MAY_DIE;
    limit = at + N; i = 0;
    do
    :: i < CONSUMERS ->
        seen = cursors[i].at;
        if
        :: seen + N > at -> if :: seen + N < limit -> limit = seen + N :: else fi; i++
        :: else ->
#if POLICY == 0
            limit = at; i++
#else
            if    /* push: a compare-and-set of the word */
            :: atomic { cursors[i].at == seen && (!cursors[i].held || BROKEN == 5) -> cursors[i].at = seen + 1 }
            :: atomic { cursors[i].at != seen -> skip }
            :: atomic { cursors[i].at == seen && cursors[i].held && BROKEN != 5 -> limit = at; i++ }
            fi
#endif
        fi
    :: i == CONSUMERS -> break
    od;
    if :: limit > at -> goto write :: else fi;

#if POLICY == 0
    producer_waits = 1;    /* say so, look again, sleep */
    i = 0; seen = (BROKEN == 3);
    do
    :: i < CONSUMERS && BROKEN != 3 -> if :: cursors[i].at + N <= at -> seen = 1 :: else fi; i++
    :: else -> break
    od;
    if
    :: seen == 1 ->
        if    /* the kernel compares the word when it puts us to sleep */
        :: atomic { producer_waits == 0 -> skip }
        :: atomic { producer_waits == 1 -> producer_sleeps = true };
            if    /* told; or the slice is over and a death is seen */
            :: !producer_sleeps || !consumer_lives[0] || !consumer_lives[CONSUMERS - 1] -> producer_sleeps = false
            fi
        fi
    :: else
    fi;
    seen = 0;
    goto look;
#else
    i = 0;    /* a dead holder holds nothing: looked for with its lock taken */
    do
    :: i < CONSUMERS ->
        if
        :: atomic { !consumer_lives[i] && cursors[i].held -> reaping[i] = (BROKEN != 4) };
            MAY_DIE;
            cursors[i].held = false;
            reaping[i] = false
        :: skip
        fi;
        i++
    :: i == CONSUMERS -> break
    od;
    sequence++;    /* and the new record is dropped */
    goto commit;
#endif

write:
    MAY_DIE;
#if BROKEN == 1
    atomic { ghost_sequence[at] = sequence; ghost_offered = sequence + 1; head_at = at + 1; mark = 1 - mark; head_mark = mark; head_next.count[mark] = sequence + 1 };
#endif
    low[SLOT(at)] = sequence;
    MAY_DIE;
    high[SLOT(at)] = sequence;
    ghost_sequence[at] = sequence;
    atomic { at++; sequence++ };
    if :: goto next :: goto commit fi;    /* several records in one commit, or not */

commit:
    MAY_DIE;
#if BROKEN == 2
    head_next.count[mark] = sequence;
    MAY_DIE;
    atomic { head_at = at; head_ended = (sequence == RECORDS); ghost_offered = sequence };
#else
    head_next.count[1 - mark] = sequence;
    MAY_DIE;
    atomic { mark = 1 - mark; head_at = at; head_mark = mark; head_ended = (sequence == RECORDS); ghost_offered = sequence };
#endif
    MAY_DIE;
    if
    :: consumers_wait == 1 -> MAY_DIE; TAKE_BACK; MAY_DIE; WAKE_CONSUMERS
    :: else
    fi;
    if :: sequence == RECORDS -> goto ended :: else -> goto next fi;

died:
    atomic {
        producer_lives = false;
        i = 0; do :: i < CONSUMERS -> reaping[i] = false; i++ :: else -> break od;
        producer_sleeps = false; i = 0; at = 0; limit = 0; sequence = 0; seen = 0; mark = 0
    };
    goto lives;
ended:
    skip    /* it keeps its lock: consumers must not need its death */
}

proctype consumer(byte me)
{
    byte at, expected, delivered, a, b, seen;
    bit mark;

lives:
    atomic { !reaping[me] -> consumer_lives[me] = true };
    MAY_DIE;
    atomic { cursors[me].held = false; at = cursors[me].at; mark = cursors[me].mark };
    delivered = cursors[me].delivered.count[mark];
    expected = cursors[me].next.count[mark];
    assert(delivered == ghost_delivered[me]);
    producer_waits = 0;
    MAY_DIE;
    producer_sleeps = false;

next:
    MAY_DIE;
    atomic { seen = head_at; if :: head_ended && seen == cursors[me].at && at == seen -> goto done :: else fi };
#if POLICY == 1
    at = cursors[me].at;
#endif
    if :: at >= seen -> goto sleep :: else fi;
#if POLICY == 1
    if    /* take hold: a compare-and-set of the word */
    :: atomic { cursors[me].at == at -> cursors[me].held = true }
    :: cursors[me].at != at -> goto next
    fi;
#endif

read:
    a = low[SLOT(at)];
    b = high[SLOT(at)];
    assert(a == b && a == ghost_sequence[at]);
#if POLICY == 0
    assert(a == expected);
#else
    assert(a >= expected);
#endif
    atomic { at++; delivered++; expected = a + 1; a = 0; b = 0 };
    if :: at < seen -> goto read :: skip fi;    /* several records in one release, or not */

    MAY_DIE;
#if BROKEN == 6
    cursors[me].delivered.count[mark] = delivered; cursors[me].next.count[mark] = expected;
    MAY_DIE;
    atomic { cursors[me].at = at; cursors[me].held = false; ghost_delivered[me] = delivered };
#else
    cursors[me].delivered.count[1 - mark] = delivered;
    cursors[me].next.count[1 - mark] = expected;
    MAY_DIE;
    atomic { mark = 1 - mark; cursors[me].at = at; cursors[me].mark = mark; cursors[me].held = false; ghost_delivered[me] = delivered };
#endif
    MAY_DIE;
    if
    :: producer_waits == 1 -> MAY_DIE; producer_waits = 0; MAY_DIE; producer_sleeps = false
    :: else
    fi;
    goto next;

sleep:
    MAY_DIE;
    atomic { consumers_wait = 1; a = wakes };
    if
    :: BROKEN != 7 && (head_at != at || head_ended) -> a = 0; goto next
    :: else ->
        if
        :: atomic { consumers_wait == 0 || wakes != a -> skip }
        :: atomic { consumers_wait == 1 && wakes == a -> asleep[me] = true };
            if :: !asleep[me] || !producer_lives -> asleep[me] = false fi
        fi
    fi;
    a = 0;
    goto next;

died:
    atomic { consumer_lives[me] = false; asleep[me] = false; at = 0; expected = 0; delivered = 0; a = 0; b = 0; seen = 0; mark = 0 };
    goto lives;
done:
    /* offered = delivered + dropped; when the ring blocks nothing is dropped. */
    assert(ghost_offered == RECORDS && ghost_delivered[me] == delivered);
    assert(POLICY == 1 || delivered == RECORDS)
}

init { byte i = 0; do :: i < CONSUMERS -> run consumer(i); i++ :: else -> break od }
