/*
 * refcore: an x86-64 or i386 core file for the reference marker, as plain as can be: what is
 * mapped, what is saved, the words of the registers. It shares nothing with the program under test.
 */
#ifndef TRUTH_REFCORE_H
#define TRUTH_REFCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load {
	uint64_t start, saved_end, end; /* [saved_end, end): mapped, not in the file */
	const uint8_t *bytes;
	uint32_t flags; /* PF_R, PF_W, PF_X */
};

struct lwp {
	uint32_t tid;
	uint64_t sp, fs_base; /* fs_base: the thread pointer, on i386 gs's */
	uint64_t gs;          /* i386: its selector */
	uint64_t word[512];   /* every general register and every word of a vector register */
	int words;
};

struct file_line {
	uint64_t start, end;
	const char *path;
};

struct core {
	unsigned width; /* bytes of a word: 8, or 4 on i386 */
	struct load *load;
	int loads;
	struct lwp *lwp;
	int lwps;
	struct file_line *file;
	int files;
};

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *grab(size_t n, size_t size); /* zeroed; never fails */
void core_read_file(struct core *core, const char *path);
const struct load *core_load(const struct core *core, uint64_t address); /* NULL: not mapped */
/* The load of an address with those of the same rights that lie next to it, as the kernel splits
 * one mapping where part of it is locked or advised on; empty where it is not mapped. */
struct load core_run(const struct core *core, uint64_t address);
bool core_word(const struct core *core, uint64_t address, uint64_t *word); /* false: not saved */
uint64_t core_must(const struct core *core, uint64_t address);   /* dies where it is not saved */
uint64_t core_must64(const struct core *core, uint64_t address); /* 8 bytes, whatever a word is */
bool core_word64(const struct core *core, uint64_t address, uint64_t *word);
const char *core_path(const struct core *core, uint64_t address); /* "" where there is no file */

#endif
