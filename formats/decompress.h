/*
 * decompress: the streams that zstd, lz4, xz and gzip write, turned back into bytes: several frames
 * one after the other, skippable frames and zero padding included, as those tools take them. It
 * does not know what the bytes are, nor where they go.
 *
 * Memory: buffers of a fixed size, and the window (dictionary) that the stream asks for, which the
 * libraries fill only as far as bytes come out: at most 2 GiB, what `zstd --ultra --long=31` needs.
 */
#ifndef FORMATS_DECOMPRESS_H
#define FORMATS_DECOMPRESS_H

#include "formats/source.h"

enum packing { PACKING_NONE, PACKING_ZSTD, PACKING_LZ4, PACKING_XZ, PACKING_GZIP, PACKINGS };

/* "zstd", "lz4", "xz", "gzip"; "none". */
const char *packing_name(enum packing packing);

/* By the first bytes of a file, as many as there are (up to SOURCE_AHEAD); never by its name. */
enum packing packing_of(const uint8_t *head, size_t n);

/* How a stream ended. All that came out before came out of valid data, but for STREAM_DAMAGED. */
enum stream_end {
	STREAM_WHOLE,
	STREAM_STOPPED,  /* the taker wanted no more */
	STREAM_CUT,      /* ended within a frame */
	STREAM_UNREAD,   /* the file cannot be read further */
	STREAM_FOLLOWED, /* by bytes that are no frame of its kind; all frames before were whole */
	STREAM_DAMAGED, /* what came out may be wrong: a checksum stands at the end of what it is of
	                 */
};

#define DECOMPRESS_CHUNK ((size_t)1 << 20)

/*
 * Takes n bytes: DECOMPRESS_CHUNK of them (SOURCE_AHEAD of what is not compressed), fewer in the
 * last call only. False: no more, please.
 */
typedef bool decompress_taker(void *taker, const uint8_t *bytes, size_t n);

/*
 * Decompresses source (which stands at the start of a stream of this packing; PACKING_NONE: hands
 * out its bytes as they are) to its end or as far as it goes. *why, for STREAM_DAMAGED and
 * STREAM_UNREAD: the reason, static.
 */
enum stream_end decompress(enum packing packing, struct source *source, decompress_taker *take,
                           void *taker, const char **why);

#endif
