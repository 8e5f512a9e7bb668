/*
 * image: one ELF file of this host, build-id checked, opened with libdw: its bytes, its symbols
 * sorted by address, its unwind tables and line tables. Addresses here are the file's own (bias 0),
 * so that an image serves wherever it was mapped. Private to formats/.
 */
#ifndef FORMATS_IMAGE_H
#define FORMATS_IMAGE_H

#include "formats/module.h"

struct elfhead;
struct image;

/*
 * The image of a module: opened when first asked for. NULL: no file. Where only a debug file is at
 * hand, the image has symbols and lines, and no bytes.
 */
struct image *modules_image(struct modules *modules, const struct module *module);

/*
 * The vdso of the core's memory as an image, and in *vdso its place (empty where the core does not
 * tell it). NULL: not saved.
 */
struct image *modules_vdso(const struct core *core, struct modules *modules,
                           const struct module **vdso);

/*
 * Opens a module's separate debug file: as hostfile_open_debug, else from a server, where
 * --debuginfod allows it. What goes wrong becomes a warning of modules. module needs a build-id and
 * no place.
 */
int modules_open_debug(struct modules *modules, const struct module *module, const char *link,
                       const char **path);

/* A warning of modules, once. text: its pool's; NULL: nothing. */
void modules_complain(struct modules *modules, const char *text);

struct symbolizer;
void symbolizer_free(struct symbolizer *sym);

/* libdw's handles, by their struct tags. */
struct Dwfl;
struct Dwfl_Module;
struct Dwarf;
struct Dwarf_CFI_s;
struct image_symbol;

struct image {
	struct elfhead *head; /* program headers */
	const uint8_t *raw;   /* the file's bytes; NULL: debug information only */
	size_t raw_size;
	struct Dwfl *dwfl;
	struct Dwfl_Module *module;
	struct image_symbol *symbol; /* sorted; loaded by image_symbol_at */
	size_t nsymbols;
	struct image_symbol *tls; /* thread-local ones, by their offset into the module's TLS */
	size_t ntls;
	bool symbols_loaded;
	bool alt_tried;
	int alt_fd; /* of the debug file that is shared with others (dwz); -1: none */
	struct Dwarf *alt;
	struct codescope *scope; /* NULL: not asked for yet */
	struct linetable *lines; /* the same */
	/* for libdw's request for debug information */
	struct modules *owner;
	const struct module *of; /* NULL: the vdso */
};

/* From a file descriptor, which is consumed in any case. NULL: libdw does not take it. */
struct image *image_open(struct modules *owner, const struct module *of, const char *path, int fd,
                         bool has_code);
void image_close(struct image *image);

/* Copies bytes of the file; false when they are not all there. */
bool image_bytes(const struct image *image, uint64_t offset, void *dst, uint64_t len);

/*
 * The symbol that covers at: its name as in the file (NULL: none), in *name the same for people,
 * and the distance from it. Both live as long as the modules.
 */
const char *image_symbol_at(struct image *image, uint64_t at, const char **name, uint64_t *offset);

/* The same for thread-local variables; at is an offset into the module's TLS. */
const char *image_tls_symbol_at(struct image *image, uint64_t at, const char **name,
                                uint64_t *offset);

/* The debug information; what it shares with others (dwz) is in image.alt then. Add *bias to
 * addresses in it. NULL: none at hand. */
struct Dwarf *image_debug(struct image *image, uint64_t *bias);

/* Unwind tables: .eh_frame, else (debug true) .debug_frame. NULL: none. Add *bias to addresses in
 * them. */
struct Dwarf_CFI_s *image_cfi(const struct image *image, bool debug, uint64_t *bias);

#endif
