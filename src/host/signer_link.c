/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to and from the signer; see signer_link.h. */
#include "host/signer_link.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define HEADER 8u
#define FOR_EVER (-1)

void ota_signer_message_free(struct ota_signer_message *m) {
    for (size_t i = 0; i < OTA_SIGNER_PARTS_MAX; i++)
        ota_buf_free(&m->part[i]);
    memset(m, 0, sizeof *m);
}

/* MSG_NOSIGNAL: a signer that died must not take its caller with it. */
static enum ota_status send_all(int fd, const void *p, size_t n, struct ota_err *err) {
    const uint8_t *at = p;
    while (n) {
        ssize_t done = send(fd, at, n, MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return ota_err_set(err, OTA_TIMEOUT, "signer link: the other side does not read");
        if (done < 0)
            return ota_err_set(err, OTA_IO, "signer link: %s", strerror(errno));
        at += done;
        n -= (size_t)done;
    }
    return OTA_OK;
}

enum ota_status ota_signer_send(int fd, uint32_t type, const struct ota_span *parts, size_t count,
                                struct ota_err *err) {
    if (count > OTA_SIGNER_PARTS_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "signer link: %zu parts, at most %u", count, OTA_SIGNER_PARTS_MAX);
    for (size_t i = 0; i < count; i++)
        if (parts[i].len > OTA_SIGNER_PART_MAX)
            return ota_err_set(err, OTA_TOO_LARGE, "signer link: part %zu has %zu bytes, at most %u", i, parts[i].len,
                               OTA_SIGNER_PART_MAX);
    uint8_t head[HEADER];
    ota_put_le32(head, type);
    ota_put_le32(head + 4, (uint32_t)count);
    OTA_TRY(send_all(fd, head, sizeof head, err));
    for (size_t i = 0; i < count; i++) {
        uint8_t len[4];
        ota_put_le32(len, (uint32_t)parts[i].len);
        OTA_TRY(send_all(fd, len, sizeof len, err));
        OTA_TRY(send_all(fd, parts[i].p, parts[i].len, err));
    }
    return OTA_OK;
}

static int64_t now_ms(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static enum ota_status wait_readable(int fd, int64_t deadline, struct ota_err *err) {
    for (;;) {
        int64_t left = deadline == FOR_EVER ? -1 : deadline - now_ms();
        if (deadline != FOR_EVER && left <= 0)
            return ota_err_set(err, OTA_TIMEOUT, "signer link: no answer in time");
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int n = poll(&p, 1, (int)left);
        if (n > 0)
            return OTA_OK;
        if (n < 0 && errno != EINTR)
            return ota_err_set(err, OTA_IO, "signer link: %s", strerror(errno));
    }
}

/* *got < n only when the peer closed. */
static enum ota_status receive_all(int fd, void *p, size_t n, int64_t deadline, size_t *got, struct ota_err *err) {
    *got = 0;
    while (*got < n) {
        OTA_TRY(wait_readable(fd, deadline, err));
        ssize_t done = recv(fd, (uint8_t *)p + *got, n - *got, 0);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0 && errno != ECONNRESET)
            return ota_err_set(err, OTA_IO, "signer link: %s", strerror(errno));
        if (done <= 0)
            return OTA_OK;
        *got += (size_t)done;
    }
    return OTA_OK;
}

static enum ota_status receive_exactly(int fd, void *p, size_t n, int64_t deadline, struct ota_err *err) {
    size_t got;
    OTA_TRY(receive_all(fd, p, n, deadline, &got, err));
    if (got < n)
        return ota_err_set(err, OTA_TRUNCATED, "signer link: closed in the middle of a message");
    return OTA_OK;
}

static enum ota_status receive_part(int fd, struct ota_buf *part, int64_t deadline, struct ota_err *err) {
    uint8_t head[4];
    OTA_TRY(receive_exactly(fd, head, sizeof head, deadline, err));
    uint32_t len = ota_le32(head);
    if (len > OTA_SIGNER_PART_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "signer link: a part of %u bytes, at most %u", len, OTA_SIGNER_PART_MAX);
    ota_buf_reserve(part, len);
    OTA_TRY(receive_exactly(fd, part->p, len, deadline, err));
    part->len = len;
    part->p[len] = 0;
    return OTA_OK;
}

enum ota_status ota_signer_receive(int fd, struct ota_signer_message *m, int wait_ms, bool *closed,
                                   struct ota_err *err) {
    ota_signer_message_free(m);
    *closed = false;
    int64_t deadline = wait_ms < 0 ? FOR_EVER : now_ms() + wait_ms;
    uint8_t head[HEADER];
    size_t got;
    OTA_TRY(receive_all(fd, head, sizeof head, deadline, &got, err));
    if (got == 0) {
        *closed = true;
        return OTA_OK;
    }
    if (got < sizeof head)
        return ota_err_set(err, OTA_TRUNCATED, "signer link: closed in the middle of a message");
    uint32_t count = ota_le32(head + 4);
    if (count > OTA_SIGNER_PARTS_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "signer link: %u parts, at most %u", count, OTA_SIGNER_PARTS_MAX);
    m->type = ota_le32(head);
    for (; m->count < count; m->count++)
        OTA_TRY(receive_part(fd, &m->part[m->count], deadline, err));
    return OTA_OK;
}
