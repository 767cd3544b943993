/*
 * expat.c: what libexpat takes for the stanzas of the corpus, to stand beside
 * `go test -bench Corpus ./xmlstream`. Built and run by expat.sh; not part of the default build.
 *
 * One parser with namespace processing lives as long as a file is measured. It is given a stream
 * header and then the same stanza again and again, as a server would from a socket. The handlers
 * count, so that every name, attribute and piece of text is delivered, and copy nothing.
 */
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char head[] =
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
    "to='capulet.example' version='1.0'>";

struct seen {
	long elements, attrs, depth, stanzas;
	size_t text;
};

static void XMLCALL on_start(void *u, const XML_Char *name, const XML_Char **atts)
{
	struct seen *s = u;
	(void)name;
	s->elements++;
	s->depth++;
	for (; *atts; atts += 2)
		s->attrs++;
}

static void XMLCALL on_end(void *u, const XML_Char *name)
{
	struct seen *s = u;
	(void)name;
	if (--s->depth == 1)
		s->stanzas++;
}

static void XMLCALL on_text(void *u, const XML_Char *text, int n)
{
	struct seen *s = u;
	(void)text;
	s->text += (size_t)n;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void feed(XML_Parser p, const char *b, size_t n, const char *file)
{
	if (XML_Parse(p, b, (int)n, 0) != XML_STATUS_OK) {
		fprintf(stderr, "%s: %s\n", file, XML_ErrorString(XML_GetErrorCode(p)));
		exit(1);
	}
}

static char *slurp(const char *file, size_t *n)
{
	FILE *f = fopen(file, "rb");
	long size;
	char *b;

	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0) {
		perror(file);
		exit(1);
	}
	rewind(f);
	b = malloc((size_t)size + 1);
	if (!b || fread(b, 1, (size_t)size, f) != (size_t)size) {
		fprintf(stderr, "%s: cannot read\n", file);
		exit(1);
	}
	fclose(f);
	while (size > 0 && b[size - 1] == '\n')
		size--;
	*n = (size_t)size;
	return b;
}

/* measure prints the best of five rounds, in the units of the Go benchmark. */
static void measure(const char *file, double seconds)
{
	size_t n;
	char *b = slurp(file, &n);
	double best = 0;
	const char *base = strrchr(file, '/');

	for (int round = 0; round < 5; round++) {
		struct seen s = {0};
		XML_Parser p = XML_ParserCreateNS("UTF-8", '\n');
		long done = 0;
		double from, took;

		XML_SetUserData(p, &s);
		XML_SetElementHandler(p, on_start, on_end);
		XML_SetCharacterDataHandler(p, on_text);
		feed(p, head, sizeof head - 1, file);
		for (int i = 0; i < 100; i++)
			feed(p, b, n, file);
		from = now();
		do {
			for (int i = 0; i < 16; i++)
				feed(p, b, n, file);
			done += 16;
			took = now() - from;
		} while (took < seconds / 5);
		if (s.stanzas != done + 100) {
			fprintf(stderr, "%s: %ld stanzas seen, %ld fed\n", file, s.stanzas, done + 100);
			exit(1);
		}
		took = took * 1e9 / (double)done;
		if (best == 0 || took < best)
			best = took;
		XML_ParserFree(p);
	}
	printf("%-20s %8zu B %12.0f ns/stanza %10.1f MB/s\n", base ? base + 1 : file, n, best, (double)n * 1e3 / best);
	free(b);
}

int main(int argc, char **argv)
{
	printf("%s\n", XML_ExpatVersion());
	for (int i = 1; i < argc; i++)
		measure(argv[i], 1.0);
	return 0;
}
