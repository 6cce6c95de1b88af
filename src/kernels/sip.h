/* sip.h - the rounds of SipHash over `word`, which the including file defines first: uint64_t, or a vector of them
 * (gcc's and clang's vector types add, xor and shift lane by lane).
 *
 *   v0 ^ k0 ^ c0   v1 ^ k1 ^ c1   v2 ^ k0 ^ c2   v3 ^ k1 ^ c3       c: "somepseudorandomlygeneratedbytes"
 *   each 8 bytes m:  v3 ^= m, rounds, v0 ^= m;   last m: the rest, and the length in its top byte
 *   v2 ^= 255, rounds, v0 ^ v1 ^ v2 ^ v3
 */
typedef struct sip { word v0, v1, v2, v3; } sip;

#define SIP_TURN(x, by) ((x) << (by) | (x) >> (64 - (by)))

static inline __attribute__((always_inline)) void sip_rounds(sip *s, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        s->v0 += s->v1, s->v1 = SIP_TURN(s->v1, 13), s->v1 ^= s->v0, s->v0 = SIP_TURN(s->v0, 32);
        s->v2 += s->v3, s->v3 = SIP_TURN(s->v3, 16), s->v3 ^= s->v2;
        s->v0 += s->v3, s->v3 = SIP_TURN(s->v3, 21), s->v3 ^= s->v0;
        s->v2 += s->v1, s->v1 = SIP_TURN(s->v1, 17), s->v1 ^= s->v2, s->v2 = SIP_TURN(s->v2, 32);
    }
}

static inline __attribute__((always_inline)) sip sip_start(word zero, uint64_t key_low, uint64_t key_high)
{
    return (sip){ zero + (key_low ^ UINT64_C(0x736f6d6570736575)), zero + (key_high ^ UINT64_C(0x646f72616e646f6d)),
                  zero + (key_low ^ UINT64_C(0x6c7967656e657261)), zero + (key_high ^ UINT64_C(0x7465646279746573)) };
}

static inline __attribute__((always_inline)) void sip_take(sip *s, word m, unsigned rounds)
{
    s->v3 ^= m;
    sip_rounds(s, rounds);
    s->v0 ^= m;
}

static inline __attribute__((always_inline)) word sip_end(sip *s, unsigned rounds)
{
    s->v2 ^= 0xff;
    sip_rounds(s, rounds);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}
