#include "analyzer/leak/suppress.h"

#include <errno.h>
#include <stdio.h>

#define LINE_BYTES 4096

/* ---- patterns ---- */

/* Where the n bytes of part are first found in name; NULL: nowhere. */
static const char *find(const char *name, const char *part, size_t n)
{
	return memmem(name, strlen(name), part, n);
}

static bool ends_with(const char *name, const char *part, size_t n)
{
	size_t len = strlen(name);

	return len >= n && !memcmp(name + len - n, part, n);
}

/* Parts between stars are found one behind the other: the first place of each leaves most. */
bool suppression_matches(const char *pattern, const char *name)
{
	bool at_start = *pattern == '^';

	if (!*name)
		return false;
	for (pattern += at_start; *pattern; at_start = false) {
		size_t n = strcspn(pattern, "*$");
		bool at_end = pattern[n] == '$' && !pattern[n + 1];
		const char *found;

		if (pattern[n] == '$' && !at_end) /* within: a character as others */
			n += 1 + strcspn(pattern + n + 1, "*$");
		if (at_start)
			found = strncmp(name, pattern, n) ? NULL : name;
		else
			found = find(name, pattern, n);
		if (at_end && (!found || found[n])) /* a later place may be the end */
			return !at_start && ends_with(name, pattern, n);
		if (!found)
			return false;
		name = found + n;
		pattern += n + (pattern[n] == '*' || at_end);
	}
	return true;
}

bool suppressions_match(const struct suppressions *s, const char *name)
{
	if (!name)
		return false;
	for (size_t i = 0; i < s->pattern.n; i++)
		if (suppression_matches(s->pattern.v[i], name))
			return true;
	return false;
}

/* ---- files ---- */

/* Without blanks around it. */
static char *trimmed(char *line)
{
	size_t n;

	line += strspn(line, " \t\r\n");
	n = strlen(line);
	while (n && strchr(" \t\r\n", line[n - 1]))
		n--;
	line[n] = '\0';
	return line;
}

static bool read_line(struct suppressions *s, const char *path, unsigned number, char *line,
                      struct err *err)
{
	static const char leak[] = "leak:";
	const size_t n = sizeof(leak) - 1;

	line = trimmed(line);
	if (!*line || *line == '#')
		return true;
	if (strncmp(line, leak, n) || !line[n])
		return err_set(err,
		               "--suppress %s: line %u is no suppression of a leak; write "
		               "leak:NAME, where NAME is part of a type, function, file or module",
		               path, number);
	array_push(&s->pattern, pool_strndup(&s->pool, line + n, LINE_BYTES));
	return true;
}

static bool read_lines(FILE *file, const char *path, struct suppressions *s, struct err *err)
{
	char line[LINE_BYTES];

	for (unsigned number = 1; fgets(line, sizeof(line), file); number++) {
		if (strlen(line) == sizeof(line) - 1 && line[sizeof(line) - 2] != '\n')
			return err_set(err, "--suppress %s: line %u has more than %d characters",
			               path, number, LINE_BYTES - 2);
		if (!read_line(s, path, number, line, err))
			return false;
	}
	if (ferror(file))
		return err_set(err, "--suppress %s: it cannot be read: %s", path, strerror(errno));
	return true;
}

bool suppressions_read(const char *path, struct suppressions *out, struct err *err)
{
	struct suppressions s = { 0 };
	FILE *file = fopen(path, "re");
	bool good;

	if (!file)
		return err_set(err, "--suppress %s: it cannot be opened: %s", path,
		               strerror(errno));
	good = read_lines(file, path, &s, err);
	fclose(file);
	if (good)
		*out = s;
	else
		suppressions_free(&s);
	return good;
}

void suppressions_free(struct suppressions *s)
{
	array_free(&s->pattern);
	pool_free(&s->pool);
	*s = (struct suppressions){ 0 };
}
