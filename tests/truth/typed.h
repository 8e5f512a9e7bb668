/* typed: what its two files share. A struct opaque is defined in one of them only. */
struct opaque;
void *made(void *p, const char *what);
struct opaque *opaque_new(int n);
void pause_with(void *local);
_Noreturn void finish(void *local, struct opaque *o);
