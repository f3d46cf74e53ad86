/* SPDX-License-Identifier: MIT */
/* A settings file with any text in it: nothing may crash or leak, and what is refused is refused
 * with a line of text. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <base/conf.h>
#include <base/daemon.h>

struct part {
	char *title;
	char *secret;
	struct conf_list domain;
};
struct settings {
	struct daemon_conf daemon;
	bool tls;
	int64_t port, size, time;
	int policy;
	struct conf_list admins;
	char *password;
	struct part **parts;
};
#define AT(m) offsetof(struct settings, m)

static const struct conf_opt opts[] = {
	{ .key = "c2s.tls", .type = CONF_BOOL, .off = AT(tls), .help = "h" },
	{ .key = "c2s.port", .type = CONF_INT, .off = AT(port), .max = 65535, .help = "h" },
	{ .key = "size", .type = CONF_SIZE, .off = AT(size), .help = "h" },
	{ .key = "time", .type = CONF_TIME, .off = AT(time), .help = "h" },
	{ .key = "e2e",
	    .type = CONF_CHOICE,
	    .off = AT(policy),
	    .choices = "none|all",
	    .help = "h" },
	{ .key = "admins", .type = CONF_LIST, .off = AT(admins), .help = "h" },
	{ .key = "password", .type = CONF_SECRET, .off = AT(password), .help = "h" },
	{ 0 },
};
static const struct conf_opt part_opts[] = {
	{ .key = "secret", .type = CONF_SECRET, .off = offsetof(struct part, secret), .help = "h" },
	{ .key = "domain", .type = CONF_LIST, .off = offsetof(struct part, domain), .help = "h" },
	{ 0 },
};
static const struct conf_section sections[] = {
	{ .name = "component",
	    .opts = part_opts,
	    .size = sizeof(struct part),
	    .off_items = AT(parts),
	    .env_secret = "secret" },
	{ 0 },
};
static const struct conf_def def = { .program = "fuzz",
	.opts = opts,
	.more = daemon_opts,
	.sections = sections,
	.size = sizeof(struct settings) };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	char path[64], *text = NULL;
	size_t len = 0;
	struct conf *c = NULL;

	if (fd < 0)
		fd = memfd_create("fuzz_conf", MFD_CLOEXEC);
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);

	FILE *out = open_memstream(&text, &len);
	if (!out)
		abort();
	int rc = conf_load(&c, &def, path, NULL, NULL, out);
	if (rc == 0)
		conf_print(c, out);
	if (fclose(out) != 0 || len == 0 || text[len - 1] != '\n')
		abort();
	conf_free(c);
	free(text);
	return 0;
}
