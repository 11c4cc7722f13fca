-- Copyright 2026 The WorkflowExecution Authors.
-- SPDX-License-Identifier: Apache-2.0

-- Everything lies in the first schema of the search path of whoever runs this. It can be run again.

-- +goose Up

CREATE TABLE IF NOT EXISTS audit_events (
	event_id        uuid        NOT NULL,
	event_date      date        NOT NULL,
	event_version   text        NOT NULL,
	event_timestamp timestamptz NOT NULL,
	event_type      text        NOT NULL,
	event_category  text        NOT NULL,
	event_action    text        NOT NULL,
	event_outcome   text        NOT NULL,
	actor_type      text        NOT NULL,
	actor_id        text        NOT NULL,
	resource_type   text        NOT NULL,
	resource_id     text        NOT NULL,
	correlation_id  text        NOT NULL,
	namespace       text        NOT NULL,
	duration_ms     bigint,
	severity        text        NOT NULL,
	event_data      jsonb       NOT NULL,
	recorded_at     timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (event_id, event_date),
	CONSTRAINT audit_events_date CHECK (event_date = (event_timestamp AT TIME ZONE 'UTC')::date)
) PARTITION BY RANGE (event_date);

COMMENT ON TABLE audit_events IS 'What became of the executions of workflows. Rows are added only; a partition has the events of a month.';
COMMENT ON COLUMN audit_events.event_id IS 'UUIDv5 of the UID of the execution and the type: a repeated event has the same.';
COMMENT ON COLUMN audit_events.event_date IS 'Date of event_timestamp in UTC.';
COMMENT ON COLUMN audit_events.event_version IS 'Version of the envelope.';
COMMENT ON COLUMN audit_events.event_timestamp IS 'When it happened, to the second.';
COMMENT ON COLUMN audit_events.event_type IS 'workflowexecution.workflow.started, .completed, .failed or .skipped, or workflowexecution.block.cleared.';
COMMENT ON COLUMN audit_events.event_category IS 'The part of the platform that tells of it: workflowexecution.';
COMMENT ON COLUMN audit_events.event_action IS 'Last word of the type.';
COMMENT ON COLUMN audit_events.event_outcome IS 'success, failure or pending. A skip is a success.';
COMMENT ON COLUMN audit_events.actor_type IS 'service, or user for one that the API server has authenticated.';
COMMENT ON COLUMN audit_events.actor_id IS 'Who did it.';
COMMENT ON COLUMN audit_events.resource_type IS 'WorkflowExecution.';
COMMENT ON COLUMN audit_events.resource_id IS 'Name of the execution.';
COMMENT ON COLUMN audit_events.correlation_id IS 'Name of the remediation request.';
COMMENT ON COLUMN audit_events.namespace IS 'Namespace of the execution.';
COMMENT ON COLUMN audit_events.duration_ms IS 'How long the workflow ran, in milliseconds; null if it did not.';
COMMENT ON COLUMN audit_events.severity IS 'info or error.';
COMMENT ON COLUMN audit_events.event_data IS 'Everything else, see docs/audit.md.';
COMMENT ON COLUMN audit_events.recorded_at IS 'When the row was added; the clock is that of the database.';

