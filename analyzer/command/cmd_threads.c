#include "analyzer/command/command.h"
#include "analyzer/process/process.h"
#include "analyzer/report/text.h"
#include "analyzer/report/text_report.h"
#include "analyzer/process/thread_report.h"

/* ---- text ---- */

static void print_registers(const struct report_thread *t, struct out *out)
{
	for (size_t i = 0; i < t->nregs; i++)
		out_printf(out, "%s%-7s 0x%016llx%s", i % 3 ? "  " : "      ", t->reg[i].name,
		           (unsigned long long)t->reg[i].value,
		           i % 3 == 2 || i + 1 == t->nregs ? "\n" : "");
}

static void print_facts(const struct report_thread *t, struct out *out)
{
	char used[TEXT_NUMBER], size[TEXT_NUMBER];

	if (t->stack_end && t->stack_used != ABSENT)
		out_printf(out, ", stack %s of %s used", text_bytes(used, t->stack_used),
		           text_bytes(size, t->stack_end - t->stack_start));
	else if (t->stack_end)
		out_printf(out, ", on another stack than its own of %s",
		           text_bytes(size, t->stack_end - t->stack_start));
	if (t->arena != ABSENT)
		out_printf(out, ", arena %llu", (unsigned long long)t->arena);
	if (t->tcache_blocks == 0)
		out_str(out, ", tcache empty");
	else if (t->tcache_blocks != ABSENT)
		out_printf(out, ", tcache %s in %s %s", text_bytes(used, t->tcache_bytes),
		           text_count(size, t->tcache_blocks),
		           t->tcache_blocks == 1 ? "block" : "blocks");
}

static void print_thread(const struct report *r, const struct report_thread *t, struct out *out)
{
	const char *signal = process_signal_name(t->signal);

	out_style(out, STYLE_BOLD);
	out_printf(out, "thread %llu", (unsigned long long)t->tid);
	out_plain(out);
	if (t->name) {
		out_str(out, " \"");
		out_untrusted(out, t->name);
		out_char(out, '"');
	}
	if (signal)
		out_printf(out, ", %s", signal);
	else if (t->signal)
		out_printf(out, ", signal %d", t->signal);
	if (t->current && r->threads.n > 1)
		out_str(out, t->signal ? ", dumped the core" : ", current");
	print_facts(t, out);
	out_char(out, '\n');
	print_registers(t, out);
	text_frames(t->frame, t->nframes, 2, out);
	if (t->stop) {
		out_style(out, STYLE_DIM);
		out_str(out, "       ends here: ");
		out_untrusted(out, t->stop);
		out_plain(out);
		out_char(out, '\n');
	}
}

static void text(const struct report *r, struct out *out)
{
	for (size_t i = 0; i < r->threads.n && !out_failed(out); i++) {
		if (i)
			out_char(out, '\n');
		print_thread(r, &r->threads.v[i], out);
	}
}

/* ---- CSV: a line a frame ---- */

static void csv_frame(const struct report_thread *t, size_t i, struct out *out)
{
	const struct report_frame *f = &t->frame[i];

	out_printf(out, "%llu,%zu,", (unsigned long long)t->tid, i);
	out_addr(out, f->pc);
	out_char(out, ',');
	out_csv(out, f->function ? f->function : "");
	out_char(out, ',');
	if (f->offset != ABSENT)
		out_u64(out, f->offset);
	out_char(out, ',');
	out_csv(out, f->module ? f->module : "");
	out_char(out, ',');
	if (f->module_offset != ABSENT)
		out_u64(out, f->module_offset);
	out_char(out, ',');
	out_csv(out, f->file ? f->file : "");
	out_char(out, ',');
	if (f->line != ABSENT)
		out_u64(out, f->line);
	out_char(out, '\n');
}

static void csv(const struct report *r, struct out *out)
{
	out_str(out, "tid,frame,pc,function,offset,module,module_offset,file,line\n");
	for (size_t i = 0; i < r->threads.n; i++)
		for (size_t k = 0; k < r->threads.v[i].nframes && !out_failed(out); k++)
			csv_frame(&r->threads.v[i], k, out);
}

static int run(const struct options *opt, struct out *out)
{
	struct report report;
	struct analysis a;
	int status;

	if (!command_open(opt, &a))
		return EXIT_INPUT;
	report_start(&report, &a);
	report_add_threads(&report, &a, opt->has_limit ? opt->limit : THREAD_FRAMES, opt->verbose);
	command_limits(opt, &report);
	if (!command_render(opt, &report, ROWS_THREADS, csv, out))
		text(&report, out);
	status = command_end(opt, &report, opt->format == FORMAT_JSON);
	report_free(&report);
	analysis_close(&a);
	return status;
}

const struct command cmd_threads = {
	.name = "threads",
	.args = "CORE",
	.one_line = "threads: what each was doing, its stack, backtrace and cache",
	.help = "Functions and lines come from files of this host with the same build-id as in "
		"the\n"
		"core, and from their separate debug files (--sysroot, --debug-dir). -n bounds "
		"the\n"
		"frames of each thread (256 unless given), -v adds the registers. CSV: a line a "
		"frame.\n",
	.formats = AS_TEXT | AS_JSON | AS_JSONL | AS_CSV,
	.takes = TAKES_CORE | TAKES_FILES | TAKES_LIMIT,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
