/*
 * Address to symbol and line, and the images that this takes: one a module, opened when first
 * needed.
 */
#include "formats/debuginfod.h"
#include "formats/elfhead.h"
#include "formats/hostfile.h"
#include "formats/image.h"
#include "formats/linetable.h"

#include <sys/mman.h>
#include <unistd.h>

#define VDSO_MAX (64u << 10) /* bytes; the kernel's have two pages */

struct symbolizer {
	struct image **image; /* by module */
	bool *tried;          /* by module */
	bool *asked;          /* by module: a server, for its file */
	size_t n;
	struct image *vdso;
	struct module vdso_module; /* path and place, for those who ask what is at an address */
	bool vdso_tried;
	struct debuginfod *server; /* NULL until it is asked */
	bool told;                 /* its trouble */
	bool refused;              /* something that it sent, and that was told */
};

static struct symbolizer *symbolizer(struct modules *modules)
{
	struct symbolizer *sym = modules->sym;

	if (!sym) {
		sym = modules->sym = mem_alloc(1, sizeof(*sym));
		sym->n = modules->n;
		sym->image = mem_alloc(sym->n, sizeof(struct image *));
		sym->tried = mem_alloc(sym->n, sizeof(*sym->tried));
		sym->asked = mem_alloc(sym->n, sizeof(*sym->asked));
	}
	return sym;
}

void symbolizer_free(struct symbolizer *sym)
{
	if (!sym)
		return;
	for (size_t i = 0; i < sym->n; i++)
		image_close(sym->image[i]);
	image_close(sym->vdso);
	debuginfod_close(sym->server);
	mem_free(sym->image);
	mem_free(sym->tried);
	mem_free(sym->asked);
	mem_free(sym);
}

/*
 * Asks servers for a module's file or debug file, where --debuginfod allows it; as hostfile_fetch.
 */
static int modules_fetch(struct modules *modules, const struct module *module, bool debug,
                         const char **path)
{
	struct symbolizer *sym = symbolizer(modules);
	const char *refused, *trouble, *text;
	int fd;

	if (!modules->where.debuginfod || !module->build_id_size)
		return -1;
	if (!sym->server)
		sym->server = debuginfod_open();
	fd = hostfile_fetch(&modules->pool, sym->server, module, debug, path, &refused);
	if (refused && !sym->refused) {
		sym->refused = true;
		text = pool_printf(
			&modules->pool,
			"--debuginfod: what came for %s is not used: %s; it is %s: delete "
			"it, and ask another server (DEBUGINFOD_URLS)",
			module->path ? module->path : "a shared debug file", refused, *path);
		modules_complain(modules, text);
	}
	trouble = debuginfod_trouble(sym->server);
	if (trouble && !sym->told) {
		sym->told = true;
		text = pool_copy(&modules->pool, trouble);
		modules_complain(modules, text);
	}
	return fd;
}

int modules_open_debug(struct modules *modules, const struct module *module, const char *link,
                       const char **path)
{
	const char *said;
	int fd = hostfile_open_debug(&modules->pool, &modules->where, module, link, path, &said);

	modules_complain(modules, said);
	return fd >= 0 ? fd : modules_fetch(modules, module, true, path);
}

const char *modules_file(struct modules *modules, const struct module *module)
{
	struct symbolizer *sym = symbolizer(modules);
	struct module *m = &modules->v[module - modules->v];
	const char *path;
	int fd;

	if (m->file || !modules->where.debuginfod || sym->asked[m - modules->v])
		return m->file;
	sym->asked[m - modules->v] = true;
	fd = modules_fetch(modules, m, false, &path);
	if (fd < 0)
		return NULL;
	close(fd);
	m->file_missing = NULL;
	m->file = path;
	return path;
}

struct image *modules_image(struct modules *modules, const struct module *module)
{
	struct symbolizer *sym = symbolizer(modules);
	size_t i = (size_t)(module - modules->v);
	const char *path = modules_file(modules, module);
	bool has_code = true;
	int fd;

	if (sym->tried[i])
		return sym->image[i];
	sym->tried[i] = true;
	fd = hostfile_open(module);
	if (fd < 0) {
		has_code = false;
		fd = modules_open_debug(modules, module, NULL, &path);
	}
	if (fd >= 0)
		sym->image[i] = image_open(modules, module, path, fd, has_code);
	return sym->image[i];
}

/* The vdso has no file: its saved bytes become one. */
static struct image *open_vdso(const struct core *core, struct modules *modules, vaddr start,
                               uint64_t size)
{
	struct elfhead_source memory = elfhead_memory(core, start);
	const uint8_t *bytes = core_at(core, start, size);
	struct image *image = NULL;
	struct elfhead *head = mem_alloc(1, sizeof(*head));
	int fd = -1;

	if (bytes && elfhead_read(&memory, head) == ELFHEAD_OK && head->type == ET_DYN)
		fd = memfd_create("vdso", MFD_CLOEXEC);
	mem_free(head);
	if (fd < 0)
		return NULL;
	if (write(fd, bytes, size) == (ssize_t)size)
		image = image_open(modules, NULL, "[vdso]", fd, true);
	else
		close(fd);
	return image;
}

struct image *modules_vdso(const struct core *core, struct modules *modules,
                           const struct module **vdso)
{
	struct symbolizer *sym = symbolizer(modules);
	const struct segment *s;
	vaddr at;

	if (!sym->vdso_tried) {
		sym->vdso_tried = true;
		if (core_auxv(core, AT_SYSINFO_EHDR, &at) && (s = core_segment(core, at)) &&
		    s->start == at && s->saved_end - at <= VDSO_MAX) {
			sym->vdso = open_vdso(core, modules, at, s->saved_end - at);
			sym->vdso_module = (struct module){ .path = "[vdso]",
				                            .start = at,
				                            .end = s->end,
				                            .bias = at,
				                            .header = sym->vdso != NULL };
		}
	}
	*vdso = &sym->vdso_module;
	return sym->vdso;
}

void module_symbol(const struct core *core, struct modules *modules, vaddr at, bool call_site,
                   struct symbol *out)
{
	const struct module *module = module_at(modules, at);
	vaddr look = at - (call_site && at ? 1 : 0);
	struct image *image;

	*out = (struct symbol){ 0 };
	if (module) {
		image = modules_image(modules, module);
	} else {
		image = modules_vdso(core, modules, &module);
		if (at < module->start || at >= module->end)
			return;
	}
	out->module = module;
	out->module_offset = at - module->bias;
	if (!image && module != &modules->sym->vdso_module)
		modules->v[module - modules->v].nameless = true;
	if (!image)
		return;
	out->raw = image_symbol_at(image, look - module->bias, &out->name, &out->offset);
	if (out->name)
		out->offset += at - look;
	if (!linetable_at(image, look - module->bias, &out->file, &out->line))
		out->file = NULL;
}