CREATE INDEX IF NOT EXISTS audit_events_event_data ON audit_events USING gin (event_data jsonb_path_ops);
CREATE INDEX IF NOT EXISTS audit_events_correlation_id ON audit_events (correlation_id, event_timestamp);
CREATE INDEX IF NOT EXISTS audit_events_event_type ON audit_events (event_type, event_timestamp);

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_events_ensure_partition(day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	parent regclass := 'audit_events'::regclass;
	home   oid      := (SELECT relnamespace FROM pg_class WHERE oid = parent);
	first  date     := date_trunc('month', day::timestamp)::date;
	name   text     := 'audit_events_' || to_char(first::timestamp, 'YYYY_MM');
	late   text     := name || '_late';
BEGIN
	IF day IS NULL OR day NOT BETWEEN DATE '2000-01-01' AND DATE '2199-12-31' THEN
		RAISE EXCEPTION 'there is no partition of audit_events for %', day USING ERRCODE = 'datetime_field_overflow';
	END IF;
	FOR attempt IN 1..2 LOOP
		-- By query and not by regclass: that is answered from a cache which knows nothing of what others did while we waited.
		IF EXISTS (SELECT FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
				WHERE i.inhparent = parent AND c.relnamespace = home AND c.relname IN (name, late)) THEN
			RETURN;
		END IF;
		-- Two who create a partition at the same time do so one after the other.
		PERFORM pg_advisory_xact_lock(parent::oid::bigint);
	END LOOP;
	-- The name is taken if the partition has been detached and kept.
	IF EXISTS (SELECT FROM pg_class WHERE relnamespace = home AND relname = name) THEN
		name := late;
	END IF;
	-- To attach a table keeps out neither readers nor writers, to create it as a partition does.
	EXECUTE format('CREATE TABLE %s.%I (LIKE %s INCLUDING ALL)', home::regnamespace, name, parent);
	EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s.%I FOR VALUES FROM (%L) TO (%L)',
		parent, home::regnamespace, name, first, (first + interval '1 month')::date);
EXCEPTION WHEN invalid_object_definition THEN
	-- An administrator has made a partition of another length that has the month.
	NULL;
END
$$;
-- +goose StatementEnd

-- Whatever the caller's search path is, the function finds this table and the system's functions.
-- +goose StatementBegin
DO $$
BEGIN
	EXECUTE format('ALTER FUNCTION audit_events_ensure_partition(date) SET search_path = pg_catalog, %I, pg_temp',
		(SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = 'audit_events'::regclass));
END
$$;
-- +goose StatementEnd

COMMENT ON FUNCTION audit_events_ensure_partition(date) IS 'Creates the partition for the month of the day, as the owner, unless it is there.';

CREATE OR REPLACE FUNCTION audit_events_schema_version() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';

COMMENT ON FUNCTION audit_events_schema_version() IS 'Number of the last migration. Who writes events checks it.';

-- What was executed, skipped and failed, and cleared, of one remediation. Times have the resolution of
-- a second, so that a short execution has started and ended at the same time.
CREATE OR REPLACE VIEW audit_remediation_timeline AS
SELECT
	correlation_id,
	row_number() OVER (
		PARTITION BY correlation_id
		ORDER BY event_timestamp, CASE event_action WHEN 'started' THEN 0 WHEN 'cleared' THEN 2 ELSE 1 END, namespace, resource_id, event_id
	) AS step,
	event_timestamp,
	event_action,
	event_outcome,
	namespace,
	resource_id AS execution,
	actor_id AS actor,
	event_data ->> 'workflow_id' AS workflow,
	event_data ->> 'workflow_version' AS workflow_version,
	event_data ->> 'target_resource' AS target,
	CASE event_action
		WHEN 'failed' THEN event_data ->> 'failure_reason'
		WHEN 'skipped' THEN event_data ->> 'skip_reason'
		WHEN 'cleared' THEN event_data ->> 'clear_reason'
	END AS reason,
	CASE event_action WHEN 'failed' THEN event_data ->> 'failure_message' WHEN 'skipped' THEN event_data ->> 'skip_message' END AS message,
	duration_ms,
	event_id,
	event_data
FROM audit_events;

COMMENT ON VIEW audit_remediation_timeline IS 'The events of each remediation (correlation_id), numbered by step in the order in which they happened.';

CREATE OR REPLACE VIEW audit_failures_by_target AS
SELECT
	event_data ->> 'target_resource' AS target,
	event_data ->> 'failure_reason' AS reason,
	count(*) AS failures,
	min(event_timestamp) AS first_failure,
	max(event_timestamp) AS last_failure,
	array_agg(DISTINCT event_data ->> 'workflow_id') AS workflows
FROM audit_events
WHERE event_type = 'workflowexecution.workflow.failed'
GROUP BY 1, 2;

