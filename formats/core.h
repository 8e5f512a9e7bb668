/*
 * core: an ELF core file (kernel, gdb's gcore or qemu) of a known machine as memory of a dead
 * process: its segments, what of them is saved, its threads and notes. It has never heard of
 * malloc, symbols or what a mapping is for. Nothing read from the file is trusted: every range is
 * checked.
 *
 * Three facts are kept apart: bytes that are *saved* in the file; bytes that were *mapped* but not
 * saved (never touched, left out by coredump_filter or MADV_DONTDUMP: a core does not tell which);
 * bytes that were saved but lie beyond a *truncated* file's end.
 */
#ifndef FORMATS_CORE_H
#define FORMATS_CORE_H

#include "formats/machine.h"

enum segment_flag {
	SEG_X = 1, /* as ELF's p_flags */
	SEG_W = 2,
	SEG_R = 4,
	SEG_TAGGED = 8, /* mapped with PROT_MTE: aarch64's memory tags are saved beside it */
};

/* A mapping of the dead process. Sorted by address, never overlapping. */
struct segment {
	vaddr start, end;   /* page aligned in kernel cores; not assumed */
	vaddr saved_end;    /* [start, saved_end) is in the file; beyond it: mapped, NOT saved */
	vaddr meant_end;    /* what the file's header says is saved; > saved_end: truncated file */
	const uint8_t *mem; /* bytes of [start, saved_end) in our mapping of the file */
	vaddr run_end;   /* from mem on, saved bytes lie in one piece up to here (>= saved_end) */
	uint64_t offset; /* of mem in the core file, bytes */
	unsigned flags;  /* enum segment_flag */
	int file; /* index into core.files, -1: anonymous (hugetlb, memfd, SysV, /dev/zero too) */
	bool absent; /* no program header: known from the file map only (gcore leaves those out) */
};

/*
 * A range of the core file that occupies no disk: pages that were never touched, and in an unpacked
 * core all pages of zeroes. File offsets.
 */
struct hole {
	uint64_t start, end;
};

/* One line of the NT_FILE note. */
struct filemap {
	vaddr start, end;
	uint64_t offset;  /* into the file, bytes */
	const char *path; /* as the dead process saw it; owned by core */
	bool anonymous; /* a name for memory without a file: "/anon_hugepage (deleted)", "/memfd:x"
	                   ... */
};

struct thread {
	int tid;
	int signal;                  /* this thread's pr_cursig; 0 none */
	uint64_t regs[MACHINE_REGS]; /* as machine.reg names them; 0 where the core has none */
	const uint8_t *fpregs;       /* NT_FPREGSET; NULL if none */
	size_t fpregs_size;
	const uint8_t *wide; /* the note that machine.wide_note names; NULL if none */
	size_t wide_size;
};

enum core_kind {
	CORE_KERNEL,   /* written by Linux fs/binfmt_elf.c (or in its manner) */
	CORE_GCORE,    /* written by gdb's gcore / generate-core-file */
	CORE_VALGRIND, /* written by valgrind of the program that died in it */
};

struct core {
	const char *path; /* as given; owned */
	const struct machine *machine;
	uint64_t file_size;      /* bytes, of what was unpacked if it was compressed */
	uint64_t given_size;     /* bytes of the file or pipe as given: compressed, if it was */
	const char *compression; /* "zstd", "lz4", "xz", "gzip"; "none" */
	const char *trouble;     /* why not all came out of a compressed file; NULL: all did */
	bool damaged;            /* and what came out may be wrong in places */
	bool bad_headers; /* program headers cannot be true: their memory is missing or wrong */
	enum core_kind kind;
	bool truncated;   /* some segment's saved bytes lie beyond the end of the file */
	uint64_t missing; /* bytes that the headers promise and the file does not have */
	bool sparse;      /* the file has holes */
	bool scarce;      /* it has more than fits into memory (scarce.h) */
	struct segment *seg;
	size_t nseg;
	struct filemap *files;
	size_t nfiles;
	struct thread
		*thread; /* first: the thread that dumped (kernel) or the current one (gcore) */
	size_t nthreads;
	uint64_t *auxv; /* pairs of AT_* and value */
	size_t nauxv;   /* pairs */
	int pid, signal;
	uint32_t signal_code; /* siginfo's si_code; meaningful if has_siginfo */
	vaddr fault_addr; /* siginfo's si_addr; meaningful for SIGSEGV, SIGBUS, SIGILL, SIGFPE */
	bool has_siginfo;
	char comm[17];      /* prpsinfo pr_fname */
	char args[81];      /* prpsinfo pr_psargs: may hold secrets, never printed unasked */
	unsigned page_size; /* AT_PAGESZ, else 4096 */
	/* how notes were damaged, as sentences; empty when all is well */
	const char **warning;
	size_t nwarnings;
	/* private to core.c and notes.c */
	struct pool pool;
	struct hole *hole; /* sorted, by file offset */
	size_t nholes;
	void *map;
	uint64_t map_size;
	uint64_t *noted; /* core_note_written: bit by page of the map; NULL: none */
	int fd;
};

