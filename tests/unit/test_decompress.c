/* Streams made here by the libraries' own encoders, cut and damaged; what they unpack to is known.
 */
#include "formats/decompress.h"
#include "formats/input.h"
#include "formats/store.h"

#include <lz4frame.h>
#include <lzma.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#define SIZE (3 * DECOMPRESS_CHUNK + 12345)
#define ROOM (2 * SIZE)

static uint8_t plain[SIZE], packed[ROOM], out[ROOM];
static size_t out_n;
static size_t out_most; /* the taker stops there */

static size_t pack(enum packing packing, const uint8_t *from, size_t n, uint8_t *to)
{
	LZ4F_preferences_t lz4 = { .frameInfo.contentChecksumFlag = 1 };
	z_stream z = { 0 };
	size_t used = 0;

	switch (packing) {
	case PACKING_ZSTD: {
		ZSTD_CCtx *c = ZSTD_createCCtx();

		ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
		used = ZSTD_compress2(c, to, ROOM, from, n);
		ZSTD_freeCCtx(c);
		return used;
	}
	case PACKING_LZ4:
		return LZ4F_compressFrame(to, ROOM, from, n, &lz4);
	case PACKING_XZ:
		assert_int_equal(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC64, NULL, from, n, to,
		                                         &used, ROOM),
		                 LZMA_OK);
		return used;
	default:
		deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
		z.next_in = (uint8_t *)(uintptr_t)from;
		z.avail_in = (unsigned)n;
		z.next_out = to;
		z.avail_out = ROOM;
		assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
		used = z.total_out;
		deflateEnd(&z);
		return used;
	}
}

static bool take(void *taker, const uint8_t *bytes, size_t n)
{
	assert_ptr_equal(taker, out);
	assert_true(out_n % DECOMPRESS_CHUNK == 0 && n <= DECOMPRESS_CHUNK);
	assert_true(out_n + n <= ROOM);
	memcpy(out + out_n, bytes, n);
	out_n += n;
	return out_n < out_most;
}

static enum stream_end unpack(enum packing packing, const uint8_t *bytes, size_t n)
{
	int fd = memfd_create("stream", 0);
	struct source source;
	enum stream_end end;
	const char *why;

	assert_int_equal(write(fd, bytes, n), n);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	source_open(&source, fd);
	out_n = 0;
	end = decompress(packing, &source, take, out, &why);
	assert_true(source.taken <= n);
	assert_true(end != STREAM_WHOLE || source.taken == n);
	assert_true((end == STREAM_DAMAGED) == (why != NULL));
	source_close(&source);
	close(fd);
	return end;
}

static int make(void **state)
{
	uint32_t seed = 7;

	(void)state;
	out_most = SIZE_MAX;
	for (size_t i = 0; i < SIZE; i++) {
		seed = seed * 1664525 + 1013904223;
		plain[i] = i / 70000 % 3 ? (uint8_t)(seed >> 24) & 15 : 0;
	}
	return 0;
}

#define EACH(p) (enum packing p = PACKING_ZSTD; p < PACKINGS; p++)

static void whole_streams(void **state)
{
	(void)state;
	for
		EACH(p)
		{
			size_t n = pack(p, plain, SIZE, packed);

			assert_int_equal(packing_of(packed, n), p);
			assert_int_equal(packing_of(packed, 2), PACKING_NONE);
			assert_int_equal(unpack(p, packed, n), STREAM_WHOLE);
			assert_int_equal(out_n, SIZE);
			assert_memory_equal(out, plain, SIZE);
		}
	assert_int_equal(packing_of((const uint8_t *)"\177ELF", 4), PACKING_NONE);
}

/* As `cat a.zst b.zst`, with padding behind each; zstd and lz4 also with skippable frames. */
static void frames_in_a_row(void **state)
{
	static const uint8_t skip[] = { 0x5a, 0x2a, 0x4d, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5 };

	(void)state;
	for
		EACH(p)
		{
			size_t n = 0, at[] = { 0, 1, DECOMPRESS_CHUNK + 77, SIZE };
			bool skips = p == PACKING_ZSTD || p == PACKING_LZ4;

			for (size_t i = 0; i < 3; i++) {
				if (skips) {
					memcpy(packed + n, skip, sizeof(skip));
					n += sizeof(skip);
				}
				n += pack(p, plain + at[i], at[i + 1] - at[i], packed + n);
				memset(packed + n, 0, 4 * i);
				n += 4 * i;
			}
			if (skips)
				assert_int_equal(packing_of(packed, n), p);
			assert_int_equal(unpack(p, packed, n), STREAM_WHOLE);
			assert_int_equal(out_n, SIZE);
			assert_memory_equal(out, plain, SIZE);
			memcpy(packed + n, "garbage", 7);
			assert_int_equal(unpack(p, packed, n + 7), STREAM_FOLLOWED);
			assert_int_equal(out_n, SIZE);
		}
}

