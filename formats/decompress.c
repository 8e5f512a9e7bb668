/*
 * Each library is asked the same: here are bytes, there is room, take a step. Frames are separated
 * here and not by the libraries, because what may stand between them is the same for all.
 */
#include "formats/decompress.h"
#include "formats/zero.h"

#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#define WINDOW_LOG 31
#define STEP_ROOM  ((size_t)64 << 10) /* the step that meets damage loses what it had done */
#define IDLE_STEPS 16                 /* so many steps without any progress: something is wrong */

enum step { STEP_MORE, STEP_FRAME_ENDS, STEP_DAMAGED };

struct decoder {
	const struct codec *codec;
	struct source *source;
	decompress_taker *take;
	void *taker;
	uint8_t *out; /* DECOMPRESS_CHUNK; owned */
	size_t n;     /* bytes in it */
	const char *why;
	enum stream_end end;
	union {
		ZSTD_DCtx *zstd;
		LZ4F_dctx *lz4;
		lzma_stream xz;
		z_stream gzip;
	};
};

/* One step's bytes and room; a step moves both on. */
struct flow {
	const uint8_t *in;
	size_t in_n;
	uint8_t *out;
	size_t out_n;
};

static enum step failed(struct decoder *d, const char *why)
{
	d->why = why;
	return STEP_DAMAGED;
}

/* ---- zstd ---- */

static bool zstd_open(struct decoder *d)
{
	d->zstd = ZSTD_createDCtx();
	return d->zstd &&
	       !ZSTD_isError(ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax, WINDOW_LOG));
}

static bool zstd_begin(struct decoder *d)
{
	return !ZSTD_isError(ZSTD_DCtx_reset(d->zstd, ZSTD_reset_session_only));
}

static enum step zstd_step(struct decoder *d, struct flow *f)
{
	ZSTD_inBuffer in = { f->in, f->in_n, 0 };
	ZSTD_outBuffer out = { f->out, f->out_n, 0 };
	size_t left = ZSTD_decompressStream(d->zstd, &out, &in);

	f->in_n = in.pos; /* on an error both are 0 */
	f->out_n = out.pos;
	if (ZSTD_isError(left))
		return failed(d, ZSTD_getErrorName(left));
	return left ? STEP_MORE : STEP_FRAME_ENDS;
}

static void zstd_close(struct decoder *d)
{
	ZSTD_freeDCtx(d->zstd);
}

/* ---- lz4 ---- */

static bool lz4_open(struct decoder *d)
{
	return !LZ4F_isError(LZ4F_createDecompressionContext(&d->lz4, LZ4F_VERSION));
}

static bool lz4_begin(struct decoder *d)
{
	LZ4F_resetDecompressionContext(d->lz4);
	return true;
}

static enum step lz4_step(struct decoder *d, struct flow *f)
{
	size_t left = LZ4F_decompress(d->lz4, f->out, &f->out_n, f->in, &f->in_n, NULL);

	if (LZ4F_isError(left)) {
		f->in_n = f->out_n = 0;
		return failed(d, LZ4F_getErrorName(left));
	}
	return left ? STEP_MORE : STEP_FRAME_ENDS;
}

static void lz4_close(struct decoder *d)
{
	LZ4F_freeDecompressionContext(d->lz4);
}

/* ---- xz ---- */

static bool xz_open(struct decoder *d)
{
	d->xz = (lzma_stream)LZMA_STREAM_INIT;
	return true;
}

static bool xz_begin(struct decoder *d)
{
	return lzma_stream_decoder(&d->xz, (UINT64_C(1) << WINDOW_LOG) + (1 << 20), 0) == LZMA_OK;
}

static enum step xz_step(struct decoder *d, struct flow *f)
{
	lzma_ret ret;

	d->xz.next_in = f->in;
	d->xz.avail_in = f->in_n;
	d->xz.next_out = f->out;
	d->xz.avail_out = f->out_n;
	ret = lzma_code(&d->xz, LZMA_RUN);
	f->in_n -= d->xz.avail_in;
	f->out_n -= d->xz.avail_out;
	switch (ret) {
	case LZMA_OK:
	case LZMA_BUF_ERROR: /* wants more bytes */
		return STEP_MORE;
	case LZMA_STREAM_END:
		return STEP_FRAME_ENDS;
	case LZMA_MEM_ERROR:
		return failed(d, "out of memory");
	case LZMA_MEMLIMIT_ERROR:
		return failed(d, "its dictionary is larger than 2 GiB");
	case LZMA_OPTIONS_ERROR:
		return failed(d, "unknown options or filters");
	default:
		return failed(d, "invalid data or a checksum that does not match");
	}
}

