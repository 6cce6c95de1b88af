/* status.c - names for messages. Contract: weir/status.h, weir/weir.h. */
#include "weir/weir.h"

const char *weir_status_name(weir_status status)
{
    switch (status) {
    case WEIR_OK:           return "ok";
    case WEIR_END:          return "end";
    case WEIR_AGAIN:        return "again";
    case WEIR_ERR_RANGE:    return "range";
    case WEIR_ERR_SPACE:    return "space";
    case WEIR_ERR_FORMAT:   return "format";
    case WEIR_ERR_MISMATCH: return "mismatch";
    case WEIR_ERR_IO:       return "io";
    case WEIR_ERR_FULL:     return "full";
    case WEIR_ERR_PEER:     return "peer";
    case WEIR_ERR_CUT:      return "cut";
    }
    return "unknown";
}

const char *weir_version(void)
{
    return WEIR_VERSION;
}
