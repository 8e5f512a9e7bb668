#include "formats/library.h"

#include <elfutils/libdwfl.h>

const char *library_elfutils(void)
{
	return dwfl_version(NULL);
}
