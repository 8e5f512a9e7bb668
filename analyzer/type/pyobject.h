/*
 * pyobject: CPython's objects, by their types: PyObject_HEAD is {ob_refcnt, ob_type}
 * (Include/object.h), in front of which a container has the collector's two links (PyGC_Head, since
 * 3.8). A type object is one whose own type is `type` (whose type is itself) or derived from it,
 * and which has a name. It knows nothing of blocks.
 */
#ifndef ANALYZER_TYPE_PYOBJECT_H
#define ANALYZER_TYPE_PYOBJECT_H

#include "formats/idmap.h"
#include "formats/module.h"

#define PYOBJECT_REFS_MAX (UINT64_C(1) << 40) /* of an object: more is nonsense */

struct pyclass {
	const char *name; /* "Session", "collections.OrderedDict" */
	uint64_t basic;   /* tp_basicsize: bytes of an instance, at least */
	const void *of;   /* whatever the user keeps of it; NULL at first */
	uint32_t label;   /* the same; 0 at first */
};

struct pyobjects {
	const struct core *core;
	struct modules *modules;
	struct view view;
	unsigned word;
	vaddr lo, hi; /* where type objects may be */
	struct idmap by_address;
	ARRAY(struct pyclass *) classes; /* of type objects that were met; name NULL: it has none */
	struct pool pool;
};

/* Is CPython in this process? The core and its modules must outlive *out; pyobjects_close. */
bool pyobjects_open(const struct core *core, struct modules *modules, struct pyobjects *out);
void pyobjects_close(struct pyobjects *p);

/* Word number `index` at an address. */
bool pyobject_word(struct pyobjects *p, vaddr at, unsigned index, uint64_t *value);

/* The class whose type object is at `type`; NULL: none is there. Lives as long as p. */
struct pyclass *pyobject_type(struct pyobjects *p, uint64_t type);

/* That of the object at `at`; NULL: none is there. */
struct pyclass *pyobject_class(struct pyobjects *p, vaddr at);

#endif
