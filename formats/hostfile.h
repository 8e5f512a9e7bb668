/*
 * hostfile: looks on this host for the file that the dead process had mapped, and for its separate
 * debug file. A file counts only when its build-id is the one asked for. Files are named by the
 * core, which may be hostile: only regular files are opened, and nothing is read from them before
 * their build-id was seen but headers and notes. Private to formats/.
 */
#ifndef FORMATS_HOSTFILE_H
#define FORMATS_HOSTFILE_H

#include "formats/module.h"

/*
 * Sets file or file_missing. The module's build_id and header are known. Returns a sentence with
 * its remedy where the right file is damaged, whether it is used or not; NULL: it is not.
 */
const char *hostfile_find(struct pool *pool, const struct module_options *where, bool exe,
                          struct module *module);

/* Why this file is not the module's, in words; NULL: it is. */
const char *hostfile_refusal(const struct module *module, const char *path);

/* Opens module->file, again only with the right build-id. The caller closes; -1: it is gone. */
int hostfile_open(const struct module *module);

/*
 * Opens the separate debug file of a module: by build-id below debug_dir, sysroot/usr/lib/debug and
 * /usr/lib/debug, then link (of .gnu_debuglink, may be NULL) by path and file as gdb does, which
 * are NULL for what is none but a build-id. The link's checksum is not looked at: the build-id says
 * more. Its path goes to *path (pool), and what there is to say of a damaged one to *complaint.
 * -1: none.
 */
int hostfile_open_debug(struct pool *pool, const struct module_options *where,
                        const struct module *module, const char *link, const char **path,
                        const char **complaint);

/*
 * The same from debuginfod servers, or (debug false) the file with the code. -1: none; *refused is
 * then the reason why what they sent, which is at *path, is not used, or NULL.
 */
struct debuginfod;
int hostfile_fetch(struct pool *pool, struct debuginfod *server, const struct module *module,
                   bool debug, const char **path, const char **refused);

#endif