static void cut_streams(void **state)
{
	(void)state;
	for
		EACH(p)
		{
			size_t n = pack(p, plain, SIZE, packed);

			for (size_t cut = 1; cut < 40; cut += 2) {
				size_t have = cut < 20 ? n * cut / 20 : n - (cut - 19);
				enum stream_end end = unpack(p, packed, have);

				assert_int_equal(end, STREAM_CUT);
				assert_true(out_n <= SIZE);
				assert_memory_equal(out, plain, out_n);
				if (cut == 19) /* 95 %; lz4's blocks here are of 64 KiB */
					assert_true(out_n > SIZE / 10 * 9 - (1 << 17));
			}
		}
}

static void damaged_streams(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for
		EACH(p)
		{
			size_t n = pack(p, plain, SIZE, packed), wrong = 0;

			for (int i = 0; i < 30; i++) {
				enum stream_end end;
				size_t at;

				seed = seed * 1664525 + 1013904223;
				at = 100 + seed % (n - 100);
				packed[at] ^= 0x10;
				end = unpack(p, packed, n);
				packed[at] ^= 0x10;
				if (end != STREAM_WHOLE)
					wrong++;
				else /* a bit that means nothing */
					assert_memory_equal(out, plain, SIZE);
			}
			assert_true(wrong > 25);
		}
}

static void the_taker_stops(void **state)
{
	(void)state;
	out_most = DECOMPRESS_CHUNK;
	for
		EACH(p)
		{
			size_t n = pack(p, plain, SIZE, packed);

			assert_int_equal(unpack(p, packed, n), STREAM_STOPPED);
			assert_int_equal(out_n, DECOMPRESS_CHUNK);
		}
	out_most = SIZE_MAX;
}

static void zero_pages_are_holes(void **state)
{
	struct store store;
	struct stat st;
	struct err err;
	size_t at = 0;
	int fd;

	(void)state;
	assert_true(store_open(&store, 0, &err));
	for (size_t step = 1; at < SIZE; step = step * 7 % 300007 + 1) { /* not aligned */
		size_t n = step < SIZE - at ? step : SIZE - at;

		assert_true(store_write(&store, plain + at, n, &err));
		at += n;
	}
	memset(out, 0, 1 << 20);
	assert_true(store_write(&store, out, 1 << 20, &err));
	assert_true(store.written <= SIZE / 3 * 2 + 70000 + 2 * 4096 * (SIZE / 70000));
	assert_true(store_finish(&store, &fd, &err));
	store_close(&store);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 0); /* it never had a name, or has none any more */
	assert_int_equal(st.st_size, SIZE + (1 << 20));
	assert_int_equal(pread(fd, out, SIZE, 0), SIZE);
	assert_memory_equal(out, plain, SIZE);
	close(fd);
}

static void the_store_has_a_bound(void **state)
{
	struct store store;
	struct err err;

	(void)state;
	assert_true(store_open(&store, 100000, &err));
	assert_true(store_write(&store, plain, 60000, &err));
	assert_false(store_write(&store, plain, 60000, &err));
	assert_non_null(strstr(err.msg, "--max-unpacked"));
	assert_true(store_write(&store, plain, 40000, &err));
	store.bound = SIZE;
	store.room = store.written + 100;
	assert_false(store_write(&store, plain + 70000, 60000, &err));
	assert_non_null(strstr(err.msg, "TMPDIR"));
	store_close(&store);
}

static void where_the_store_is(void **state)
{
	char folder[] = "/tmp/test_decompress.XXXXXX";
	struct store store;
	struct err err;

	(void)state;
	assert_non_null(mkdtemp(folder));
	setenv("TMPDIR", folder, 1);
	assert_true(store_open(&store, 0, &err));
	assert_string_equal(store.folder, folder);
	assert_false(store.in_memory);
	assert_int_equal(rmdir(folder), 0); /* no name is in it */
	store_close(&store);
	assert_true(store_open(&store, 0, &err)); /* it is gone: there is another place */
	assert_true(store.in_memory || strcmp(store.folder, folder));
	store_close(&store);
	unsetenv("TMPDIR");
}

static void standard_input_once(void **state)
{
	struct input input;
	struct err err;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(dup2(p[0], STDIN_FILENO), STDIN_FILENO);
	close(p[1]);
	assert_false(input_open("-", &input, &err));
	assert_non_null(strstr(err.msg, "nothing came"));
	assert_false(input_open("-", &input, &err));
	assert_non_null(strstr(err.msg, "only once"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_streams),         cmocka_unit_test(frames_in_a_row),
		cmocka_unit_test(cut_streams),           cmocka_unit_test(damaged_streams),
		cmocka_unit_test(the_taker_stops),       cmocka_unit_test(zero_pages_are_holes),
		cmocka_unit_test(the_store_has_a_bound), cmocka_unit_test(where_the_store_is),
		cmocka_unit_test(standard_input_once),
	};

	return cmocka_run_group_tests(tests, make, NULL);
}
