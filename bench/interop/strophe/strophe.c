/* A client on libstrophe: log in, fetch the roster, send a message to itself and read it back, set and remove a contact,
 * log out. It prints one line per step, `ok NAME` or `FAIL NAME: reason`, and exits 0 when all went well.
 *
 * usage: strophe TITLE JID PASSWORD HOST PORT CAFILE starttls|tls|plain
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <strophe.h>

enum { DEADLINE_MS = 20000 };

static const char body[] = "libstrophe & <friends> \xc3\xa9\xe6\xbc\xa2";

struct run {
    xmpp_ctx_t *ctx;
    xmpp_conn_t *conn;
    const char *title, *next; /* next: the step that is waited for */
    int failed, done;
    char mechanism[64];
};

static void ok(struct run *r, const char *step) { printf("ok libstrophe %s: %s\n", r->title, step); }

static void fail(struct run *r, const char *reason)
{
    if (!r->failed)
        printf("FAIL libstrophe %s: %s: %s\n", r->title, r->next, reason);
    r->failed = 1;
    xmpp_stop(r->ctx);
}

static int is_result(xmpp_stanza_t *s)
{
    const char *type = xmpp_stanza_get_type(s);
    return type && strcmp(type, "result") == 0;
}

static int on_deadline(xmpp_ctx_t *ctx, void *data)
{
    (void)ctx;
    fail(data, "nothing came in time");
    return 0;
}

static void send_roster_item(struct run *r, const char *id, const char *subscription)
{
    xmpp_stanza_t *iq = xmpp_iq_new(r->ctx, "set", id), *query = xmpp_stanza_new(r->ctx), *item = xmpp_stanza_new(r->ctx);
    xmpp_stanza_set_name(query, "query");
    xmpp_stanza_set_ns(query, XMPP_NS_ROSTER);
    xmpp_stanza_set_name(item, "item");
    xmpp_stanza_set_attribute(item, "jid", "strophe@example.net");
    if (subscription)
        xmpp_stanza_set_attribute(item, "subscription", subscription);
    xmpp_stanza_add_child(query, item);
    xmpp_stanza_add_child(iq, query);
    xmpp_send(r->conn, iq);
    xmpp_stanza_release(item);
    xmpp_stanza_release(query);
    xmpp_stanza_release(iq);
}

static int on_removed(xmpp_conn_t *conn, xmpp_stanza_t *s, void *data)
{
    struct run *r = data;
    if (!is_result(s)) {
        fail(r, "the answer is an error");
        return 0;
    }
    ok(r, "roster remove");
    r->next = "clean close";
    r->done = 1;
    xmpp_disconnect(conn);
    return 0;
}

static int on_added(xmpp_conn_t *conn, xmpp_stanza_t *s, void *data)
{
    struct run *r = data;
    if (!is_result(s)) {
        fail(r, "the answer is an error");
        return 0;
    }
    ok(r, "roster set");
    r->next = "roster remove";
    xmpp_id_handler_add(conn, on_removed, "remove", r);
    send_roster_item(r, "remove", "remove");
    return 0;
}

static int on_message(xmpp_conn_t *conn, xmpp_stanza_t *s, void *data)
{
    struct run *r = data;
    char *text = xmpp_message_get_body(s);
    int same = text && strcmp(text, body) == 0;
    xmpp_free(r->ctx, text);
    if (!same)
        return 1; /* perhaps one that was waiting for this account */
    ok(r, "message round trip");
    r->next = "roster set";
    xmpp_id_handler_add(conn, on_added, "add", r);
    send_roster_item(r, "add", NULL);
    return 0;
}

