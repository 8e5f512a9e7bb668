/*
 * entrance: calls into a library that keeps blocks which it asks for itself (regcomp, setlocale,
 * opendir ...): which of a library's sites each function that it has for others comes to, by direct
 * calls, and where other modules call such functions. What is called by way of a pointer is not
 * seen. Private to index.
 */
#ifndef ANALYZER_CODE_ENTRANCE_H
#define ANALYZER_CODE_ENTRANCE_H

#include "analyzer/code/build.h"

/* Once out has its sites. */
void reach_entrances(const struct functions *functions, struct site_index *out);

/* The calls of entrances of other modules, by name; of what is called all over, none. */
void reach_uses(const struct functions *functions, const struct site_others *others,
                struct site_index *out);

#endif
