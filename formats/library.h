/* library: the versions of the libraries that formats/ uses, of those that are loaded. */
#ifndef FORMATS_LIBRARY_H
#define FORMATS_LIBRARY_H

const char *library_elfutils(void); /* "0.188" */
const char *library_zstd(void);
const char *library_lz4(void);
const char *library_lzma(void);
const char *library_zlib(void);

#endif
