#include "analyzer/process/instance.h"

#define AT_RANDOM 25 /* Linux include/uapi/linux/auxvec.h */

bool instance_key(const struct core *core, struct siphash_key *key)
{
	uint8_t bytes[16];
	uint64_t at;

	if (!core_auxv(core, AT_RANDOM, &at) || !core_read(core, at, bytes, sizeof(bytes)))
		return false;
	key->k[0] = load64(bytes);
	key->k[1] = load64(bytes + 8);
	return key->k[0] && key->k[1];
}

uint64_t instance_name(const struct siphash_key *key)
{
	const uint64_t words[2] = { UINT64_C(0x6863657265616f63),
		                    1 }; /* a constant of ours; its version */

	return siphash(key, words, 2);
}
