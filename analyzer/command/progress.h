/*
 * progress: a line on standard error for a person who waits: what is being done, how much of it is,
 * how fast, how long it will still take. Only on a terminal, only from the second second on, gone
 * before any result is written.
 */
#ifndef ANALYZER_COMMAND_PROGRESS_H
#define ANALYZER_COMMAND_PROGRESS_H

#include "formats/stage.h"

#include <stddef.h>

/* what: "reading core.4711"; made safe for a terminal by the caller. Kept in part. */
void progress_start(const char *what);
/* Wipes the line and stops the clock. Harmless where none was started. */
void progress_stop(void);
/* Wipes the line; for handlers of signals that end the program. */
void progress_wipe(void);

/*
 * "walking the heap, 43%, 1.90 GiB/s, 2 s left": as much of it as is known at the time `clock`.
 * Cut off to fit; ends in a 0 byte. Returns its bytes. For handlers of signals, too.
 */
size_t progress_text(const struct stage *stage, uint64_t clock, char *to, size_t room);

#endif
