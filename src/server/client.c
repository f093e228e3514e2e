/* SPDX-License-Identifier: Apache-2.0 */
/* One TLS connection, from accept to close. */
#include "server/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define CLIENT_MAGIC 0x6F746163u

static uint64_t uptime_ms(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static ssize_t receive(struct ota_client *c, void *data, size_t size) {
    ssize_t n = recv(c->fd, data, size, 0);
    c->ended = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
    return n;
}

/* GnuTLS asks for a record's 5 byte header, then its body: reading ahead halves the calls. Bytes left over are given
 * first, and after a short read recv() is asked again: with edge-triggered epoll only the kernel's own EAGAIN may be
 * passed on. */
static ssize_t pull(gnutls_transport_ptr_t p, void *data, size_t size) {
    struct ota_client *c = p;
    if (c->at == c->have) {
        if (size >= sizeof c->in)
            return receive(c, data, size);
        ssize_t n = receive(c, c->in, sizeof c->in);
        if (n <= 0)
            return n;
        c->at = 0;
        c->have = (uint16_t)n;
    }
    size_t n = (size_t)(c->have - c->at) < size ? (size_t)(c->have - c->at) : size;
    memcpy(data, c->in + c->at, n);
    c->at = (uint16_t)(c->at + n);
    return (ssize_t)n;
}

void ota_clients_init(struct ota_clients *all) {
    *all = (struct ota_clients){
        .new = {.allowed_ms = OTA_CLIENT_FIRST_REQUEST_MS},
        .idle = {.allowed_ms = OTA_CLIENT_NEXT_REQUEST_MS},
    };
    (void)pthread_mutex_init(&all->lock, NULL);
}

void ota_clients_free(struct ota_clients *all) {
    (void)pthread_mutex_destroy(&all->lock);
}

static void enqueue(struct ota_client_queue *q, struct ota_client *c) {
    c->since_ms = uptime_ms();
    c->waits = q;
    c->prev = q->last;
    *(q->last ? &q->last->next : &q->first) = c;
    q->last = c;
}

static void dequeue(struct ota_client *c) {
    struct ota_client_queue *q = c->waits;
    *(c->prev ? &c->prev->next : &q->first) = c->next;
    *(c->next ? &c->next->prev : &q->last) = c->prev;
    c->next = c->prev = NULL;
    c->waits = NULL;
}

struct ota_client *ota_client_open(struct ota_clients *all, gnutls_session_t session, int fd) {
    struct ota_client *c = malloc(sizeof *c);
    if (!c)
        return NULL;
    memset(c, 0, offsetof(struct ota_client, in));
    c->magic = CLIENT_MAGIC;
    c->fd = fd;
    gnutls_transport_ptr_t receive, send;
    gnutls_transport_get_ptr2(session, &receive, &send);
    gnutls_transport_set_ptr2(session, c, send);
    gnutls_transport_set_pull_function(session, pull);
    /* libmicrohttpd keeps the session pointer for itself; the database pointer is free, since there is no session
     * database. */
    gnutls_db_set_ptr(session, c);
    (void)pthread_mutex_lock(&all->lock);
    enqueue(&all->new, c);
    (void)pthread_mutex_unlock(&all->lock);
    return c;
}

struct ota_client *ota_client_of(gnutls_session_t session) {
    struct ota_client *c = gnutls_db_get_ptr(session);
    return c && c->magic == CLIENT_MAGIC ? c : NULL;
}

void ota_client_ready(struct ota_clients *all, struct ota_client *c) {
    (void)pthread_mutex_lock(&all->lock);
    if (c->waits)
        dequeue(c);
    (void)pthread_mutex_unlock(&all->lock);
}

/* One that was answered before its request had come to its end keeps the deadline it had. */
void ota_client_answered(struct ota_clients *all, struct ota_client *c) {
    (void)pthread_mutex_lock(&all->lock);
    if (!c->waits)
        enqueue(&all->idle, c);
    (void)pthread_mutex_unlock(&all->lock);
}

void ota_client_close(struct ota_clients *all, struct ota_client *c) {
    ota_client_ready(all, c);
    c->magic = 0;
    free(c);
}

static int sweep(struct ota_client_queue *q, uint64_t now) {
    while (q->first && now - q->first->since_ms >= q->allowed_ms) {
        struct ota_client *c = q->first;
        dequeue(c);
        (void)shutdown(c->fd, SHUT_RDWR);
    }
    return q->first ? (int)(q->allowed_ms - (now - q->first->since_ms)) : -1;
}

int ota_clients_sweep(struct ota_clients *all) {
    (void)pthread_mutex_lock(&all->lock);
    uint64_t now = uptime_ms();
    int a = sweep(&all->new, now), b = sweep(&all->idle, now);
    (void)pthread_mutex_unlock(&all->lock);
    return a < 0 || (b >= 0 && b < a) ? b : a;
}