COMMENT ON VIEW audit_failures_by_target IS 'How often, when and why workflows have failed on each target.';

CREATE OR REPLACE VIEW audit_success_rate_by_workflow AS
SELECT
	workflow,
	workflow_version,
	completed,
	failed,
	skipped,
	round(100.0 * completed / nullif(completed + failed, 0), 1) AS success_percent,
	mean_duration_ms,
	refused
FROM (
	SELECT
		event_data ->> 'workflow_id' AS workflow,
		event_data ->> 'workflow_version' AS workflow_version,
		count(*) FILTER (WHERE event_action = 'completed') AS completed,
		-- What was never started has no duration.
		count(*) FILTER (WHERE event_action = 'failed' AND duration_ms IS NOT NULL) AS failed,
		count(*) FILTER (WHERE event_action = 'failed' AND duration_ms IS NULL) AS refused,
		count(*) FILTER (WHERE event_action = 'skipped') AS skipped,
		round(avg(duration_ms) FILTER (WHERE event_action = 'completed')) AS mean_duration_ms
	FROM audit_events
	WHERE event_type IN ('workflowexecution.workflow.completed', 'workflowexecution.workflow.failed', 'workflowexecution.workflow.skipped')
	GROUP BY 1, 2
) AS ends;

COMMENT ON VIEW audit_success_rate_by_workflow IS
	'How executions of each workflow have ended. success_percent is of completed and failed ones, which were started: refused and skipped ones were not.';

CREATE OR REPLACE VIEW audit_skips AS
SELECT
	event_timestamp AS skipped_at,
	namespace,
	resource_id AS execution,
	correlation_id,
	event_data ->> 'workflow_id' AS workflow,
	event_data ->> 'target_resource' AS target,
	event_data ->> 'skip_reason' AS reason,
	event_data ->> 'skip_message' AS message,
	event_data ->> 'conflicting_execution' AS conflicting_execution
FROM audit_events
WHERE event_type = 'workflowexecution.workflow.skipped';

COMMENT ON VIEW audit_skips IS 'What was skipped and why. conflicting_execution is the one that it is due to, as namespace/name.';

CREATE OR REPLACE VIEW audit_block_clearances AS
SELECT
	cleared.event_timestamp AS cleared_at,
	cleared.actor_id AS cleared_by,
	cleared.event_data ->> 'clear_method' AS method,
	cleared.event_data ->> 'clear_reason' AS reason,
	cleared.event_data ->> 'target_resource' AS target,
	cleared.namespace,
	cleared.resource_id AS execution,
	cleared.correlation_id,
	failure.event_timestamp AS failed_at,
	coalesce(failure.event_data ->> 'failure_reason', cleared.event_data ->> 'failure_reason') AS failure_reason,
	coalesce(failure.event_data ->> 'failure_message', cleared.event_data ->> 'failure_message') AS failure_message
FROM audit_events AS cleared
LEFT JOIN LATERAL (
	SELECT failed.event_timestamp, failed.event_data
	FROM audit_events AS failed
	WHERE failed.event_type = 'workflowexecution.workflow.failed'
		AND failed.correlation_id = cleared.correlation_id
		AND failed.namespace = cleared.namespace
		AND failed.resource_id = cleared.resource_id
		AND failed.event_timestamp <= cleared.event_timestamp
	ORDER BY failed.event_timestamp DESC
	LIMIT 1
) AS failure ON true
WHERE cleared.event_type = 'workflowexecution.block.cleared';

COMMENT ON VIEW audit_block_clearances IS 'Who cleared which block, when and why, and of which failure it was.';

-- Nobody has a right to any of it that the owner has not granted.
REVOKE ALL ON audit_events, audit_remediation_timeline, audit_failures_by_target, audit_success_rate_by_workflow, audit_skips,
	audit_block_clearances FROM PUBLIC;
REVOKE ALL ON FUNCTION audit_events_ensure_partition(date), audit_events_schema_version() FROM PUBLIC;
