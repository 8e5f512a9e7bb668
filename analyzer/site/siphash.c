#include "analyzer/site/siphash.h"

static inline uint64_t turn(uint64_t v, unsigned by)
{
	return v << by | v >> (64 - by);
}

static inline void round_of(uint64_t v[4])
{
	v[0] += v[1], v[1] = turn(v[1], 13) ^ v[0], v[0] = turn(v[0], 32);
	v[2] += v[3], v[3] = turn(v[3], 16) ^ v[2];
	v[0] += v[3], v[3] = turn(v[3], 21) ^ v[0];
	v[2] += v[1], v[1] = turn(v[1], 17) ^ v[2], v[2] = turn(v[2], 32);
}

static void absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	round_of(v);
	round_of(v);
	v[0] ^= word;
}

uint64_t siphash(const struct siphash_key *key, const uint64_t *words, size_t n)
{
	uint64_t v[4] = {
		key->k[0] ^ UINT64_C(0x736f6d6570736575),
		key->k[1] ^ UINT64_C(0x646f72616e646f6d),
		key->k[0] ^ UINT64_C(0x6c7967656e657261),
		key->k[1] ^ UINT64_C(0x7465646279746573),
	};

	for (size_t i = 0; i < n; i++)
		absorb(v, words[i]);
	absorb(v, (uint64_t)(n * 8) << 56); /* the length, and no bytes that are left over */
	v[2] ^= 0xff;
	for (unsigned i = 0; i < 4; i++)
		round_of(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
