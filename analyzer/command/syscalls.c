#include "analyzer/command/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

#define TCGETS2_ 0x802c542a /* TCGETS2 of asm-generic/ioctls.h: isatty of glibc 2.42 and newer */

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1 /* si_code of SIGSYS; not in all versions of signal.h */
#endif

/* Names that a machine or an older libseccomp lacks are passed over. */
static const char *const used[] = {
	/* reading files */
	"read", "pread64", "readv", "lseek", "_llseek", "close", "fstat", "fstat64", "newfstatat",
	"fstatat64", "stat", "stat64", "lstat", "lstat64", "statx", "statfs", "statfs64", "fstatfs",
	"fstatfs64", "access", "faccessat", "faccessat2", "fcntl", "fcntl64", "getxattr",
	"listxattr", "readlink", "readlinkat", "getdents64", "getcwd", "dup", "dup2", "dup3",
	"fadvise64", "fadvise64_64", "arm_fadvise64_64", "poll", "ppoll", "ppoll_time64",
	/* the output and the cache: Landlock says where */
	"write", "writev", "pwrite64", "ftruncate", "ftruncate64", "fallocate", "fsync",
	"rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat",
	/* memory */
	"brk", "munmap", "mremap", "madvise", "mincore", "memfd_create",
	/* threads */
	"futex", "futex_time64", "set_robust_list", "set_tid_address", "rseq", "membarrier",
	"sched_yield", "sched_getaffinity", "exit", "exit_group",
	/* signals */
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "sigaltstack",
	"restart_syscall", "setitimer",
	/* who and when */
	"getpid", "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getuid32",
	"geteuid32", "getgid32", "getegid32", "getrusage", "getrlimit", "ugetrlimit", "sysinfo",
	"uname", "getrandom", "time", "gettimeofday", "clock_gettime", "clock_gettime64",
	"clock_getres", "clock_getres_time64", "clock_nanosleep", "clock_nanosleep_time64",
	"nanosleep"
};

/* With some arguments only: where the bits of the mask have this value. */
struct use {
	const char *name;
	unsigned argument;
	uint64_t mask, value;
};

static const struct use used_so[] = {
	/* threads, no processes; there is no clone3, as its flags are out of sight: libc copes */
	{ "clone", 0, CLONE_THREAD, CLONE_THREAD },
	{ "prlimit64", 2, UINT64_MAX, 0 }, /* asking, not setting */
	/* is it a terminal, and how wide */
	{ "ioctl", 1, UINT32_MAX, TCGETS },
	{ "ioctl", 1, UINT32_MAX, TCGETS2_ },
	{ "ioctl", 1, UINT32_MAX, TIOCGWINSZ }
};

static const struct use used_without_network[] = {
	/* reading, or making what is not there yet */
	{ "open", 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY },
	{ "open", 1, O_CREAT | O_EXCL, O_CREAT | O_EXCL },
	{ "openat", 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY },
	{ "openat", 2, O_CREAT | O_EXCL, O_CREAT | O_EXCL },
	/* no code is made or loaded */
	{ "mmap", 2, PROT_EXEC, 0 },
	{ "mmap2", 2, PROT_EXEC, 0 },
	{ "mprotect", 2, PROT_EXEC, 0 }
};

/* With --debuginfod instead of those: libcurl and what it loads, and libdebuginfod's cache. */
static const char *const used_by_network[] = {
	/* those */
	"open", "openat", "mmap", "mmap2", "mprotect",
	/* the network */
	"socket", "socketpair", "connect", "bind", "getsockname", "getpeername", "getsockopt",
	"setsockopt", "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg",
	"shutdown", "select", "_newselect", "pselect6", "pselect6_time64", "epoll_create1",
	"epoll_ctl", "epoll_wait", "epoll_pwait", "eventfd2", "pipe", "pipe2",
	/* the cache */
	"flock", "rmdir", "fchmod", "fchown", "fchdir", "utimensat", "utimensat_time64"
};

/* What nothing here does. */
static const char *const attacks[] = {
	/* other programs, processes and threads */
	"execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev",
	"kill", "tkill", "rt_sigqueueinfo", "pidfd_open", "pidfd_getfd", "pidfd_send_signal",
	/* the network */
	"socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "sendto",
	"sendmsg",
	/* files, past open and rename */
	"creat", "truncate", "link", "linkat", "symlink", "symlinkat", "mknod", "mknodat", "chmod",
	"fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "setxattr", "fsetxattr",
	"rmdir",
	/* the system, and who we are to it */
	"chroot", "pivot_root", "mount", "umount2", "unshare", "setns", "setuid", "setgid",
	"setreuid", "setregid", "setresuid", "setresgid", "setgroups", "capset", "bpf",
	"perf_event_open", "userfaultfd", "io_uring_setup", "keyctl", "add_key", "request_key",
	"init_module", "finit_module", "delete_module", "kexec_load", "reboot"
};