static int on_roster(xmpp_conn_t *conn, xmpp_stanza_t *s, void *data)
{
    struct run *r = data;
    xmpp_stanza_t *m, *presence, *query = xmpp_stanza_get_child_by_ns(s, XMPP_NS_ROSTER);
    if (!is_result(s) || !query) {
        fail(r, "the answer is no roster");
        return 0;
    }
    ok(r, "roster get");
    r->next = "message round trip";
    xmpp_handler_add(conn, on_message, NULL, "message", NULL, r);
    presence = xmpp_presence_new(r->ctx);
    xmpp_send(conn, presence);
    xmpp_stanza_release(presence);
    m = xmpp_message_new(r->ctx, "chat", xmpp_conn_get_bound_jid(conn), "round");
    xmpp_message_set_body(m, body);
    xmpp_send(conn, m);
    xmpp_stanza_release(m);
    return 0;
}

static void on_connection(xmpp_conn_t *conn, xmpp_conn_event_t event, int error, xmpp_stream_error_t *se, void *data)
{
    struct run *r = data;
    xmpp_stanza_t *iq, *query;
    char line[160];

    if (event != XMPP_CONN_CONNECT) {
        if (r->done && !error && !se)
            ok(r, "clean close");
        else if (se)
            fail(r, se->text ? se->text : "stream error");
        else
            fail(r, "the connection ended");
        xmpp_stop(r->ctx);
        return;
    }
    snprintf(line, sizeof line, "login with %s%s", r->mechanism, xmpp_conn_is_secured(conn) ? " and TLS" : "");
    ok(r, line);
    r->next = "roster get";
    iq = xmpp_iq_new(r->ctx, "get", "roster");
    query = xmpp_stanza_new(r->ctx);
    xmpp_stanza_set_name(query, "query");
    xmpp_stanza_set_ns(query, XMPP_NS_ROSTER);
    xmpp_stanza_add_child(iq, query);
    xmpp_stanza_release(query);
    xmpp_id_handler_add(conn, on_roster, "roster", r);
    xmpp_send(conn, iq);
    xmpp_stanza_release(iq);
}

/* on_log copies the log to standard error and picks the mechanism out of what is sent. */
static void on_log(void *data, xmpp_log_level_t level, const char *area, const char *msg)
{
    struct run *r = data;
    const char *at = strstr(msg, "<auth "), *m = at ? strstr(at, "mechanism=\"") : NULL;
    (void)level;
    if (m) {
        m += strlen("mechanism=\"");
        snprintf(r->mechanism, sizeof r->mechanism, "%.*s", (int)strcspn(m, "\""), m);
    }
    fprintf(stderr, "%s: %s\n", area, msg);
}

int main(int argc, char **argv)
{
    struct run r = {0};
    xmpp_log_t log = {on_log, &r};
    long flags = XMPP_CONN_FLAG_MANDATORY_TLS;

    if (argc != 8) {
        fprintf(stderr, "usage: strophe TITLE JID PASSWORD HOST PORT CAFILE starttls|tls|plain\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    r.title = argv[1];
    r.next = "login";
    if (strcmp(argv[7], "tls") == 0)
        flags = XMPP_CONN_FLAG_LEGACY_SSL;
    else if (strcmp(argv[7], "plain") == 0)
        flags = XMPP_CONN_FLAG_DISABLE_TLS;
    xmpp_initialize();
    r.ctx = xmpp_ctx_new(NULL, &log);
    r.conn = xmpp_conn_new(r.ctx);
    xmpp_conn_set_flags(r.conn, flags);
    xmpp_conn_set_jid(r.conn, argv[2]);
    xmpp_conn_set_pass(r.conn, argv[3]);
    xmpp_conn_set_cafile(r.conn, argv[6]);
    xmpp_global_timed_handler_add(r.ctx, on_deadline, DEADLINE_MS, &r);
    if (xmpp_connect_client(r.conn, argv[4], (unsigned short)atoi(argv[5]), on_connection, &r) != XMPP_EOK)
        fail(&r, "cannot connect");
    else
        xmpp_run(r.ctx);
    xmpp_conn_release(r.conn);
    xmpp_ctx_free(r.ctx);
    xmpp_shutdown();
    return r.failed;
}