static inline uint64_t thread_pc(const struct core *core, size_t thread)
{
	return core->thread[thread].regs[core->machine->pc];
}
static inline vaddr thread_sp(const struct core *core, size_t thread)
{
	return core->thread[thread].regs[core->machine->sp];
}

/* A word as an address: without the bits that this machine does not look at. */
static inline vaddr core_pointer(const struct core *core, uint64_t word)
{
	return word & core->machine->pointer_mask;
}

/*
 * Opens a core, plain or compressed; path "-" is standard input (see input.h). Fails where path is
 * no ELF core file of a known machine: the message says what it is instead and the remedy. On
 * success *core is owned by the caller: core_close.
 */
bool core_open(const char *path, struct core **core, struct err *err);
void core_close(struct core *core); /* accepts NULL */

/* The segment that maps at, or NULL. O(log n). */
const struct segment *core_segment(const struct core *core, vaddr at);

/*
 * Our view of saved bytes at an address: a pointer valid while the core is open, and in *avail how
 * many bytes can be read from it (crossing into following segments where the file keeps them
 * together). NULL when the byte at this address is not saved.
 */
const uint8_t *core_bytes(const struct core *core, vaddr at, uint64_t *avail);

/* As core_bytes, but NULL unless all len bytes are there in one piece. */
const uint8_t *core_at(const struct core *core, vaddr at, uint64_t len);

/* Copies saved bytes, also across pieces. False (dst undefined) when any byte is not saved. */
bool core_read(const struct core *core, vaddr at, void *dst, uint64_t len);
bool core_read64(const struct core *core, vaddr at, uint64_t *value);
bool core_read32(const struct core *core, vaddr at, uint32_t *value);
/* A word of the dead process, as wide as its machine has them. */
bool core_read_word(const struct core *core, vaddr at, uint64_t *value);

/* A cursor that remembers the piece it last read from: for walks. Start with { .core = core }. */
struct view {
	const struct core *core;
	vaddr lo, hi;       /* saved bytes of the piece */
	const uint8_t *mem; /* of lo */
};
bool view_move(struct view *view, vaddr at); /* to the piece that holds at; false: not saved */

/* As core_at, through the cursor. */
static inline const uint8_t *view_at(struct view *view, vaddr at, uint64_t len)
{
	if ((at < view->lo || at >= view->hi) && !view_move(view, at))
		return NULL;
	return len <= view->hi - at ? view->mem + (at - view->lo) : NULL;
}
static inline bool view_read64(struct view *view, vaddr at, uint64_t *value)
{
	const uint8_t *p = view_at(view, at, 8);

	if (!p)
		return core_read64(view->core, at, value);
	*value = load64(p);
	return true;
}
/* A word; word: core->machine->word, as a constant where time counts. */
static inline bool view_read_word(struct view *view, vaddr at, uint64_t *value, unsigned word)
{
	const uint8_t *p;

	if (word == 8)
		return view_read64(view, at, value);
	p = view_at(view, at, 4);
	if (!p)
		return core_read_word(view->core, at, value);
	*value = load32(p);
	return true;
}

/* The line of the file map that covers at, or NULL. */
const struct filemap *core_file(const struct core *core, vaddr at);

/* Value of an AT_* entry of the auxiliary vector; false if there is none. */
bool core_auxv(const struct core *core, uint64_t type, uint64_t *value);

/*
 * Bytes of [start, end) that were resident as far as the saved pages tell: saved pages that are not
 * all zero. A kernel's sparse core could tell a page that was never touched (a hole) from one that
 * zeroes were written to, but a core that was copied, compressed, sent through a pipe or written by
 * gcore cannot: so that the same process gives the same numbers, neither counts.
 */
uint64_t core_resident(const struct core *core, vaddr start, vaddr end);
/*
 * The page that has this address has something in it other than zeroes: core_resident need not look
 * at it again. Kept only of a core that does not fit into memory. By any number of threads.
 */
void core_note_written(const struct core *core, vaddr at);

/* Private to core_open: fills in hole, nholes and sparse. */
void core_find_holes(struct core *core);

#endif
