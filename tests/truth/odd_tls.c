/* odd_tls: a shared object with thread-local data, for odd.c to load late. */
static __thread void *volatile own[4];

void odd_tls_set(void *block);
void odd_tls_set(void *block)
{
	own[2] = block;
}
