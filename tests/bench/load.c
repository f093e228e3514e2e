/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks a server for one address as often as it can over connections that stay open, and says what it got:
 *
 *   load URL CA-FILE SECONDS CONNECTIONS [ETAG]     with ETAG: If-None-Match, every answer must be 304
 *
 * Prints "REQUESTS SECONDS BYTES". Ends with 1 when an answer was another, or a connection was opened again.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONNECTIONS_MAX 256

static struct {
    const char *url, *ca;
    struct curl_slist *headers;
    long wanted; /* status */
    long connections;
    double seconds;
} job;

static struct {
    unsigned long requests, opened, wrong;
    double bytes;
} got;

static double now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t count(char *p, size_t size, size_t n, void *ctx) {
    (void)p;
    (void)ctx;
    got.bytes += (double)(size * n);
    return size * n;
}

static CURL *new_client(void) {
    CURL *c = curl_easy_init();
    if (!c)
        exit(1);
    curl_easy_setopt(c, CURLOPT_URL, job.url);
    curl_easy_setopt(c, CURLOPT_CAINFO, job.ca);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, job.headers);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, count);
    curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 256L * 1024L);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    return c;
}

static void note(CURL *c, CURLcode result) {
    long status = 0, opened = 0;
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(c, CURLINFO_NUM_CONNECTS, &opened);
    got.requests++;
    got.opened += (unsigned long)opened;
    if (result == CURLE_OK && status == job.wanted)
        return;
    if (got.wrong++ == 0)
        fprintf(stderr, "load: %s: status %ld, %s\n", job.url, status, curl_easy_strerror(result));
}

/* Each client asks again as soon as it has its answer, until the time is over. */
static void run(CURLM *multi) {
    const double end = now() + job.seconds;
    int running = 1, left;
    while (running) {
        CURLMsg *m;
        curl_multi_perform(multi, &running);
        while ((m = curl_multi_info_read(multi, &left))) {
            CURL *c = m->easy_handle;
            if (m->msg != CURLMSG_DONE)
                continue;
            note(c, m->data.result);
            curl_multi_remove_handle(multi, c);
            if (now() < end && got.wrong == 0) {
                curl_multi_add_handle(multi, c);
                running++;
            }
        }
        if (running)
            curl_multi_poll(multi, NULL, 0, 100, NULL);
    }
}

static int usage(void) {
    fprintf(stderr, "usage: load URL CA-FILE SECONDS CONNECTIONS [ETAG]\n");
    return 2;
}

int main(int argc, char **argv) {
    CURL *client[CONNECTIONS_MAX];
    char condition[256];
    if (argc < 5 || argc > 6)
        return usage();
    job.url = argv[1];
    job.ca = argv[2];
    job.seconds = strtod(argv[3], NULL);
    job.connections = strtol(argv[4], NULL, 10);
    job.wanted = argc == 6 ? 304 : 200;
    if (job.connections < 1 || job.connections > CONNECTIONS_MAX || !(job.seconds > 0))
        return usage();
    if (argc == 6) {
        (void)snprintf(condition, sizeof condition, "If-None-Match: %s", argv[5]);
        job.headers = curl_slist_append(NULL, condition);
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM *multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, job.connections);
    for (long i = 0; i < job.connections; i++) {
        client[i] = new_client();
        curl_multi_add_handle(multi, client[i]);
    }
    const double start = now();
    run(multi);
    printf("%lu %.3f %.0f\n", got.requests, now() - start, got.bytes);
    for (long i = 0; i < job.connections; i++) {
        curl_multi_remove_handle(multi, client[i]);
        curl_easy_cleanup(client[i]);
    }
    curl_multi_cleanup(multi);
    curl_slist_free_all(job.headers);
    curl_global_cleanup();
    bool reopened = got.opened > (unsigned long)job.connections;
    if (reopened)
        fprintf(stderr, "load: %lu connections for %ld clients\n", got.opened, job.connections);
    return got.wrong || reopened;
}
