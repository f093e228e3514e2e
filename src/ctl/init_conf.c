/* SPDX-License-Identifier: Apache-2.0 */
/* Checks what init was told and writes it down as ota.conf. */
#include "ctl/init_conf.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "host/args.h"
#include "ota/image.h"

#define DEFAULT_PORT "8443"
#define CHIPS_MAX 32u

static enum ota_status check_product(const char *product, struct ota_err *err) {
    struct ota_span name = ota_span_str(product);
    if (!ota_name_valid(name))
        return ota_err_set(err, OTA_USAGE,
                           "--product \"%.40s\" is not a name: use a-z, 0-9 and '-', at most %u of them", product,
                           OTA_NAME_MAX);
    if (ota_name_reserved(name) || strncmp(product, "tls-", 4) == 0)
        return ota_err_set(err, OTA_USAGE, "--product \"%s\" is a name the repository itself uses; choose another",
                           product);
    return OTA_OK;
}

static enum ota_status check_chip(const char *chip, struct ota_err *err) {
    const char *names[CHIPS_MAX + 1] = {NULL};
    char all[160];
    size_t len = 0;
    if (ota_chip_by_name(ota_span_str(chip)))
        return OTA_OK;
    OTA_CLEAN_FREE char *lower = ota_strdup(chip);
    for (char *c = lower; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    for (size_t i = 0; i < CHIPS_MAX && ota_chip_at(i); i++) {
        names[i] = ota_chip_at(i)->name;
        len += ota_format(all + len, sizeof all - len, "%s%s", i ? ", " : "", names[i]);
    }
    const char *near = ota_args_nearest(lower, names);
    if (near)
        return ota_err_set(err, OTA_USAGE, "--chip \"%.20s\" is unknown; did you mean \"%s\"?", chip, near);
    return ota_err_set(err, OTA_USAGE, "--chip \"%.20s\" is unknown; there are: %s", chip, all);
}

static enum ota_status check_url(const char *url, struct ota_err *err) {
    struct ota_config parsed;
    OTA_CLEAN_FREE char *line = ota_sprintf("url = %s", url);
    if (strchr(url, '\n') || ota_config_parse(ota_span_str(line), "--url", &parsed, err) != OTA_OK || !parsed.url[0])
        return ota_err_set(err, OTA_USAGE, "--url is no address that boards can call; write https://host:8443");
    return OTA_OK;
}

/* The address this machine has towards other networks, or its name. Connecting a datagram socket sends nothing. */
static char *own_host(void) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)}, own = {0};
    socklen_t len = sizeof own;
    char text[INET_ADDRSTRLEN] = "", name[256] = "localhost";
    OTA_CLEAN_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(0xC0000201); /* 192.0.2.1, RFC 5737 */
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
        getsockname(fd, (struct sockaddr *)&own, &len) == 0 && inet_ntop(AF_INET, &own.sin_addr, text, sizeof text))
        return ota_strdup(text);
    if (gethostname(name, sizeof name - 1) || !name[0])
        return ota_strdup("localhost");
    return ota_strdup(name);
}

/* The port in the authority of an https URL; 8443 where it names none (a proxy stands before the daemon). */
static const char *port_of(const char *url, char out[8]) {
    const char *host = url + strlen("https://");
    size_t n = strcspn(host, "/");
    const char *colon = memrchr(host, ':', n);
    const char *bracket = memrchr(host, ']', n);
    (void)snprintf(out, 8, "%s", DEFAULT_PORT);
    if (colon && colon > (bracket ? bracket : host))
        (void)snprintf(out, 8, "%.*s", (int)(host + n - colon - 1), colon + 1);
    return out;
}

static const char conf_text[] = "# The workspace of otactl and otaserve. See man ota.conf.\n"
                                "\n"
                                "# Where otaserve listens.\n"
                                "listen = 0.0.0.0:%s\n"
                                "\n"
                                "# What boards call. The name or address must be in the server's certificate.\n"
                                "url = %s\n";

static const char product_text[] = "\n"
                                   "[product %s]\n"
                                   "chip = %s\n"
                                   "\n"
                                   "# Names that boards follow. A release may be offered on these only.\n"
                                   "channels = beta stable\n"
                                   "\n"
                                   "# Where otactl push offers a release without --channel; empty: nowhere.\n"
                                   "default_channel = stable\n"
                                   "\n"
                                   "# Where images copied into %s are offered; empty: nowhere.\n"
                                   "auto = stable\n";

enum ota_status ota_init_conf(const struct ota_init_product *product, size_t count, const char *url,
                              struct ota_buf *text, struct ota_config *config, struct ota_err *err) {
    char port[8];
    for (size_t i = 0; i < count; i++) {
        OTA_TRY(check_product(product[i].name, err));
        OTA_TRY(check_chip(product[i].chip, err));
    }
    OTA_CLEAN_FREE char *host = own_host();
    OTA_CLEAN_FREE char *own = ota_sprintf("https://%s:" DEFAULT_PORT, host);
    if (url)
        OTA_TRY(check_url(url, err));
    else
        url = own;
    ota_buf_printf(text, conf_text, port_of(url, port), url);
    for (size_t i = 0; i < count; i++) {
        OTA_CLEAN_FREE char *inbox = count > 1 ? ota_sprintf("images/%s/", product[i].name) : ota_strdup("images/");
        ota_buf_printf(text, product_text, product[i].name, product[i].chip, inbox);
    }
    return ota_config_parse(ota_buf_span(text), "ota.conf", config, err);
}