static void xz_close(struct decoder *d)
{
	lzma_end(&d->xz);
}

/* ---- gzip ---- */

static bool gzip_open(struct decoder *d)
{
	d->gzip = (z_stream){ 0 };
	return inflateInit2(&d->gzip, 15 + 16) == Z_OK; /* zlib.h: + 16 is gzip alone */
}

static bool gzip_begin(struct decoder *d)
{
	return inflateReset(&d->gzip) == Z_OK;
}

static enum step gzip_step(struct decoder *d, struct flow *f)
{
	int ret;

	d->gzip.next_in = (uint8_t *)(uintptr_t)
	                          f->in; /* zlib's type lacks a const; it reads only */
	d->gzip.avail_in = (unsigned)f->in_n;
	d->gzip.next_out = f->out;
	d->gzip.avail_out = (unsigned)f->out_n;
	ret = inflate(&d->gzip, Z_NO_FLUSH);
	f->in_n -= d->gzip.avail_in;
	f->out_n -= d->gzip.avail_out;
	if (ret == Z_STREAM_END)
		return STEP_FRAME_ENDS;
	if (ret == Z_OK || ret == Z_BUF_ERROR)
		return STEP_MORE;
	return failed(d, ret == Z_MEM_ERROR ? "out of memory"
	                 : d->gzip.msg      ? d->gzip.msg
	                                    : "invalid data");
}

static void gzip_close(struct decoder *d)
{
	inflateEnd(&d->gzip);
}

/* ---- all alike ---- */

/* The formats' own documents give the magic numbers; RFC 8878 and 1952 for zstd and gzip. */
static const struct codec {
	const char *name;
	uint8_t magic[6];
	size_t magic_n;
	bool skips; /* has skippable frames */
	bool (*open)(struct decoder *d);
	bool (*begin)(struct decoder *d); /* before each frame */
	enum step (*step)(struct decoder *d, struct flow *f);
	void (*close)(struct decoder *d);
} codecs[PACKINGS] = {
	[PACKING_NONE] = { .name = "none" },
	[PACKING_ZSTD] = { "zstd",
	                   { 0x28, 0xb5, 0x2f, 0xfd },
	                   4,
	                   true,
	                   zstd_open,
	                   zstd_begin,
	                   zstd_step,
	                   zstd_close },
	[PACKING_LZ4] = { "lz4",
	                  { 0x04, 0x22, 0x4d, 0x18 },
	                  4,
	                  true,
	                  lz4_open,
	                  lz4_begin,
	                  lz4_step,
	                  lz4_close },
	[PACKING_XZ] = { "xz",
	                 { 0xfd, '7', 'z', 'X', 'Z', 0 },
	                 6,
	                 false,
	                 xz_open,
	                 xz_begin,
	                 xz_step,
	                 xz_close },
	[PACKING_GZIP] = { "gzip",
	                   { 0x1f, 0x8b, 8 },
	                   3,
	                   false,
	                   gzip_open,
	                   gzip_begin,
	                   gzip_step,
	                   gzip_close },
};

const char *packing_name(enum packing packing)
{
	return codecs[packing].name;
}

static bool is_frame(const struct codec *c, const uint8_t *p, size_t n)
{
	return c->magic_n && n >= c->magic_n && !memcmp(p, c->magic, c->magic_n);
}

/* 0x184d2a5? and the size of what is to be skipped, the same for zstd and lz4 (RFC 8878, 3.1.2). */
static bool is_skippable(const uint8_t *p, size_t n)
{
	return n >= 8 && (load32(p) & 0xfffffff0) == 0x184d2a50;
}

enum packing packing_of(const uint8_t *head, size_t n)
{
	size_t at = 0;

