/*
 * kind: what a site asks for, and what a class of blocks is, by type: containers' nodes and
 * buffers by the names of the C++ library's templates, structs and classes by the variables of the
 * site's function. What is not known says nothing. Private to site.
 */
#ifndef ANALYZER_SITE_KIND_H
#define ANALYZER_SITE_KIND_H

#include "analyzer/site/class.h"
#include "analyzer/type/type.h"
#include "formats/pointee.h"

#define KIND_NAMES 4
#define KIND_HOMES 24

/* Of one site. */
struct site_kind {
	uint8_t holds; /* enum site_holds */
	uint8_t n;     /* names: of the structs of its size that its function points to */
	bool lines;    /* there is debug information */
	bool here;     /* name[0] is what is made on the site's line */
	const char *name[KIND_NAMES];
	uint8_t word[KIND_NAMES][WORDKINDS]; /* enum wordkind, of each */
	uint8_t nhomes;
	struct home home[KIND_HOMES]; /* members that its blocks' addresses may be stored to */
};

/* Of the blocks of one class. */
struct class_kind {
	const char *name; /* of most of the samples whose type is known; NULL: none */
	uint8_t holds;    /* enum site_holds */
	bool exact;       /* the type comes from a vtable */
	bool libc;        /* it is the C library's own: its structures lead to the blocks */
	double share;     /* of the samples */
};

/* analyzer/type/type.h's names, too. */
enum site_holds kind_of_type(const char *name);
struct scorer;
void class_kind_find(const struct scorer *scorer, uint32_t class, struct class_kind *out);

/* The kind of a site: file names of the functions around the call, and variables. */
void site_kind_find(struct modules *modules, const struct module *module,
                    const struct site_index *index, const struct site_entry *site,
                    struct site_kind *out);
/* home.c: its homes. */
void site_homes_find(struct modules *modules, const struct module *module,
                     const struct site_index *index, const struct site_entry *site,
                     struct site_kind *out);

#endif
