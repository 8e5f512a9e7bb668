#include "formats/library.h"

#include <elfutils/libdwfl.h>
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

const char *library_elfutils(void)
{
	return dwfl_version(NULL);
}

const char *library_zstd(void)
{
	return ZSTD_versionString();
}

const char *library_lz4(void)
{
	return LZ4_versionString();
}

const char *library_lzma(void)
{
	return lzma_version_string();
}

const char *library_zlib(void)
{
	return zlibVersion();
}
