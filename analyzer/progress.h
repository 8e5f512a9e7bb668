/*
 * progress: a line on standard error for a person who waits: only on a terminal, only from the
 * second second on, gone before any result is written. It knows nothing of how far the work is.
 */
#ifndef ANALYZER_PROGRESS_H
#define ANALYZER_PROGRESS_H

/* what: "reading core.4711"; made safe for a terminal by the caller. Kept in part. */
void progress_start(const char *what);
/* Wipes the line and stops the clock. Harmless where none was started. */
void progress_stop(void);

#endif
