/* SPDX-License-Identifier: Apache-2.0 */
/* ESP-IDF's HTTP server as far as page.c uses it: tests/esp/double/http_server.c. */
#ifndef OTA_TESTS_ESP_HTTP_SERVER_H
#define OTA_TESTS_ESP_HTTP_SERVER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "esp_err.h"

#define ESP_ERR_HTTPD_RESULT_TRUNC 0xb004
#define ESP_ERR_HTTPD_RESP_HDR 0xb005
#define ESP_ERR_HTTPD_ALLOC_MEM 0xb007
#define ESP_ERR_HTTPD_TASK 0xb008
#define HTTPD_SOCK_ERR_FAIL (-1)
#define HTTPD_SOCK_ERR_INVALID (-2)
#define HTTPD_SOCK_ERR_TIMEOUT (-3)

/* http_parser's numbers. */
enum http_method { HTTP_DELETE = 0, HTTP_GET = 1, HTTP_HEAD = 2, HTTP_POST = 3, HTTP_PUT = 4, HTTP_OPTIONS = 6 };
const char *http_method_str(enum http_method m);
typedef enum http_method httpd_method_t;
#define HTTP_ANY INT_MAX

typedef void *httpd_handle_t;
typedef void (*httpd_free_ctx_fn_t)(void *ctx);
typedef esp_err_t (*httpd_open_func_t)(httpd_handle_t hd, int sockfd);
typedef void (*httpd_close_func_t)(httpd_handle_t hd, int sockfd);
typedef int (*httpd_recv_func_t)(httpd_handle_t hd, int sockfd, char *buf, size_t buf_len, int flags);
typedef bool (*httpd_uri_match_func_t)(const char *reference, const char *uri, size_t match_upto);

typedef struct {
    size_t stack_size, max_req_hdr_len;
    uint16_t server_port, ctrl_port, max_open_sockets, max_uri_handlers, max_resp_headers, backlog_conn;
    bool lru_purge_enable;
    uint16_t recv_wait_timeout, send_wait_timeout;
    void *global_user_ctx;
    httpd_free_ctx_fn_t global_user_ctx_free_fn;
    httpd_open_func_t open_fn;
    httpd_close_func_t close_fn;
    httpd_uri_match_func_t uri_match_fn;
} httpd_config_t;
#define HTTPD_DEFAULT_CONFIG()                                                                                     \
    {                                                                                                              \
        .stack_size = 4096, .max_req_hdr_len = 1024, .server_port = 80, .ctrl_port = 32768, .max_open_sockets = 7, \
        .max_uri_handlers = 8, .max_resp_headers = 8, .backlog_conn = 5, .recv_wait_timeout = 5,                   \
        .send_wait_timeout = 5                                                                                     \
    }

typedef struct httpd_req {
    httpd_handle_t handle;
    int method;
    const char uri[513];
    size_t content_len;
    void *aux;
    void *user_ctx;
} httpd_req_t;

typedef struct {
    const char *uri;
    httpd_method_t method;
    esp_err_t (*handler)(httpd_req_t *r);
    void *user_ctx;
} httpd_uri_t;

esp_err_t httpd_start(httpd_handle_t *handle, const httpd_config_t *config);
esp_err_t httpd_stop(httpd_handle_t handle);
esp_err_t httpd_sess_set_recv_override(httpd_handle_t hd, int sockfd, httpd_recv_func_t recv_func);
void *httpd_get_global_user_ctx(httpd_handle_t handle);
esp_err_t httpd_register_uri_handler(httpd_handle_t handle, const httpd_uri_t *uri_handler);
bool httpd_uri_match_wildcard(const char *reference, const char *uri, size_t match_upto);
size_t httpd_req_get_hdr_value_len(httpd_req_t *r, const char *field);
esp_err_t httpd_req_get_hdr_value_str(httpd_req_t *r, const char *field, char *val, size_t val_size);
int httpd_req_recv(httpd_req_t *r, char *buf, size_t buf_len);
esp_err_t httpd_resp_set_status(httpd_req_t *r, const char *status);
esp_err_t httpd_resp_set_type(httpd_req_t *r, const char *type);
esp_err_t httpd_resp_set_hdr(httpd_req_t *r, const char *field, const char *value);
esp_err_t httpd_resp_send(httpd_req_t *r, const char *buf, ssize_t buf_len);
int httpd_send(httpd_req_t *r, const char *buf, size_t buf_len);

#endif
