/* ring_share.pml - the protocol of ring_share.c with sides that die at any step, for Spin; see ring.pml.
 *
 * A record's stamp (sequence and owner) and the floor's word (position and mark) change in one step each. The ring
 * blocks, so that sequences are positions. Checked: every record is read whole by its owner and becomes done exactly
 * once, though owners die with records in hand; the producer writes over nothing that is not done; the floor's count
 * belongs to the floor; all ends. BROKEN 1 to 4: a mistake that the model must find.
 */
#ifndef BROKEN
#define BROKEN 0
#endif
#ifndef RECORDS
#define RECORDS 4
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#define N 2          /* slots */
#define MEMBERS 2
#define DONE 9       /* owners: 0 nobody, 1 + member, DONE */

byte low[N], high[N], stamp_sequence[N], stamp_owner[N];
byte head_at, floor_at; bit floor_mark; byte floor_count[2];
byte crashes = CRASHES;
byte ghost_done[RECORDS], ghost_ended;

#define MAY_DIE if :: atomic { crashes > 0 -> crashes--; goto died } :: skip fi
#define SLOT(x) ((x) % N)

active proctype producer()
{
    byte at, floor, passed;
    bit mark;

lives:
    atomic { at = head_at; floor = floor_at; mark = floor_mark; passed = floor_count[floor_mark] };
    assert(passed == floor);    /* all that the floor passed was delivered */
next:
    if
    :: at == RECORDS && floor == at -> goto ended
    :: at < RECORDS && at < floor + N -> goto write
    :: else -> skip
    fi;
    /* move the floor over one that is done, or wait */
    stamp_owner[SLOT(floor)] == DONE || BROKEN == 4;
    MAY_DIE;
    floor_count[1 - mark] = passed + 1;
    MAY_DIE;
    atomic { mark = 1 - mark; floor++; passed++; floor_at = floor; floor_mark = mark };
    goto next;
write:
    MAY_DIE;
    low[SLOT(at)] = at;
    MAY_DIE;
    high[SLOT(at)] = at;
    MAY_DIE;
    atomic { stamp_sequence[SLOT(at)] = at; stamp_owner[SLOT(at)] = 0 };
    MAY_DIE;
    atomic { at++; head_at = at };
    goto next;
died:
    atomic { at = 0; floor = 0; passed = 0; mark = 0 };
    goto lives;
ended:
    ghost_ended++
}

proctype member(byte me)    /* 1, 2 */
{
    byte at, sequence, owner, a, b;

lives:
#if BROKEN == 3
    at = head_at;
#else
    at = floor_at;
#endif
next:
    MAY_DIE;
    if
    :: at < head_at -> skip
    :: head_at == RECORDS && at >= head_at -> goto ended
    fi;
    atomic { sequence = stamp_sequence[SLOT(at)]; owner = stamp_owner[SLOT(at)] };
    if    /* what was seen there may have been anything */
    :: BROKEN != 2 && floor_at > at -> at = floor_at; goto next
    :: else -> skip
    fi;
    if
    :: owner == 0 ->
        if    /* take it: a compare-and-set of the stamp */
        :: atomic { (stamp_sequence[SLOT(at)] == sequence || BROKEN == 1) && stamp_owner[SLOT(at)] == 0 ->
                    stamp_owner[SLOT(at)] = me }
        :: atomic { stamp_sequence[SLOT(at)] != sequence || stamp_owner[SLOT(at)] != 0 -> goto next }
        fi
    :: owner == me -> skip
    :: owner != 0 && owner != me -> at++; goto next
    fi;
    a = low[SLOT(at)];
    MAY_DIE;
    b = high[SLOT(at)];
    assert(a == at && b == at);
    MAY_DIE;
    atomic {
        assert(stamp_sequence[SLOT(at)] == at && stamp_owner[SLOT(at)] == me);
        stamp_owner[SLOT(at)] = DONE;
        ghost_done[at]++;
        assert(ghost_done[at] == 1);
        at++; a = 0; b = 0; owner = 0; sequence = 0
    };
    goto next;
died:
    atomic { at = 0; sequence = 0; owner = 0; a = 0; b = 0 };
    goto lives;
ended:
    ghost_ended++
}

init
{
    byte i;
    run member(1);
    run member(2);
    ghost_ended == 3;
    for (i : 0 .. RECORDS - 1) { assert(ghost_done[i] == 1) }
}