	while (is_skippable(head + at, n - at)) {
		uint64_t size = 8 + (uint64_t)load32(head + at + 4);

		if (size > n - at)
			return PACKING_ZSTD; /* cannot be told; only pzstd's are known, of 4 bytes
			                      */
		at += size;
	}
	for (enum packing p = PACKING_ZSTD; p < PACKINGS; p++) {
		if (is_frame(&codecs[p], head + at, n - at) && (codecs[p].skips || !at))
			return p;
	}
	return at ? PACKING_ZSTD : PACKING_NONE;
}

static bool flush(struct decoder *d)
{
	if (d->n && !d->take(d->taker, d->out, d->n)) {
		d->end = STREAM_STOPPED;
		return false;
	}
	d->n = 0;
	return true;
}

static void end_of_source(struct decoder *d, enum stream_end at_end)
{
	d->end = d->source->error ? STREAM_UNREAD : at_end;
	if (d->source->error)
		d->why = strerror(d->source->error);
}

/* Stands the source at a frame? Zeroes before one, or to the end, are padding. */
static bool frame_ahead(struct decoder *d)
{
	for (;;) {
		size_t n, zeroes = 0;
		const uint8_t *p = source_want(d->source, 8, &n);

		while (zeroes < n && !p[zeroes])
			zeroes++;
		if (n && !zeroes) {
			if (is_frame(d->codec, p, n) || (d->codec->skips && is_skippable(p, n)))
				return true;
			d->end = STREAM_FOLLOWED;
			return false;
		}
		source_take(d->source, zeroes);
		if (!n) {
			end_of_source(d, STREAM_WHOLE);
			return false;
		}
	}
}

/* One step with what is there of bytes and room; counts in *idle where nothing moved. */
static enum step step(struct decoder *d, unsigned *idle)
{
	size_t n;
	const uint8_t *p = source_want(d->source, 1, &n);
	size_t room = DECOMPRESS_CHUNK - d->n;
	struct flow f = { p, n, d->out + d->n, room < STEP_ROOM ? room : STEP_ROOM };
	enum step what = d->codec->step(d, &f);

	source_take(d->source, f.in_n);
	d->n += f.out_n;
	*idle = f.in_n || f.out_n ? 0 : *idle + 1;
	return what;
}

/* True where the frame came to its end. */
static bool frame(struct decoder *d)
{
	unsigned idle = 0;

	if (!d->codec->begin(d)) {
		d->end = STREAM_DAMAGED;
		d->why = "the library cannot start";
		return false;
	}
	for (;;) {
		if (d->n == DECOMPRESS_CHUNK && !flush(d))
			return false;
		switch (step(d, &idle)) {
		case STEP_FRAME_ENDS:
			return true;
		case STEP_DAMAGED:
			d->end = STREAM_DAMAGED;
			return false;
		case STEP_MORE:
			break;
		}
		if (idle && d->source->ended && d->source->at == d->source->n) {
			end_of_source(d, STREAM_CUT);
			return false;
		}
		if (idle >= IDLE_STEPS) {
			d->end = STREAM_DAMAGED;
			d->why = "no progress";
			return false;
		}
	}
}

/* What is not compressed. */
static enum stream_end copy(struct source *source, decompress_taker *take, void *taker,
                            const char **why)
{
	for (;;) {
		size_t n;
		const uint8_t *p = source_want(source, SOURCE_AHEAD, &n);

		if (!n)
			break;
		n = n < SOURCE_AHEAD ? n : SOURCE_AHEAD;
		if (!take(taker, p, n))
			return STREAM_STOPPED;
		source_take(source, n);
	}
	*why = source->error ? strerror(source->error) : NULL;
	return source->error ? STREAM_UNREAD : STREAM_WHOLE;
}

enum stream_end decompress(enum packing packing, struct source *source, decompress_taker *take,
                           void *taker, const char **why)
{
	struct decoder d = { .codec = &codecs[packing],
		             .source = source,
		             .take = take,
		             .taker = taker,
		             .end = STREAM_WHOLE };

	if (packing == PACKING_NONE)
		return copy(source, take, taker, why);
	d.out = mem_alloc(1, DECOMPRESS_CHUNK);
	if (d.codec->open(&d)) {
		while (frame_ahead(&d) && frame(&d))
			continue;
	} else {
		d.end = STREAM_DAMAGED;
		d.why = "out of memory";
	}
	if (d.end != STREAM_STOPPED && d.n)
		flush(&d);
	*why = d.why;
	d.codec->close(&d);
	mem_free(d.out);
	return d.end;
}
