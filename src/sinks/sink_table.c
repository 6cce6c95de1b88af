#include "sinks/sink.h"
#include "parsers/cells.h"
void sink_table(struct out *out, const struct report *report, const struct table_options *options) { sink_ndjson(out, report); }
