-- Version 6: the runs of the task that reloads the License Monitor app.
-- Times are milliseconds since 1970 in UTC.
CREATE TABLE app_run (
    site    TEXT    NOT NULL,
    run     TEXT    NOT NULL,  -- id of the execution result
    task    TEXT    NOT NULL,
    -- When it began, ended, or was seen first: whatever is known first. Orders the runs.
    time    INTEGER NOT NULL,
    -- The run, and the end of its script log if it failed, as JSON.
    facts   TEXT    NOT NULL,
    log     TEXT,
    PRIMARY KEY (site, run)
) STRICT, WITHOUT ROWID;

CREATE INDEX app_run_time ON app_run (site, time);
