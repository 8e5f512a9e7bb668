/*
 * instance: which execution of a program a core is of. The kernel gives each 16 random bytes at
 * exec (AT_RANDOM in the auxiliary vector: Linux fs/binfmt_elf.c create_elf_tables); they stay on
 * the stack, the same in every snapshot of the process and in its forks, and in no other process.
 *
 * They are secret (glibc makes its stack and pointer guards of them), so they are never shown: a
 * keyed hash of a constant stands for them, and they serve as the key for what reports keep of
 * contents (imprint.h).
 */
#ifndef ANALYZER_PROCESS_INSTANCE_H
#define ANALYZER_PROCESS_INSTANCE_H

#include "analyzer/site/siphash.h"
#include "formats/core.h"

/* False: the core does not have them, or they are zeroes (a damaged or partial core). */
bool instance_key(const struct core *core, struct siphash_key *key);

/* What a report shows of it: not the key, and the key cannot be had from it. */
uint64_t instance_name(const struct siphash_key *key);

#endif
