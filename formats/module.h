/*
 * module: which ELF file was mapped where in the dead process, its build-id as the core's memory
 * shows it, and its file on disk, which is used only when its build-id is the same. Address to
 * symbol and line through libdw. It knows nothing of malloc.
 */
#ifndef FORMATS_MODULE_H
#define FORMATS_MODULE_H

#include "formats/core.h"

#define BUILD_ID_MAX 64

struct module {
	const char *path; /* as the dead process saw it */
	vaddr start, end; /* lowest and highest address mapped from it, .bss included */
	vaddr bias;       /* run-time address minus the file's virtual address; no header: start */
	uint8_t build_id[BUILD_ID_MAX];
	size_t build_id_size;       /* 0: unknown (header page not saved, or none) */
	bool header;                /* its ELF header could be read from the core */
	vaddr data_start, data_end; /* writable PT_LOADs in memory, .bss included; 0,0: unknown */
	uint64_t tls_size;          /* PT_TLS p_memsz, bytes */
	const char *file;           /* on this host, build-id checked; NULL: none */
	const char *file_missing;   /* why file is NULL: "not found", "build-id differs", ... */
	bool nameless;              /* a name in it was asked for, and no file was there to tell */
};

/* Where files are looked for. All may be NULL. */
struct module_options {
	const char *sysroot, *exe, *debug_dir;
	bool debuginfod; /* servers may be asked for what is nowhere else */
	bool no_cache;   /* what is worked out from files is neither kept nor taken from before */
	bool no_sites;   /* no machine code is read for where blocks were allocated */
};

struct modules {
	struct module *v; /* sorted by start; the vdso is not among them */
	size_t n;
	size_t exe;                  /* index of the executable; n if unknown */
	struct module_options where; /* as given to modules_find; the caller's strings */
	struct pool pool;
	/* what went wrong with files, as sentences with their remedy; more may come as more is
	 * asked
	 */
	ARRAY(const char *) warnings;
	struct symbolizer *sym; /* private; NULL until first needed */
};

/*
 * Modules are the images that a loader mapped: a file that is only read through mmap, ELF or not,
 * is none. A core without NT_FILE has no modules. opt may be NULL. *out is owned by the caller.
 */
void modules_find(const struct core *core, const struct module_options *opt, struct modules *out);
void modules_free(struct modules *modules);

/* The module's file, as its member tells, or else from a server, if that is allowed; NULL: none. */
const char *modules_file(struct modules *modules, const struct module *module);

/* The module that at lies in, .bss included; NULL: none. */
const struct module *module_at(const struct modules *modules, vaddr at);

/* Is it the C or C++ library, or the loader, by its file's name? */
bool module_is_runtime(const struct module *module);

/*
 * Lets core memory that was not saved (text, rodata) be read from the module's checked file: as
 * core_read, saved bytes first. Never fills memory that is or was writable (RELRO), nor bytes that
 * a truncated core lost.
 */
bool module_read(const struct core *core, struct modules *modules, vaddr at, void *dst,
                 uint64_t len);

/* glibc's version from libc's file (banner in .rodata), e.g. "2.36"; NULL if it is not at hand. */
const char *modules_libc(const struct core *core, struct modules *modules,
                         const struct module **libc);

struct symbol {
	const char *name; /* for people: demangled where it is a C++ name; NULL: none */
	const char *raw;  /* as in the symbol table */
	uint64_t offset;  /* at - symbol's address */
	const char *file; /* source file; NULL: no line information */
	int line;
	const struct module *module; /* the vdso, "[vdso]", too; NULL: in no module */
	uint64_t module_offset;      /* at - module's bias: what addr2line wants */
};

/* What is at an address: function or object. call_site: look up at - 1 for the line. */
void module_symbol(const struct core *core, struct modules *modules, vaddr at, bool call_site,
                   struct symbol *out);

#endif
