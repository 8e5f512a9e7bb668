#include "analyzer/site/place.h"

static bool starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* Functions that only hand on what they are asked for. */
static bool hands_on(const char *function)
{
	return function && (site_allocator_named(function) || starts(function, "operator new"));
}

/* Headers of the language and the system. */
static bool foreign(const char *file)
{
	return !file || starts(file, "/usr/include/") || starts(file, "/usr/lib/") ||
	       strstr(file, "/include/c++/");
}

size_t site_place_step(const struct inlined *at, size_t n)
{
	size_t i = 0;

	while (i + 1 < n && (foreign(at[i].file) || hands_on(at[i].function)))
		i++;
	if (i + 1 == n && foreign(at[i].file)) /* all of it is: the innermost, then */
		i = 0;
	return i;
}

void site_place(const struct core *core, struct modules *modules, const struct module *module,
                uint64_t call, struct site *out)
{
	struct inlined at[INLINED_MOST];
	struct symbol symbol;
	size_t n = module_inlined(modules, module, call + module->bias, at, INLINED_MOST), i;

	module_symbol(core, modules, call + module->bias, true, &symbol);
	out->module = module->path;
	out->offset = call;
	out->line = UINT64_MAX;
	out->function = symbol.name;
	out->file = NULL;
	i = site_place_step(at, n);
	if (!n || at[i].line <= 0)
		return;
	if (i + 1 < n && at[i].function)
		out->function = at[i].function;
	out->file = at[i].file;
	out->line = (uint64_t)at[i].line;
}
