/* exit_codes.h - how the program ends: 0, 1, 2 as everywhere, then those of sysexits.h. */
#ifndef WEIR_EXIT_CODES_H
#define WEIR_EXIT_CODES_H

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_DATA = 65, EXIT_NO_INPUT = 66, EXIT_UNAVAILABLE = 69, EXIT_BUG = 70,
       EXIT_CREATE = 73, EXIT_IO = 74, EXIT_PEER = 76, EXIT_PERMISSION = 77, EXIT_NO_FIT = 78 };

#endif
