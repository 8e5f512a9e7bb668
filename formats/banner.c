/*
 * glibc's version by the text that `libc.so.6` prints when it is run (glibc csu/version.c):
 * "GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36."
 */
#include "formats/elfhead.h"
#include "formats/image.h"

static const char intro[] = "GNU C Library (";
#define SEARCH_MAX (256u << 20) /* bytes of a file; it may be huge, and sparse */

static const char mark[] = " release version ";

/* "2.36" out of the text at p, which holds `intro`. */
static const char *version_in(struct pool *pool, const uint8_t *p, size_t left)
{
	const uint8_t *at, *digits;
	size_t n = 0;

	if (left > 256)
		left = 256;
	at = memmem(p, left, mark, sizeof(mark) - 1);
	if (!at)
		return NULL;
	digits = at + sizeof(mark) - 1;
	left -= (size_t)(digits - p);
	while (n < left && n < 16 && ((digits[n] >= '0' && digits[n] <= '9') || digits[n] == '.'))
		n++;
	while (n && digits[n - 1] == '.')
		n--;
	if (n < 3 || !memchr(digits, '.', n) || digits[0] == '.')
		return NULL;
	return pool_strndup(pool, (const char *)digits, n);
}

static const char *search(struct pool *pool, const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n;

	while (p < end) {
		const uint8_t *hit = memmem(p, (size_t)(end - p), intro, sizeof(intro) - 1);
		const char *version = hit ? version_in(pool, hit, (size_t)(end - hit)) : NULL;

		if (version || !hit)
			return version;
		p = hit + 1;
	}
	return NULL;
}

static const char *version_of(const struct core *core, struct modules *modules,
                              const struct module *m)
{
	struct image *image = modules_image(modules, m);
	const char *version = NULL;

	if (image && image->raw)
		version = search(&modules->pool, image->raw,
		                 image->raw_size < SEARCH_MAX ? image->raw_size : SEARCH_MAX);
	for (const struct segment *s = core_segment(core, m->start);
	     !version && s && s < core->seg + core->nseg && s->start < m->end; s++)
		if (s->file >= 0 && !(s->flags & SEG_W) && s->mem &&
		    !strcmp(core->files[s->file].path, m->path))
			version = search(&modules->pool, s->mem, s->saved_end - s->start);
	return version;
}

/* libc.so.6; libc-2.31.so, what it links to before glibc 2.34. */
static bool is_libc(const char *path)
{
	const char *name = base_name(path);

	return !strncmp(name, "libc.so.6", 9) ||
	       (!strncmp(name, "libc-2.", 7) && strstr(name, ".so"));
}

const char *modules_libc(const struct core *core, struct modules *modules,
                         const struct module **libc)
{
	const struct module *found = NULL;

	for (size_t i = 0; i < modules->n && !found; i++)
		if (is_libc(modules->v[i].path))
			found = &modules->v[i];
	if (!found && modules->exe < modules->n) { /* static? then it has the text */
		const struct module *exe = &modules->v[modules->exe];
		const char *version = version_of(core, modules, exe);

		if (libc)
			*libc = version ? exe : NULL;
		return version;
	}
	if (libc)
		*libc = found;
	return found ? version_of(core, modules, found) : NULL;
}
