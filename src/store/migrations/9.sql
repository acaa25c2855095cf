-- Version 9: who may see the pages, and what they order.
-- Times are milliseconds since 1970 in UTC.

CREATE TABLE page_user (
    name     TEXT    PRIMARY KEY,
    role     TEXT    NOT NULL, -- viewer, operator
    sites    TEXT,             -- names as JSON; NULL: all
    password TEXT    NOT NULL, -- Argon2id, as a PHC string
    since    INTEGER NOT NULL,
    changed  INTEGER NOT NULL  -- the password
) STRICT, WITHOUT ROWID;

-- Who is logged in. They end with their user, with the password, and by themselves.
CREATE TABLE page_session (
    secret TEXT    PRIMARY KEY, -- SHA-256 of what the browser has
    user   TEXT    NOT NULL REFERENCES page_user (name) ON DELETE CASCADE,
    since  INTEGER NOT NULL,
    used   INTEGER NOT NULL,
    peer   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX page_session_user ON page_session (user);

CREATE TABLE page_token (
    name   TEXT    PRIMARY KEY,
    secret TEXT    NOT NULL UNIQUE, -- SHA-256 of what a program has
    role   TEXT    NOT NULL,
    sites  TEXT,                    -- as of a user
    since  INTEGER NOT NULL,
    until  INTEGER                  -- NULL: until it is removed
) STRICT, WITHOUT ROWID;

-- What somebody ordered on a page, for the release engine of the daemon. Each is carried out once at most:
-- `taken` is on the disk before anything is done.
CREATE TABLE page_order (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    site    TEXT    NOT NULL,
    form    TEXT    NOT NULL UNIQUE, -- what the form had: one that is sent twice is one order
    what    TEXT    NOT NULL,        -- apply, undo
    run     TEXT    NOT NULL,        -- whose plan is applied, or whose seats go back
    digest  TEXT,                    -- of the plan that the person saw
    by      TEXT    NOT NULL,
    peer    TEXT    NOT NULL,
    time    INTEGER NOT NULL,
    taken   INTEGER,
    ended   INTEGER,
    done    TEXT,                    -- the run that carried it out
    outcome TEXT                     -- in words
) STRICT;
CREATE INDEX page_order_site ON page_order (site, ended);
