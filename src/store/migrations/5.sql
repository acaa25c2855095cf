-- Version 5: alerts.
-- Times are milliseconds since 1970 in UTC. site '(bursar)': the daemon itself.

-- Alerts that are pending or fire. Written together with the events that tell of them.
CREATE TABLE alert_state (
    site    TEXT NOT NULL,
    rule    TEXT NOT NULL,
    subject TEXT NOT NULL,
    json    TEXT NOT NULL,
    PRIMARY KEY (site, rule, subject)
) STRICT, WITHOUT ROWID;

-- What happened to alerts: fired, repeated, escalated, resolved, silenced, inhibited.
CREATE TABLE alert_history (
    id       INTEGER PRIMARY KEY,
    time     INTEGER NOT NULL,
    site     TEXT    NOT NULL,
    rule     TEXT    NOT NULL,
    subject  TEXT    NOT NULL,
    what     TEXT    NOT NULL,
    severity TEXT    NOT NULL,
    text     TEXT    NOT NULL,
    sent     INTEGER NOT NULL -- to how many destinations
) STRICT;
CREATE INDEX alert_history_time ON alert_history (time);

-- A person's wish to hear nothing of some alerts. NULL: of every site, rule, subject. AUTOINCREMENT:
-- states name silences by their id.
CREATE TABLE alert_silence (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    site    TEXT,
    rule    TEXT,
    subject TEXT,
    since   INTEGER NOT NULL,
    until   INTEGER NOT NULL,
    why     TEXT    NOT NULL,
    by      TEXT    NOT NULL
) STRICT;

-- How many events each queue had lost when it was last looked at, and when that number had grown.
CREATE TABLE alert_drops (
    destination TEXT    NOT NULL PRIMARY KEY,
    count       INTEGER NOT NULL,
    grew        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
