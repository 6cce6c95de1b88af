/* assert.h - bugs stop the process, in release builds too.
 *
 * WEIR_ASSERT guards contracts on control paths: a false one is a bug in this program, the process
 * says where and ends with exit code 70. WEIR_DEBUG_ASSERT is for hot loops and exists only in
 * debug and sanitizer builds (-DWEIR_DEBUG). Neither is for what the world can cause.
 */
#ifndef WEIR_ASSERT_H
#define WEIR_ASSERT_H

_Noreturn void weir_bug(const char *condition, const char *file, int line);

#define WEIR_ASSERT(cond) \
    do { if (__builtin_expect(!(cond), 0)) weir_bug(#cond, __FILE__, __LINE__); } while (0)

#ifdef WEIR_DEBUG
#define WEIR_DEBUG_ASSERT(cond) WEIR_ASSERT(cond)
#else
#define WEIR_DEBUG_ASSERT(cond) do { (void)sizeof(cond); } while (0)
#endif

#define WEIR_TRY(e) do { weir_status s_ = (e); if (s_ != WEIR_OK) return s_; } while (0)

#endif
