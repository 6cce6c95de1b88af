/* weir/status.h - what a call can say, and the marks that every public function carries.
 *
 * A bug in the caller (a null pointer, a misaligned block) stops the process with an assertion.
 * Whatever the world can cause (input, files, a budget too small) comes back as a weir_status and
 * has to be checked: the compiler warns where it is not. On any status but WEIR_OK nothing has
 * changed, unless the function says otherwise.
 */
#ifndef WEIR_STATUS_H
#define WEIR_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_API        __attribute__((visibility("default")))
#define WEIR_MUST_CHECK __attribute__((warn_unused_result))

typedef enum weir_status {
    WEIR_OK           = 0,
    WEIR_END          = 1,  /* no more of them: the expected end of a sequence */
    WEIR_AGAIN        = 2,  /* not yet: call again with more input */
    WEIR_ERR_RANGE    = 3,  /* a parameter outside its documented range */
    WEIR_ERR_SPACE    = 4,  /* the block given is too small */
    WEIR_ERR_FORMAT   = 5,  /* bytes that are not what they should be */
    WEIR_ERR_MISMATCH = 6,  /* two states whose parameters or hash differ */
    WEIR_ERR_IO       = 7,  /* the operating system refused; the errno is kept where said */
    WEIR_ERR_FULL     = 8,  /* a fixed table has no room left */
    WEIR_ERR_PEER     = 9,  /* the process at the other end died, or broke the rules */
    WEIR_ERR_CUT      = 10  /* not served: disconnected for being slow, or not joined */
} weir_status;

/* The name of a status, for messages: "ok", "range", ... Never NULL. */
WEIR_API const char *weir_status_name(weir_status status);

#ifdef __cplusplus
}
#endif
#endif
