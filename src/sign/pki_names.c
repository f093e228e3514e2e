/* SPDX-License-Identifier: Apache-2.0 */
/* Names and addresses for the server certificate; see pki_names.h. */
#include "sign/pki_names.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <string.h>

#define HOST_MAX 253u /* RFC 1035 */

static bool host_valid(const char *host) {
    size_t n = strlen(host);
    if (n == 0 || n > HOST_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)host[i]) && !strchr("-._:", host[i]))
            return false;
    return true;
}

static void add(struct ota_buf *names, const char *kind, const char *value) {
    if (!host_valid(value))
        return;
    OTA_CLEAN_FREE char *item = ota_sprintf("%s:%s", kind, value);
    const size_t n = strlen(item);
    for (const char *at = strstr(ota_buf_text(names), item); at; at = strstr(at + 1, item))
        if ((at == ota_buf_text(names) || at[-1] == ',') && (at[n] == ',' || at[n] == '\0'))
            return;
    ota_buf_printf(names, "%s%s", names->len ? "," : "", item);
}

static bool is_address(const char *host) {
    struct in6_addr a;
    return inet_pton(AF_INET, host, &a) == 1 || inet_pton(AF_INET6, host, &a) == 1;
}

static void add_host(struct ota_buf *names, const char *host) {
    add(names, is_address(host) ? "IP" : "DNS", host);
}

/* scheme://[user@]host[:port][/...], IPv6 in brackets. "" when there is none. */
static char *host_of(const char *url) {
    const char *at = strstr(url, "://");
    at = at ? at + 3 : url;
    size_t n = strcspn(at, "/?#");
    const char *user = memchr(at, '@', n);
    if (user) {
        n -= (size_t)(user + 1 - at);
        at = user + 1;
    }
    if (n && *at == '[') {
        const char *end = memchr(at, ']', n);
        return end ? ota_sprintf("%.*s", (int)(end - at - 1), at + 1) : ota_strdup("");
    }
    const char *port = memchr(at, ':', n);
    return ota_sprintf("%.*s", (int)(port ? port - at : (long)n), at);
}

static void add_address(struct ota_buf *names, const struct sockaddr *a) {
    char text[INET6_ADDRSTRLEN] = "";
    const void *bytes = NULL;
    if (a->sa_family == AF_INET)
        bytes = &((const struct sockaddr_in *)(const void *)a)->sin_addr;
    else if (a->sa_family == AF_INET6)
        bytes = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
    if (bytes && inet_ntop(a->sa_family, bytes, text, sizeof text))
        add(names, "IP", text);
}

static void add_local_addresses(struct ota_buf *names) {
    struct ifaddrs *list = NULL;
    if (getifaddrs(&list) != 0)
        return; /* loopback and the url remain */
    for (const struct ifaddrs *i = list; i; i = i->ifa_next)
        if (i->ifa_addr)
            add_address(names, i->ifa_addr);
    freeifaddrs(list);
}

void ota_pki_names(const char *url, char **common, struct ota_buf *names) {
    char hostname[HOST_NAME_MAX + 1] = "";
    OTA_CLEAN_FREE char *given = host_of(url);
    if (gethostname(hostname, sizeof hostname - 1) != 0 || !host_valid(hostname))
        (void)strcpy(hostname, "localhost");
    *common = ota_strdup(host_valid(given) ? given : hostname);
    /* X.520: a common name holds at most 64 characters. */
    if (strlen(*common) > 64)
        (*common)[64] = '\0';
    add_host(names, given);
    add_host(names, hostname);
    if (strcmp(hostname, "localhost") != 0) { /* mDNS announces the first label */
        OTA_CLEAN_FREE char *local = ota_sprintf("%.*s.local", (int)strcspn(hostname, "."), hostname);
        add_host(names, local);
    }
    add(names, "DNS", "localhost");
    add(names, "IP", "127.0.0.1");
    add(names, "IP", "::1");
    add_local_addresses(names);
}
