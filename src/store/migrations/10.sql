-- Version 10: which settings the daemon runs on, who wants them read again, and who asks whether it lives.

CREATE TABLE reload (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    asked    INTEGER NOT NULL, -- how often commands asked for it
    done     INTEGER NOT NULL, -- up to which of these it was done
    pinged   INTEGER NOT NULL, -- how often commands asked whether the daemon lives
    answered INTEGER NOT NULL, -- up to which of these it answered
    state    TEXT              -- JSON; NULL before a daemon ran
) STRICT;
INSERT INTO reload VALUES (1, 0, 0, 0, 0, NULL);
