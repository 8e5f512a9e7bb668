/*
 * holder: what keeps growing memory alive: for a growing group some of its new blocks are picked,
 * and the roots from which the shortest chains of pointers lead to them are named. One search over
 * the newest core answers for all groups. It knows nothing of rates.
 */
#ifndef ANALYZER_DIFF_HOLDER_H
#define ANALYZER_DIFF_HOLDER_H

#include "analyzer/diff/growth.h"
#include "analyzer/reach/path.h"
#include "formats/crew.h"

#define HOLDER_GROUPS 5  /* growths that are looked at, the steadiest first */
#define HOLDER_BLOCKS 32 /* of each */
#define HOLDER_KEPT   40 /* groups of a profile */

/*
 * The newest snapshot, a core whose analysis is open. With a thread to spare the search begins at
 * once, beside whatever else is done; else when it is asked for. holders_end, in the same place.
 */
struct holders {
	struct snapshot *newest;
	struct analysis *a; /* its own */
	enum path_from from; /* PATH_ANY where more is possible than reachable: both count */
	struct hand hand;
	struct path_search *search;
};
void holders_begin(struct snapshot *newest, struct holders *out);
void holders_end(struct holders *holders); /* does nothing where none was begun */

/*
 * Sets holder and holder_share of growths of reachable (and possible) groups. last: what became of
 * the newest snapshot's blocks, by id.
 */
void holders_find(struct holders *holders, const struct survival *last, struct growths *growths);

/*
 * For a report with a profile that is saved, of which nobody knows yet what will grow: sets owner
 * of the profile's largest groups.
 */
void holders_keep(struct report *report, struct analysis *a);

#endif
