#include "formats/linetable.h"

#include "formats/codescope.h"
#include "formats/idmap.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>

/* Bytes of a unit's table, and of all that are read of one image. */
#define UNIT_MOST  (4u << 20)
#define IMAGE_MOST (16u << 20)

struct linetable {
	const uint8_t *section; /* .debug_line; NULL: none */
	uint64_t size;
	uint64_t left;     /* bytes that may still be read */
	struct idmap seen; /* tables by their place in the section: may it be read? */
};

/* Unpacked, as libdw does that when it opens the file. */
static Elf_Data *line_section(Dwarf *dwarf)
{
	Elf *elf = dwarf_getelf(dwarf);
	Elf_Scn *scn = NULL;
	size_t names;
	GElf_Shdr sh;

	if (!elf || elf_getshdrstrndx(elf, &names))
		return NULL;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name = gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name)
		                                          : NULL;

		if (name && sh.sh_type != SHT_NOBITS &&
		    (!strcmp(name, ".debug_line") || !strcmp(name, ".zdebug_line")))
			return elf_getdata(scn, NULL);
	}
	return NULL;
}

static struct linetable *lines_of(struct image *image)
{
	struct linetable *lines = image->lines;
	Elf_Data *data;
	uint64_t bias;

	if (lines)
		return lines;
	lines = image->lines = mem_alloc(1, sizeof(*lines));
	lines->left = IMAGE_MOST;
	data = line_section(image_debug(image, &bias));
	if (data) {
		lines->section = data->d_buf;
		lines->size = data->d_buf ? data->d_size : 0;
	}
	return lines;
}

/* Bytes of the table at a place of the section, its length included (DWARF 5, 6.2.4). */
static uint64_t table_size(const struct linetable *lines, uint64_t at)
{
	uint64_t head = 4, size;

	if (!range_holds(0, lines->size, at, 12))
		return 0;
	size = load32(lines->section + at);
	if (size == UINT32_MAX) {
		size = load64(lines->section + at + 4);
		head = 12;
	}
	return size > UINT64_MAX - head ? UINT64_MAX : size + head;
}

static void complain(struct image *image, const char *what)
{
	if (image->of)
		modules_complain(image->owner,
		                 pool_printf(&image->owner->pool,
		                             "line tables of %s %s: source lines are missing where "
		                             "they would tell them; get the file or its debug "
		                             "file again",
		                             image->of->path, what));
}

/* A unit without a table may be a split one, which has that of its skeleton. */
static bool may_read(struct image *image, Dwarf_Die *unit)
{
	struct linetable *lines = lines_of(image);
	Dwarf_Attribute attr;
	Dwarf_Word at;
	uint64_t size;
	uint32_t may;

	if (!dwarf_attr(unit, DW_AT_stmt_list, &attr))
		return true;
	if (dwarf_formudata(&attr, &at))
		return false;
	may = idmap_get(&lines->seen, at);
	if (may != IDMAP_NONE)
		return may;
	size = table_size(lines, at);
	may = size <= UNIT_MOST && size <= lines->left;
	lines->left -= may ? size : 0;
	idmap_put(&lines->seen, at, may);
	if (!may)
		complain(image, "are damaged, or too large to be read");
	return may;
}

bool linetable_at(struct image *image, uint64_t at, const char **file, int *line)
{
	Dwarf_Die unit;
	Dwarf_Addr bias;
	Dwarf_Lines *all;
	Dwarf_Line *found;
	size_t n;

	if (!codescope_unit(image, at, &unit) || !image_debug(image, &bias) ||
	    !may_read(image, &unit))
		return false;
	if (dwarf_hasattr(&unit, DW_AT_stmt_list) && dwarf_getsrclines(&unit, &all, &n))
		complain(image, "are damaged");
	found = dwarf_getsrc_die(&unit, at - bias);
	if (!found || dwarf_lineno(found, line) || *line <= 0)
		return false;
	*file = dwarf_linesrc(found, NULL, NULL);
	return *file != NULL;
}

const char *linetable_file(struct image *image, void *unit, uint64_t number)
{
	Dwarf_Files *files;
	size_t n;

	if (!may_read(image, unit) || dwarf_getsrcfiles(unit, &files, &n) || number >= n)
		return NULL;
	return dwarf_filesrc(files, number, NULL, NULL);
}

void linetable_free(struct linetable *lines)
{
	if (!lines)
		return;
	idmap_free(&lines->seen);
	mem_free(lines);
}
