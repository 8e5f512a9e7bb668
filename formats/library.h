/* library: which version of elfutils does the reading of ELF and DWARF. */
#ifndef FORMATS_LIBRARY_H
#define FORMATS_LIBRARY_H

const char *library_elfutils(void); /* "0.188", of the library that is loaded */

#endif
