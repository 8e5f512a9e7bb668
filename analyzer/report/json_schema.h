/*
 * json_schema: parts of the JSON Schema of the report that are in files of their own; lines, with '
 * for ", and NULL at the end. They stand among its $defs.
 */
#ifndef ANALYZER_REPORT_JSON_SCHEMA_H
#define ANALYZER_REPORT_JSON_SCHEMA_H

#include <stddef.h>

extern const char *const json_schema_diff[];

#endif