static int attack_number[COUNT(attacks)];
static void (*end_run)(const char *call);

static void refused(int sig, siginfo_t *info, void *context)
{
	const char *name = "clone";

	(void)sig;
	(void)context;
	if (info->si_code != SYS_SECCOMP)
		return;
	for (size_t i = 0; i < COUNT(attacks); i++)
		if (attack_number[i] == info->si_syscall)
			name = attacks[i];
	end_run(name);
}

bool syscalls_can_be_filtered(void)
{
	/* with a filter that cannot be read: only who has filters looks that far; valgrind and
	 * qemu-user do not know the call */
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) && errno == EFAULT;
}

/* These return a negative errno, or 0. A call that there is not is no failure. */

static int add(scmp_filter_ctx filter, uint32_t action, const char *name)
{
	int number = seccomp_syscall_resolve_name(name);

	return number < 0 ? 0 : seccomp_rule_add(filter, action, number, 0);
}

static int add_so(scmp_filter_ctx filter, uint32_t action, const struct use *use)
{
	const struct scmp_arg_cmp when = { .arg = use->argument,
		                           .op = SCMP_CMP_MASKED_EQ,
		                           .datum_a = use->mask,
		                           .datum_b = use->value };
	int number = seccomp_syscall_resolve_name(use->name);

	return number < 0 ? 0 : seccomp_rule_add_array(filter, action, number, 1, &when);
}

static int add_all(scmp_filter_ctx filter, const char *const *names, size_t n)
{
	int bad = 0;

	for (size_t i = 0; i < n && !bad; i++)
		bad = add(filter, SCMP_ACT_ALLOW, names[i]);
	return bad;
}

static int add_all_so(scmp_filter_ctx filter, const struct use *uses, size_t n)
{
	int bad = 0;

	for (size_t i = 0; i < n && !bad; i++)
		bad = add_so(filter, SCMP_ACT_ALLOW, &uses[i]);
	return bad;
}

static int add_used(scmp_filter_ctx filter, bool network)
{
	const struct use self = { "tgkill", 0, UINT32_MAX, (uint32_t)getpid() };
	int bad = add_all(filter, used, COUNT(used));

	if (!bad)
		bad = add_all_so(filter, used_so, COUNT(used_so));
	if (!bad)
		bad = add_so(filter, SCMP_ACT_ALLOW, &self);
	if (bad)
		return bad;
	return network ? add_all(filter, used_by_network, COUNT(used_by_network))
	               : add_all_so(filter, used_without_network, COUNT(used_without_network));
}

static bool is_used_by_network(const char *name)
{
	for (size_t i = 0; i < COUNT(used_by_network); i++)
		if (!strcmp(name, used_by_network[i]))
			return true;
	return false;
}

static int add_attacks(scmp_filter_ctx filter, bool network)
{
	const struct use process = { "clone", 0, CLONE_THREAD, 0 };
	int bad = add_so(filter, SCMP_ACT_TRAP, &process);

	for (size_t i = 0; i < COUNT(attacks) && !bad; i++) {
		attack_number[i] = seccomp_syscall_resolve_name(attacks[i]);
		if (!network || !is_used_by_network(attacks[i]))
			bad = add(filter, SCMP_ACT_TRAP, attacks[i]);
	}
	return bad;
}

/*
 * SSB: without it, kernels before 5.16 would guard us against Spectre 4, which costs speed, and
 * there is no secret of another in this process. OPTIMIZE: a binary tree.
 */
static int load(scmp_filter_ctx filter, bool network)
{
	int bad = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);

	if (!bad)
		bad = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!bad)
		bad = seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
	if (!bad)
		bad = add_used(filter, network);
	if (!bad)
		bad = add_attacks(filter, network);
	return bad ? bad : seccomp_load(filter);
}

bool syscalls_restrict(bool network, void (*taken_over)(const char *call))
{
	struct sigaction action = { .sa_sigaction = refused, .sa_flags = SA_SIGINFO };
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int bad = filter ? 0 : -ENOMEM;

	end_run = taken_over;
	if (!bad && sigaction(SIGSYS, &action, NULL))
		bad = -errno;
	if (!bad)
		bad = load(filter, network);
	if (filter)
		seccomp_release(filter);
	errno = -bad;
	return !bad;
}
